"""What a test run says of itself, read from its output: pytest's summary and unittest's."""

from __future__ import annotations

import re

from msgspec import Struct

from cwm_agent.events import ToolCall
from cwm_agent.observations import Completed, Outcome

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_COUNT = r"\d+ (?:passed|failed|errors?|skipped|deselected|xfailed|xpassed|warnings?|rerun|subtests passed)"
_PYTEST = re.compile(
    rf"^(?:=+ )?({_COUNT}(?:, {_COUNT})*|no tests ran|no tests collected) in \d+(?:\.\d+)?s(?: \([^)]*\))?(?: =+)?$"
)
_HEADER = re.compile(r"^=+ short test summary info =+$")
_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$")
_RAN = re.compile(r"^Ran (\d+) tests? in \d+(?:\.\d+)?s$")
_VERDICT = re.compile(r"^(?:OK|FAILED|NO TESTS RAN)(?: \((.*)\))?$")
_UNITTEST_FAILED = re.compile(r"^(?:FAIL|ERROR): (\S+) \(([^)]*)\)")
_RUNS_TESTS = re.compile(r"test|\btox\b|\bnox\b|\bcheck\b|\btrial\b|\bnose", re.IGNORECASE)
_COMMANDS = re.compile(r"[;&|\n]+")
_READERS = {"cat", "echo", "printf", "head", "tail", "grep", "rg", "less", "more", "sed", "awk", "ls", "git", "find"}
_BUILT_IN = {"cd", "pwd", "true", "export", "mkdir", "rm", "cp", "mv", "touch", "wc", "sort", "tree", "file", "diff"}


class Report(Struct, frozen=True):
    """How many tests passed, how many failed or could not run, and the ids of those."""

    passed: int
    failed: int
    failures: tuple[str, ...] = ()


def tests_in(call: ToolCall, output: str, outcome: Outcome) -> Report | None:
    """The report of a command that ran tests to their end; None where it did not, or does not say so clearly.

    Several summaries in one output are added up. A command that failed although every test in it passed (a coverage
    goal, a second command) reports nothing: no pass is claimed for it.
    """
    if call.tool != "bash" or not isinstance(outcome, Completed) or not runs_tests(call.content):
        return None
    lines = [line.rstrip() for line in _COLOUR.sub("", output).splitlines()]
    reports = _pytest(lines) + _unittest(lines)
    if not reports:
        return None
    failures = tuple(dict.fromkeys(name for report in reports for name in report.failures))
    total = Report(sum(r.passed for r in reports), sum(r.failed for r in reports), failures)
    return None if outcome.exit_code and not total.failed else total


def runs_tests(command: str) -> bool:
    """Whether a command line looks as if it ran tests, and did not only print what an earlier run said."""
    for part in _COMMANDS.split(command):
        words = [word for word in part.split() if "=" not in word]
        if words and words[0] not in _READERS and _RUNS_TESTS.search(part):
            return True
    return False


def executes(command: str) -> bool:
    """Whether a command line does more than look at what is there."""
    parts = [[word for word in part.split() if "=" not in word] for part in _COMMANDS.split(command)]
    return any(words and words[0] not in _READERS | _BUILT_IN for words in parts)


def _pytest(lines: list[str]) -> list[Report]:
    reports = []
    names: list[str] = []
    within = False
    for line in lines:
        if _HEADER.match(line):
            within, names = True, []
        elif summary := _PYTEST.match(line):
            counts = _counts(summary[1], r"(\d+) (\w+)")
            failed = counts.get("failed", 0) + counts.get("error", 0) + counts.get("errors", 0)
            reports.append(Report(counts.get("passed", 0), failed, tuple(names)))
            within, names = False, []
        elif within and (failure := _FAILED.match(line)):
            names.append(failure[1])
    return reports


def _unittest(lines: list[str]) -> list[Report]:
    reports = []
    names: list[str] = []
    ran: int | None = None
    for line in lines:
        if failure := _UNITTEST_FAILED.match(line):
            name, where = failure[1], failure[2]
            names.append(where if where.endswith(f".{name}") else f"{where}.{name}")
        elif count := _RAN.match(line):
            ran = int(count[1])
        elif ran is not None and (verdict := _VERDICT.match(line)):
            counts = {name: int(number) for name, number in re.findall(r"([a-z ]+)=(\d+)", verdict[1] or "")}
            counts = {name.strip(): number for name, number in counts.items()}
            failed = sum(counts.get(name, 0) for name in ("failures", "errors", "unexpected successes"))
            other = counts.get("skipped", 0) + counts.get("expected failures", 0)
            reports.append(Report(max(0, ran - failed - other), failed, tuple(names)))
            ran, names = None, []
    return reports


def _counts(text: str, pattern: str) -> dict[str, int]:
    return {name: int(number) for number, name in re.findall(pattern, text)}
