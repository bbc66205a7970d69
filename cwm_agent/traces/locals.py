"""Whole locals ⇄ the shorthand that writes an unchanged value as `".."`, aware of the call stack.

Unchanged means: as in the frame before, of the same scope. The first frame with locals after a call or a return is
of another scope than the one before it, and is written whole. Reading accepts the shorthand there too.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from cwm_agent.traces.frames import Frame, FrameKind
from cwm_agent.traces.grammar import HAS_LOCALS, UNCHANGED
from cwm_agent.traces.raw import RawFrame


class UnknownValue(Struct, frozen=True):
    """A local that is written as unchanged, of which no earlier value is known in its scope."""

    name: str


class Scopes:
    """The last known locals of each function on the call stack, by depth."""

    def __init__(self) -> None:
        self._stack: list[dict[str, str]] = []

    def known(self, depth: int) -> dict[str, str]:
        """The locals of the function at this depth, empty where nothing is known."""
        return self._stack[depth] if 0 <= depth < len(self._stack) else {}

    def enter(self, depth: int) -> None:
        """A call: the function at this depth is a new one, and nothing runs above it."""
        del self._stack[max(depth, 0) :]

    def set(self, depth: int, whole: dict[str, str]) -> None:
        """The function at this depth runs and has these locals; whatever ran above it is gone."""
        del self._stack[max(depth, 0) :]
        while len(self._stack) < depth:
            self._stack.append({})
        self._stack.append(whole)

    def stay(self, depth: int) -> None:
        """The function at this depth runs on, with locals that are not shown."""
        del self._stack[max(depth, 0) + 1 :]


class Shortener:
    """Writes the locals of one trace's frames in shorthand; fed in order."""

    def __init__(self) -> None:
        self._scopes = Scopes()
        self._shown: int | None = None  # the depth of the scope that the reader last saw whole, until it is left

    @property
    def shown(self) -> int | None:
        """The depth whose next line frame is written in shorthand; every other one is written whole."""
        return self._shown

    def shorten(self, frame: Frame) -> dict[str, str]:
        """The shorthand of this frame's locals, in their order; empty for returns and exceptions."""
        if frame.event not in HAS_LOCALS:
            returned = frame.event is FrameKind.RETURN
            self._scopes.enter(frame.depth) if returned else self._scopes.stay(frame.depth)
            if returned or self._shown != frame.depth:
                self._shown = None
            return {}
        same = frame.event is FrameKind.LINE and self._shown == frame.depth
        before = self._scopes.known(frame.depth) if same else {}
        self._scopes.set(frame.depth, frame.locals)
        self._shown = frame.depth
        return {name: UNCHANGED if before.get(name) == value else value for name, value in frame.locals.items()}


def shorten(frames: Iterable[Frame]) -> list[RawFrame]:
    """A trace's frames as a world model would write them."""
    shortener = Shortener()
    return [
        RawFrame(
            event=frame.event,
            source=frame.source + "\n",
            locals=shortener.shorten(frame),
            value=None if frame.event in HAS_LOCALS else frame.value,
        )
        for frame in frames
    ]


class Resolver:
    """Makes the locals of raw frames whole again; fed in order, with the depth that the caller knows."""

    def __init__(self) -> None:
        self._scopes = Scopes()

    def known(self, depth: int) -> dict[str, str]:
        """The last whole locals of the function that runs at this depth."""
        return dict(self._scopes.known(depth))

    def resolve(self, raw: RawFrame, depth: int) -> dict[str, str] | UnknownValue:
        """The whole locals, empty for returns and exceptions; a call starts with nothing known."""
        match raw.event:
            case FrameKind.RETURN:
                self._scopes.enter(depth)
                return {}
            case FrameKind.EXCEPTION:
                self._scopes.stay(depth)
                return {}
            case FrameKind.CALL:
                self._scopes.enter(depth)
            case FrameKind.LINE:
                self._scopes.stay(depth)
        before = self._scopes.known(depth)
        whole = {}
        for name, value in raw.locals.items():
            if value == UNCHANGED and name not in before:
                return UnknownValue(name)
            whole[name] = before[name] if value == UNCHANGED else value
        self._scopes.set(depth, whole)
        return whole
