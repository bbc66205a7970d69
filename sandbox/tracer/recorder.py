"""Turns what the interpreter reports into frames: one JSON line each, written before the program goes on.

A line: `event`, `file`, `function`, `line`, `depth`, `source`, `locals`, `value`, and `thread` (0 where the trace
began). A line with `over` says why the trace ended before the program: frames, bytes, disk, time or an error.
"""

import os
import time
from _json import encode_basestring_ascii as quoted
from _thread import _local, allocate_lock

from _cwm_tracer.codes import ITERATING, OPTIMIZED, Info, inner_lines
from _cwm_tracer.depths import EACH, Depths
from _cwm_tracer.render import Renderer
from _cwm_tracer.sink import Full
from _cwm_tracer.state import Locals

_LOOK = 64  # frames between two looks at the clock


class Recorder:
    """One trace: what is the user's, where the frames go, and when it is enough."""

    def __init__(self, scope, sink, frames, seconds):
        self.scope = scope
        self.renderer = Renderer(self._is_users)
        self.over = ""
        self.stop = lambda: None  # set by the back end: how to switch itself off
        self._sink = sink
        self._left = frames
        self._seconds = seconds
        self._deadline = None
        self._infos = {}
        self._kept = []
        self._inner = {}
        self._lock = allocate_lock()
        self._local = _local()
        self.depths = Depths()
        self._threads = 0
        os.register_at_fork(after_in_child=self.abandon)

    def begin(self):
        """The clock runs from here."""
        if self._seconds:
            self._deadline = time.monotonic() + self._seconds

    def abandon(self):
        """Stop without a word: this is a forked child, whose frames would mingle with its parent's."""
        if not self.over:
            self.over = "fork"
            self.scope.active = False
            self.stop()

    def finish(self, reason=""):
        """End the trace; the program goes on. With a reason, it was before its time."""
        if self.over:
            return
        self.over = reason or "end"
        self.stop()
        self.depths.restore()
        with self._lock:
            if reason:
                try:
                    self._sink.append(('{"over": %s}\n' % quoted(reason)).encode("ascii"))
                except Full:
                    pass
            self._sink.close()

    def info(self, code):
        """What is known of a code object; None where it is not the user's."""
        try:
            return self._infos[id(code)]
        except KeyError:
            return self._meet(code)

    def _meet(self, code):
        name = self.scope.name(code.co_filename)
        lines = self.scope.ran(code) if name is None else self.scope.lines(code.co_filename)
        found = None
        if lines is not None:
            name = code.co_filename if name is None else name
            key = id(lines)
            if key not in self._inner:
                self._inner[key] = inner_lines(lines)
            found = Info(code, name, lines, self._inner[key])
        self._kept.append(code)
        self._infos[id(code)] = found
        return found

    def _is_users(self, code):
        return self.scope.name(code.co_filename) is not None or self.scope.ran(code) is not None

    def stack(self):
        """The activations of this thread, the innermost last."""
        try:
            return self._local.stack
        except AttributeError:
            stack = self._local.stack = []
            self._local.number = self._threads
            self._threads += 1
            return stack

    def enter(self, frame, info):
        """A function of the user's begins or goes on: its call frame is written."""
        stack = self.stack()
        depth = len(stack)
        if self.depths.raised or depth & EACH == EACH:
            self.depths.check(depth)
        active = Active(self, frame, info, depth, self._local.number)
        stack.append(active)
        active.call()
        return active

    def write(self, text):
        """Write one frame, or end the trace where that is one too many."""
        if self.over:
            return
        data = text.encode("ascii")
        with self._lock:
            if self.over:
                return
            self._left -= 1
            try:
                if self._left >= 0:
                    self._sink.append(data)
                    reason = ""
                else:
                    reason = "frames"
            except Full as full:
                reason = str(full)
        if not reason and self._deadline and self._left % _LOOK == 0 and time.monotonic() > self._deadline:
            reason = "time"
        if reason:
            self.finish(reason)

    def failed(self, error):
        """Whether an exception in a callback is a fault of ours, which ends the trace; else it is the program's."""
        if isinstance(error, RecursionError):
            return False
        here = error.__traceback__
        while here.tb_next is not None:
            here = here.tb_next
        if os.path.dirname(here.tb_frame.f_code.co_filename) != os.path.dirname(__file__):
            return False
        self.finish("error: %s: %s" % (type(error).__name__, error))
        return True


class Active:
    """A function of the user's that runs, from a call or a resumption to the next return."""

    __slots__ = ("_depth", "_end", "_locals", "_quiet", "_recorder", "frame", "info", "last")

    def __init__(self, recorder, frame, info, depth, thread):
        self._recorder = recorder
        self.frame = frame
        self.info = info
        self._depth = str(depth)
        self._end = '}, "value": null, "thread": %d}\n' % thread
        self._locals = Locals(info.keys, recorder.renderer.render)
        self.last = 0
        self._quiet = False

    def call(self):
        """The call frame: the arguments, in their order."""
        info = self.info
        number = max(self.frame.f_lineno or info.first, 1)
        head = info.heads.get(number) or info.head(number)
        found = self.frame.f_locals
        if info.code.co_flags & OPTIMIZED:
            found = dict(found)
            found = {name: found[name] for name in info.names if name in found}
        body = self._locals.json(found)
        self._recorder.write('{"event": "call' + head[2] + self._depth + head[1] + body + self._end)

    def line(self, number):
        """A line frame: the state before the line runs."""
        info = self.info
        if number in info.inner:
            self._quiet = True
            return
        if self._quiet:
            self._quiet = False
            if number == self.last:
                return
        self.last = number
        head = info.heads.get(number) or info.head(number)
        body = self._locals.json(self.frame.f_locals)
        self._recorder.write(head[0] + self._depth + head[1] + body + self._end)

    def stepped(self, number, offset):
        """A line event that may come from the loop of a comprehension, which goes back to the line it is on."""
        if not self.info.in_loop(offset) or number != self.last != 0:
            self.line(number)

    def leave(self, value):
        """A return frame: of a return, a yield, or an exception that leaves."""
        text = self._recorder.renderer.render(value)[0]
        self._valued("return", text)

    def raised(self, kind, value):
        """An exception frame; that an iterator is at its end, where a loop or an `await` asks it, is none."""
        if kind is StopIteration or kind is StopAsyncIteration:
            frame = self.frame
            if frame.f_code.co_code[frame.f_lasti] in ITERATING:
                return
        self._valued("exception", self._recorder.renderer.exception(kind, value))

    def _valued(self, event, text):
        info = self.info
        number = self.frame.f_lineno or self.last or info.first
        number = info.inner.get(number, number)
        head = info.heads.get(number) or info.head(number)
        end = '}, "value": ' + quoted(text) + self._end[len('}, "value": null') :]
        self._recorder.write('{"event": "' + event + head[2] + self._depth + head[1] + end)
