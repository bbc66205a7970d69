"""The fast lane: a zygote that imported tests and project, whose children swap the code of changed functions."""

from __future__ import annotations

import itertools
import os
import sys
import threading

import pytest
from _cwm_runner import bench_options, forkserver_patch
from _cwm_runner.bench_plain import plain_call, screen
from _cwm_runner.bench_run import Selection, files_of, judge, verdict
from _cwm_runner.bench_slot import open_slots
from _cwm_runner.bench_worker import last_words
from _cwm_runner.forkserver_capture import own_capture
from _cwm_runner.forkserver_imports import offer
from _cwm_runner.forkserver_limits import memory_allowance


class Calls:
    """The ids of all code objects that ran while it was on."""

    def __init__(self) -> None:
        self.ran: set[int] = set()

    def on(self) -> None:
        """Watch every thread."""
        threading.setprofile(self._note)
        sys.setprofile(self._note)

    def off(self) -> bool:
        """Stop; whether nobody took the profiler away in between."""
        whole = sys.getprofile() == self._note
        sys.setprofile(None)
        threading.setprofile(None)
        return whole

    def _note(self, frame, event, _arg):
        if event == "call":
            self.ran.add(id(frame.f_code))


class FastPlugin:
    """Takes pytest's run loop over, once everything is collected."""

    def __init__(self, order: dict, tree, finder, control, links, capture: str) -> None:
        self._order = order
        self._tree = tree
        self._finder = finder
        self._control = control
        self._links = links
        self._capture = capture
        self._environment = dict(os.environ)
        self.calls = Calls()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session) -> bool:
        """Serve; only children come back from it, and they run their job and end."""
        whole = self.calls.off()
        selection = Selection(session.items, self._order["failing"], self._order["related"])
        self._control.send({"modules": self._foreign_modules(), "sources": self._test_files()})
        doubt = self._doubt(selection, whole=whole)
        if doubt:
            self._control.send({"failed": doubt})
            os._exit(0)
        index = forkserver_patch.live_functions(self._finder.ran)
        calls = self._plain_calls(selection)
        memory = memory_allowance(len(self._links))
        child = open_slots(self._links, memory, self._order, lambda: own_capture(session.config, self._capture))
        child.leave(self._try(child, session, selection, index, calls))
        return True

    def _plain_calls(self, selection: Selection) -> list:
        """The tests that come first, as far as they are mere calls."""
        return list(itertools.takewhile(bool, map(plain_call, selection.items)))

    def _doubt(self, selection: Selection, *, whole: bool) -> str:
        """Why forking from here would not be right, or nothing."""
        if selection.missing:
            return f"{selection.missing[0]} was not collected"
        if not whole:
            return "the project profiles its own import"
        if threading.active_count() > 1:
            return "the project starts threads when it is imported"
        return ""

    def _foreign_modules(self) -> list[str]:
        """What was imported of other people's code, in order; none where the project set the environment before."""
        now = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        if now != {name: value for name, value in self._environment.items() if not name.startswith("PYTEST_")}:
            return []
        found = []
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if not file or name.startswith(("_cwm_runner", "__")) or _loaded_by_pytest(module):
                continue
            if self._tree.relative(file) is None:
                found.append(name)
        return found

    def _test_files(self) -> list[str]:
        """The files of the project that pytest itself loaded."""
        found = []
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if file and self._tree.relative(file) and _loaded_by_pytest(module):
                found.append(file)
        return found

    def _try(self, child, session, selection: Selection, index: dict, calls: list) -> dict:
        files = child.job["files"]
        try:
            pairs = self._pairs(files)
            offer(self._tree, files)
            forkserver_patch.apply_swaps(pairs, index)
        except forkserver_patch.Unsure as doubt:
            return {"unsure": str(doubt)}
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
            return verdict("broken", 0, selection.total, f"{type(error).__name__}: {error}")
        if calls and "again" not in child.job:
            return screen(calls, child, selection)
        return judge(session.config, self._tree, child, selection)

    def _pairs(self, files: dict[str, str]) -> list:
        pairs: list = []
        for path, text in files.items():
            real = os.path.realpath(self._tree.absolute(path))
            ran = self._finder.ran.get(real, [])
            if not ran:
                compile(text, real, "exec", dont_inherit=True)
                self._refuse_other_loads(path, real)
            for old in ran:
                new = compile(text, old.co_filename, "exec", dont_inherit=True)
                pairs += forkserver_patch.swaps(old, new, self.calls.ran)
        return pairs

    def _refuse_other_loads(self, path: str, real: str) -> None:
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if file and os.path.realpath(file) == real:
                raise forkserver_patch.Unsure(f"{path} was loaded in another way")


def _loaded_by_pytest(module) -> bool:
    return type(getattr(module, "__loader__", None)).__name__ == "AssertionRewritingHook"


def run_fast(order: dict, tree, finder, control, links) -> int:
    """Be the zygote; says on the control link why it cannot."""
    nodes = [*order["failing"], *order["related"]]
    arguments, capture = bench_options.arguments(tree.root, files_of(nodes), order["scratch"])
    plugin = FastPlugin(order, tree, finder, control, links, capture)
    output = sys.stdout
    plugin.calls.on()
    pytest.main(arguments, plugins=[plugin])
    control.send({"failed": last_words(output.getvalue())})
    return 0
