"""The back end for every Python: `sys.settrace`, in every thread that starts from now on."""

import sys
import threading

from _cwm_tracer.codes import INLINED


class Settrace:
    """Feeds a recorder from trace functions."""

    name = "settrace"

    def __init__(self, recorder, events="all"):
        self._recorder = recorder
        self._calls_only = events == "calls"
        recorder.stop = self._stop

    def start(self):
        """Trace what this thread calls from now on, and every new thread."""
        threading.settrace(self._called)
        sys.settrace(self._called)

    def _stop(self):
        if sys.gettrace() == self._called:
            sys.settrace(None)
        threading.settrace(None)

    def lost(self):
        """Whether somebody else, or the interpreter, switched tracing off."""
        return sys.gettrace() != self._called

    def _called(self, frame, _event, _argument):
        recorder = self._recorder
        if recorder.over:
            return None
        try:
            info = recorder.info(frame.f_code)
            if info is None or info.comprehension:
                return None
            return _Local(recorder, recorder.enter(frame, info), self._calls_only).happened
        except RecursionError as error:
            self._rescue(error)
            raise
        except Exception as error:
            if not recorder.failed(error):
                raise
            return None

    def _rescue(self, error):
        """The error that is about to leave this trace function switches tracing off: have it back when the caller
        returns, of which a profile function hears all the same.
        """
        stack = self._recorder.stack()
        if not stack or sys.getprofile() is not None:
            return
        caller = stack[-1]
        if not self._calls_only:
            caller.raised(RecursionError, error)

        def returned(frame, event, value):
            if frame is not caller.frame or event != "return":
                return
            sys.setprofile(None)
            if not self._recorder.over:
                if not self._calls_only:
                    caller.leave(value)
                _left(stack, caller)
                sys.settrace(self._called)

        sys.setprofile(returned)


class _Local:
    """The trace function of one activation."""

    __slots__ = ("_active", "_calls_only", "_recorder")

    def __init__(self, recorder, active, calls_only):
        self._recorder = recorder
        self._active = active
        self._calls_only = calls_only

    def happened(self, frame, event, argument):
        recorder = self._recorder
        if recorder.over:
            return None
        try:
            if event == "line":
                self._line(frame)
            elif event == "return":
                if not self._calls_only:
                    self._active.leave(argument)
                stack = recorder.stack()
                _left(stack, self._active)
                if recorder.depths.raised:
                    recorder.depths.relax(len(stack))
            elif event == "exception" and not self._calls_only:
                self._active.raised(argument[0], argument[1])
        except Exception as error:
            if not recorder.failed(error):
                raise
            return None
        return self.happened

    def _line(self, frame):
        if self._calls_only:
            frame.f_trace_lines = False
        elif INLINED and self._active.info.loops:
            self._active.stepped(frame.f_lineno, frame.f_lasti)
        else:
            self._active.line(frame.f_lineno)


def _left(stack, active):
    while stack and stack.pop() is not active:
        pass
