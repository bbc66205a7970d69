"""What a forked child does with a candidate: the failing tests, then the related ones, until one does not pass."""

from __future__ import annotations

from _cwm_runner.bench_options import file_of
from _cwm_runner.bench_report import Reports


class Selection:
    """Which of the collected tests a candidate has to pass; an id may also name a group of them."""

    def __init__(self, items: list, failing: list[str], related: list[str]) -> None:
        self.failing, self.missing = _select(items, failing)
        chosen = {id(item) for item in self.failing}
        others, lost = _select(items, related)
        self.related = [item for item in others if id(item) not in chosen]
        self.missing += lost

    @property
    def items(self) -> list:
        """The tests in the order in which they run."""
        return self.failing + self.related

    @property
    def total(self) -> int:
        """How many tests there are, those that could not be found included."""
        return len(self.failing) + len(self.related) + len(self.missing)

    def stage(self, position: int) -> str:
        """How far a candidate came that does not pass the test at `position`."""
        return "failing" if position < len(self.failing) else "related"


def _select(items: list, wanted: list[str]) -> tuple[list, list[str]]:
    """The items that the ids name, in pytest's order, and the ids that name none."""
    exact = {item.nodeid for item in items}
    names = {node for node in wanted if node in exact}
    prefixes = {node: (f"{node}::", f"{node}[") for node in wanted if node not in exact}
    every = tuple(prefix for pair in prefixes.values() for prefix in pair)
    chosen = [item for item in items if item.nodeid in names or item.nodeid.startswith(every)]
    missing = [node for node, pair in prefixes.items() if not any(item.nodeid.startswith(pair) for item in chosen)]
    return chosen, missing


def judge(config, tree, child, selection: Selection) -> dict:
    """Run the tests and return the verdict; a child runs this once, and ends."""
    reports = Reports(tree)
    config.pluginmanager.register(reports, "cwm-bench-reports")
    items = selection.items
    passed = 0
    for position, item in enumerate(items):
        following = items[position + 1] if position + 1 < len(items) else None
        child.progress.begin(position, passed)
        reports.forget()
        item.repr_failure = _no_representation
        try:
            config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        except BaseException as error:  # Exit, KeyboardInterrupt: whatever a test raises past pytest
            reports.broke("failed", f"{type(error).__name__}: {error}")
        stage = selection.stage(position)
        if not (reports.passed if stage == "failing" else reports.good):
            return verdict(stage, passed, selection.total, _why(item, reports))
        passed += 1
    return verdict("survived", passed, selection.total)


def _no_representation(_error, **_options) -> str:
    """In place of a failure's long text, which nobody reads here and which takes longer than most tests."""
    return "failed"


def _why(item, reports: Reports) -> str:
    result = reports.result(item.nodeid)
    return f"{item.nodeid}: {result['message'] or result['outcome']}"


def verdict(stage: str, passed: int = 0, total: int = 0, message: str = "") -> dict:
    """A verdict as it travels."""
    return {"stage": stage, "passed": passed, "total": total, "message": message}


def files_of(nodes: list[str]) -> list[str]:
    """The files of test ids, each once, in order."""
    return list(dict.fromkeys(file_of(node) for node in nodes))
