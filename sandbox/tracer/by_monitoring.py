"""The back end for Python 3.12 and later: `sys.monitoring`, which costs nothing in code that is not the user's.

It reports what `sys.settrace` would: one line event for each time that a line is come to, also from its own end.
"""

import sys

_TOOLS = (4, 3, 5, 2, 1, 0)
_NAME = "cwm-tracer"


class Monitoring:
    """Feeds a recorder from monitoring callbacks."""

    name = "monitoring"

    def __init__(self, recorder, tool, events):
        self._recorder = recorder
        self._tool = tool
        self._monitoring = sys.monitoring
        self._disable = sys.monitoring.DISABLE
        self._calls_only = events == "calls"
        names = sys.monitoring.events
        self._whole = names.PY_START | names.PY_RESUME | names.PY_THROW | names.PY_UNWIND
        self._inside = names.PY_RETURN | names.PY_YIELD
        callbacks = {
            names.PY_START: self._started,
            names.PY_RESUME: self._started,
            names.PY_THROW: self._thrown,
            names.PY_UNWIND: self._unwound,
            names.PY_RETURN: self._left,
            names.PY_YIELD: self._left,
            names.RAISE: self._raised,
            names.LINE: self._line,
            names.JUMP: self._jump,
        }
        if not self._calls_only:
            self._whole |= names.RAISE
            self._inside |= names.LINE | names.JUMP
        for event, callback in callbacks.items():
            sys.monitoring.register_callback(tool, event, callback)
        recorder.stop = self._stop

    @classmethod
    def acquire(cls, recorder, events):
        """The back end, or None where other tools hold every number."""
        for tool in _TOOLS:
            if sys.monitoring.get_tool(tool) is None:
                sys.monitoring.use_tool_id(tool, _NAME)
                return cls(recorder, tool, events)
        return None

    def start(self):
        """Trace every thread from now on."""
        self._monitoring.set_events(self._tool, self._whole)
        self._monitoring.restart_events()

    def _stop(self):
        try:
            if not self.lost():
                self._monitoring.set_events(self._tool, 0)
                self._monitoring.free_tool_id(self._tool)
        except ValueError:
            pass  # somebody else did

    def lost(self):
        """Whether somebody else switched tracing off."""
        return self._monitoring.get_tool(self._tool) != _NAME

    def _started(self, code, _offset, _error=None):
        recorder = self._recorder
        if recorder.over:
            return None
        try:
            info = recorder.info(code)
            if info is None or info.comprehension:
                return self._disable
            if not info.armed:
                info.armed = True
                self._monitoring.set_local_events(self._tool, code, self._inside)
            recorder.enter(sys._getframe(1), info)  # noqa: SLF001 - the frame of the event is told no other way
        except Exception as error:
            if not recorder.failed(error):
                raise
        return None

    def _thrown(self, code, _offset, _error):
        recorder = self._recorder
        if recorder.over or recorder.info(code) is None or recorder.info(code).comprehension:
            return  # this event cannot be disabled
        try:
            recorder.enter(sys._getframe(1), recorder.info(code))  # noqa: SLF001 - the frame of the event is told no other way
        except Exception as error:
            if not recorder.failed(error):
                raise

    def _line(self, code, line):
        recorder = self._recorder
        if recorder.over:
            return
        try:
            stack = recorder.stack()
            active = stack[-1] if stack and stack[-1].info.code is code else self._top(stack, sys._getframe(1))  # noqa: SLF001 - the frame of the event is told no other way
            if active is None or line == active.last:
                return
            if active.last or not active.info.loops:
                active.line(line)
            else:
                active.stepped(line, active.frame.f_lasti)
        except Exception as error:
            if not recorder.failed(error):
                raise

    def _jump(self, code, offset, target):
        recorder = self._recorder
        if recorder.over:
            return None
        try:
            if target > offset or not _stays(code, offset, target) or recorder.info(code).in_loop(offset):
                return self._disable
            active = self._top(recorder.stack(), sys._getframe(1))  # noqa: SLF001 - the frame of the event is told no other way
            if active is not None:
                active.line(active.frame.f_lineno)
        except Exception as error:
            if not recorder.failed(error):
                raise
        return None

    def _left(self, code, _offset, value):
        recorder = self._recorder
        if recorder.over:
            return
        try:
            stack = recorder.stack()
            active = stack[-1] if stack and stack[-1].info.code is code else self._top(stack, sys._getframe(1))  # noqa: SLF001 - the frame of the event is told no other way
            if active is not None:
                self._end(stack, active, value)
        except Exception as error:
            if not recorder.failed(error):
                raise

    def _unwound(self, code, _offset, _error):
        recorder = self._recorder
        if recorder.over or recorder.info(code) is None:
            return
        try:
            stack = recorder.stack()
            active = self._top(stack, sys._getframe(1))  # noqa: SLF001 - the frame of the event is told no other way
            if active is not None:
                self._end(stack, active, None)
        except Exception as error:
            if not recorder.failed(error):
                raise

    def _end(self, stack, active, value):
        """The innermost activation is over."""
        if not self._calls_only:
            active.leave(value)
        stack.pop()
        depths = self._recorder.depths
        if depths.raised:
            depths.relax(len(stack))

    def _raised(self, code, _offset, error):
        recorder = self._recorder
        if recorder.over or recorder.info(code) is None:
            return
        try:
            active = self._top(recorder.stack(), sys._getframe(1))  # noqa: SLF001 - the frame of the event is told no other way
            if active is not None:
                active.raised(type(error), error)
        except Exception as fault:
            if not recorder.failed(fault):
                raise

    @staticmethod
    def _top(stack, frame):
        """The activation of the frame that runs; one whose end was not reported is taken off."""
        while stack:
            if stack[-1].frame is frame:
                return stack[-1]
            if _runs(stack[-1].frame, frame):
                return None
            stack.pop()
        return None


def _runs(frame, innermost):
    while innermost is not None:
        if innermost is frame:
            return True
        innermost = innermost.f_back
    return False


def _stays(code, offset, target):
    """Whether a jump goes back to the line it is on, and no line event is reported for the jump itself."""
    line, before = None, None
    for start, end, number in code.co_lines():
        if start <= target < end:
            line = number
        if start <= offset < end:
            return number == line and not (start == offset and before != number)
        before = number
    return False
