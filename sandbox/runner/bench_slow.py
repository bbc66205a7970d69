"""The slow lane: a zygote that imported pytest, its plugins and other people's modules, and nothing of the project.

Its children import the project with the candidate's text in place, collect and run: as a fresh pytest would, without
the time that its start takes.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import warnings
from pathlib import Path

import pytest
from _cwm_runner import bench_options
from _cwm_runner.bench_report import collection_failure
from _cwm_runner.bench_run import Selection, files_of, judge, verdict
from _cwm_runner.bench_slot import open_slots
from _cwm_runner.bench_worker import last_words
from _cwm_runner.forkserver_capture import own_capture
from _cwm_runner.forkserver_imports import offer
from _cwm_runner.forkserver_limits import memory_allowance


class SlowPlugin:
    """Waits for jobs before pytest reads the first conftest file, and judges once everything is collected."""

    def __init__(self, order: dict, tree, finder, control, links, capture: str) -> None:
        self._order = order
        self._tree = tree
        self._finder = finder
        self._control = control
        self._links = links
        self._capture = capture
        self._failures: dict[str, str] = {}
        self.child = None

    def wait(self, config=None) -> None:
        """Be the zygote; comes back in a child, with the candidate's text in place.

        Where a plugin of pytest's needed a module of the project, the next zygote has to wait before the plugins.
        """
        self._control.send({"waiting": True})
        known = self._control.receive() or {}
        if config is not None:
            _import_all(known.get("modules", ()))
            self._prepare(known.get("sources", ()), config)
        if config is not None and self._stale():
            self._control.send({"early": True})
            os._exit(0)
        self.child = open_slots(self._links, memory_allowance(len(self._links)), self._order)
        for name in self._stale():
            del sys.modules[name]
        offer(self._tree, self.child.job["files"])

    def _stale(self) -> list[str]:
        """Modules of the project that are loaded already, for a plugin of pytest's needed them."""
        found = []
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if file and self._tree.relative(file) is not None:
                found.append(name)
        return found

    def _prepare(self, sources, config) -> None:
        """Compile the test files once, as pytest's own import hook would in each child.

        It has no public name; without it, each child does it for itself.
        """
        try:
            from _pytest.assertion import rewrite

            original, known = rewrite._rewrite_test, {}  # noqa: SLF001 - see above
            for source in sources:
                known[source] = original(Path(source), config)
        except Exception:  # another pytest, or a file that does not compile
            return
        rewrite._rewrite_test = lambda path, config: known.get(str(path)) or original(path, config)  # noqa: SLF001

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self, early_config) -> None:
        """The last moment at which nothing of the project is loaded, as a rule."""
        if self.child is None:
            self.wait(early_config)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session) -> None:
        """Collect only what the job asks for."""
        if not self.child.job["related"]:
            session.config.args = [file for file in files_of(self._order["failing"]) if os.path.exists(file)]

    def pytest_collectreport(self, report) -> None:
        """Keep why a file could not be imported."""
        if report.failed:
            failure = collection_failure(report)
            self._failures[failure["path"]] = f"{failure['path']}: {failure['message']}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session) -> bool:
        """Judge, and end."""
        related = self._order["related"] if self.child.job["related"] else []
        selection = Selection(session.items, self._order["failing"], related)
        if selection.missing:
            reason = next(iter(self._failures.values()), f"{selection.missing[0]} was not collected")
            self.child.leave(verdict("broken", 0, selection.total, reason))
        own_capture(session.config, self._capture)
        self.child.leave(judge(session.config, self._tree, self.child, selection))
        return True


def _import_all(names) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            with contextlib.suppress(BaseException):
                importlib.import_module(name)


def run_slow(order: dict, tree, finder, control, links) -> int:
    """Be the zygote; in a child that did not come as far as the tests, say why."""
    nodes = [*order["failing"], *order["related"]]
    files = [file for file in files_of(nodes) if os.path.exists(file)]
    arguments, capture = bench_options.arguments(tree.root, files, order["scratch"])
    plugin = SlowPlugin(order, tree, finder, control, links, capture)
    output = sys.stdout
    if order["early"]:
        plugin.wait()
    pytest.main(arguments, plugins=[plugin])
    reason = last_words(output.getvalue())
    if plugin.child is not None:
        plugin.child.leave(verdict("broken", 0, len(nodes), reason))
    control.send({"failed": reason})
    return 0
