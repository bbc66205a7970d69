"""A test run that records the lines of each test. Every test runs in a forked process, many in one while all goes well.

What hangs or kills its process costs one test: the next fork goes on behind it.
"""

from __future__ import annotations

import os
import signal
import sys

import pytest
from _cwm_runner import bench_options
from _cwm_runner.bench_report import Reports, collection_failure
from _cwm_runner.bench_worker import last_words
from _cwm_runner.forkserver import Watcher, settle_memory
from _cwm_runner.forkserver_capture import own_capture
from _cwm_runner.forkserver_limits import memory_allowance
from _cwm_runner.linetrace import recorder

_GRACE = 1.0


class TookTooLong(BaseException):
    """Raised in a test at its time limit; no `except Exception` catches it."""


class Alarm:
    """Raises TookTooLong in the main thread after some seconds, and again each second in case it was swallowed."""

    def __init__(self) -> None:
        self.rang = False

    def set(self, seconds: float) -> None:
        """Begin to count; an alarm or a handler that a test left is replaced."""
        self.rang = False
        signal.signal(signal.SIGALRM, self._ring)
        signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)

    def _ring(self, _number, _frame):
        self.rang = True
        raise TookTooLong

    def cancel(self) -> None:
        """Stop counting."""
        signal.setitimer(signal.ITIMER_REAL, 0)


class SpectrumPlugin:
    """Takes pytest's run loop over, once everything is collected."""

    def __init__(self, order: dict, tree, control, capture: str) -> None:
        self._seconds = order["seconds"]
        self._start = order["start"]
        self._lost = set(order["lost"])
        self._control = control
        self._capture = capture
        self._recorder = recorder(tree.relative)
        self._reports = Reports(tree)
        self._alarm = Alarm()
        self._failures: list[dict] = []

    def import_lines(self) -> None:
        """Record from now on what runs before the first test."""
        self._recorder.begin()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectstart(self, collector) -> None:
        """Say what is being imported, in case it ends the process."""
        if isinstance(collector, pytest.File):
            if collector.nodeid in self._lost:
                collector.collect = lambda: _refuse(collector)
            self._control.send({"collecting": collector.nodeid})

    def pytest_collectreport(self, report) -> None:
        """Keep what could not be imported as a result of its own."""
        if report.failed:
            self._failures.append(collection_failure(report))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session) -> bool:
        """Run the tests in forks, and report."""
        self._control.send({"lines": self._recorder.end(), "failures": self._failures})
        self._control.send({"items": [item.nodeid for item in session.items]})
        settle_memory()
        watcher = Watcher(memory_allowance(1))
        start = self._start
        while start < len(session.items):
            start = self._run_from(watcher, session, start)
        watcher.close()
        self._control.send({"done": True})
        os._exit(0)

    def _run_from(self, watcher: Watcher, session, start: int) -> int:
        """Fork, and run the tests from `start` on until the child ends; the number of the next test."""
        child = watcher.fork({})
        if child is not None:
            own_capture(session.config, self._capture)
            self._run_here(child, session, start)
        position = start
        hard = self._seconds * 1.5 + 2 * _GRACE
        for kind, value in watcher.watch(hard, hard, once=False):
            if kind == "line":
                self._control.send({"test": value})
                position += 1
            elif kind == "timeout":
                self._lose(session, position, "timeout", f"it did not end within {self._seconds:g} s")
                return position + 1
            elif kind == "ended":
                if value == 0:
                    return position
                self._lose(session, position, "crashed", _how_it_ended(value))
                return position + 1
        return position

    def _lose(self, session, position: int, outcome: str, message: str) -> None:
        if position >= len(session.items):
            return
        node = session.items[position].nodeid
        test = {"id": node, "outcome": outcome, "message": message, "seconds": 0.0, "path": "", "line": 0, "lines": {}}
        self._control.send({"test": test})

    def _run_here(self, child, session, start: int) -> None:
        session.config.pluginmanager.register(self._reports, "cwm-bench-reports")
        items = session.items
        for position in range(start, len(items)):
            following = items[position + 1] if position + 1 < len(items) else None
            child.progress.begin(position)
            child.send(self._run_one(items[position], following))
            if self._alarm.rang or self._reports.broken:
                break
        os._exit(0)

    def _run_one(self, item, following) -> dict:
        self._reports.forget()
        self._recorder.begin()
        self._alarm.set(self._seconds)
        try:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        except BaseException as error:  # Exit, KeyboardInterrupt: whatever a test raises past pytest
            self._reports.broke("failed", f"{type(error).__name__}: {error}")
        finally:
            self._alarm.cancel()
            lines = self._recorder.end()
        if self._alarm.rang:
            self._reports.broke("timeout", f"it did not end within {self._seconds:g} s")
        return {**self._reports.result(item.nodeid), "lines": lines}


def _refuse(collector):
    raise collector.CollectError("its import ended the process or never ended")


def _how_it_ended(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            return f"it was ended by {signal.Signals(number).name}"
        except ValueError:
            return f"it was ended by signal {number}"
    return f"it ended the process with status {os.WEXITSTATUS(status)}"


def run_spectrum(order: dict, tree, finder, control) -> int:
    """Run pytest with the plugin; says on the control link why nothing ran."""
    del finder
    arguments, capture = bench_options.arguments(tree.root, order["targets"], order["scratch"])
    plugin = SpectrumPlugin(order, tree, control, capture)
    output = sys.stdout
    plugin.import_lines()
    status = pytest.main(arguments, plugins=[plugin])
    control.send({"failed": last_words(output.getvalue()), "status": int(status)})
    return 0
