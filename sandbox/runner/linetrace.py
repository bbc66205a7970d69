"""Which lines of the project run, between `begin` and `end`. Cheap: a line costs once, not each time it runs.

On Python 3.12 and later by `sys.monitoring`, where a line that was seen is switched off until the next `begin`; on
earlier ones by `sys.settrace`, where a function all of whose lines were seen is no longer traced.
"""

from __future__ import annotations

import dis
import inspect
import sys
import threading
import types
from typing import Callable

Where = Callable[[str], "str | None"]
Lines = dict  # path relative to the root → sorted line numbers


def recorder(where: Where):
    """The recorder for this Python; `where` maps a file name to a relative path, or None for what is not wanted."""
    if sys.version_info >= (3, 12):
        with_monitoring = Monitor.acquire(where)
        if with_monitoring is not None:
            return with_monitoring
    return Tracer(where)


class _Traced:
    """One code object: its path, the lines that were seen, and how many there are."""

    __slots__ = ("local", "path", "seen", "total")

    def __init__(self, path: str, code: types.CodeType) -> None:
        lines = {line for _, line in dis.findlinestarts(code) if line}
        if code.co_flags & inspect.CO_OPTIMIZED and len(lines) > 1:
            lines.discard(code.co_firstlineno)
        self.path = path
        self.total = len(lines)
        self.seen: set = set()
        self.local = None


class Tracer:
    """By `sys.settrace`, in every thread."""

    def __init__(self, where: Where) -> None:
        self._where = where
        self._met: dict = {}  # id of a code object → its local trace function, or None
        self._kept: list = []  # the code objects, so that no id is used again
        self._touched: list = []

    def begin(self) -> None:
        """Start to record; what a test did to the trace function is undone."""
        for code_id, traced in self._touched:
            traced.seen.clear()
            self._met[code_id] = traced.local
        self._touched.clear()
        threading.settrace(self._call)
        sys.settrace(self._call)

    def end(self) -> Lines:
        """Stop, and return the lines."""
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]
        lines: dict = {}
        for _, traced in list(self._touched):
            lines.setdefault(traced.path, set()).update(traced.seen)
        return {path: sorted(seen) for path, seen in lines.items()}

    def _call(self, frame, _event, _arg):
        try:
            return self._met[id(frame.f_code)]
        except KeyError:
            return self._meet(frame.f_code)

    def _meet(self, code: types.CodeType):
        self._kept.append(code)
        path = self._where(code.co_filename)
        local = None if path is None else self._local(code, path)
        self._met[id(code)] = local
        return local

    def _local(self, code: types.CodeType, path: str):
        traced = _Traced(path, code)
        seen, met, code_id, total, touched = traced.seen, self._met, id(code), traced.total, self._touched

        def local(frame, event, _arg):
            if event == "line":
                line = frame.f_lineno
                if line and line not in seen:
                    if not seen:
                        touched.append((code_id, traced))
                    seen.add(line)
                if len(seen) >= total:
                    met[code_id] = None
                    frame.f_trace_lines = False
            return local

        traced.local = local
        return local


class Monitor:
    """By `sys.monitoring`, with the first tool number that is free."""

    def __init__(self, where: Where, tool: int) -> None:
        self._where = where
        self._tool = tool
        self._lines: dict = {}
        events = sys.monitoring.events
        sys.monitoring.register_callback(tool, events.PY_START, self._start)
        sys.monitoring.register_callback(tool, events.LINE, self._line)

    @classmethod
    def acquire(cls, where: Where):
        """A recorder, or None where other tools hold every number."""
        for tool in (4, 3, 5, 2, 1, 0):
            if sys.monitoring.get_tool(tool) is None:
                sys.monitoring.use_tool_id(tool, "cwm-agent")
                return cls(where, tool)
        return None

    def begin(self) -> None:
        """Start to record."""
        self._lines = {}
        sys.monitoring.set_events(self._tool, sys.monitoring.events.PY_START)
        sys.monitoring.restart_events()

    def end(self) -> Lines:
        """Stop, and return the lines."""
        sys.monitoring.set_events(self._tool, 0)
        lines, self._lines = self._lines, {}
        return {path: sorted(seen) for path, seen in lines.items()}

    def _start(self, code, _offset):
        if self._where(code.co_filename) is not None:
            sys.monitoring.set_local_events(self._tool, code, sys.monitoring.events.LINE)
        return sys.monitoring.DISABLE

    def _line(self, code, line):
        path = self._where(code.co_filename)
        if path is not None and line:
            self._lines.setdefault(path, set()).add(line)
        return sys.monitoring.DISABLE
