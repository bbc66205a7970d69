"""What each frame changed: the state of a function beside the state that it had one frame before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from cwm_agent.traces.frames import Basis, Frame, FrameKind
from cwm_agent.traces.grammar import HAS_LOCALS


class Change(Struct, frozen=True):
    """What became of one local: `before` is None where it is new, `after` where it is gone.

    `logprob` is how sure the model was that wrote it, where it tells.
    """

    name: str
    before: str | None
    after: str | None
    basis: Basis | None = None
    logprob: float | None = None

    @property
    def kind(self) -> Literal["new", "changed", "gone"]:
        """In one word."""
        return "new" if self.before is None else "gone" if self.after is None else "changed"


class Step(Struct, frozen=True):
    """One frame as a reader needs it; `number` counts from 0.

    `changes` is what its locals show anew: of a call its arguments, else what differs from the frame `since`, the last
    one of the same function call, after which the change happened. `left_by` is the exception by which a return leaves.
    """

    number: int
    frame: Frame
    changes: tuple[Change, ...] = ()
    since: int | None = None
    left_by: str | None = None


class _Open(Struct):
    """A function call that is not over."""

    last: Frame
    number: int
    locals: dict[str, str]


class Reader:
    """Reads the frames of one trace, in order."""

    def __init__(self) -> None:
        self._stack: list[_Open] = []
        self._count = 0

    def read(self, frame: Frame) -> Step:
        """The next frame as a step."""
        number, self._count = self._count, self._count + 1
        del self._stack[frame.depth + 1 :]
        if frame.event is FrameKind.CALL or len(self._stack) <= frame.depth:
            del self._stack[frame.depth :]
            missing = range(len(self._stack), frame.depth + 1)
            self._stack += [_Open(frame, number, frame.locals) for _ in missing]
            return Step(number, frame, _changes({}, frame))
        mine = self._stack[frame.depth]
        changes: tuple[Change, ...] = ()
        since, before = mine.number, mine.last
        if frame.event in HAS_LOCALS:
            changes, mine.locals = _changes(mine.locals, frame), frame.locals
        mine.last, mine.number = frame, number
        thrown = frame.event is FrameKind.RETURN and before.event is FrameKind.EXCEPTION
        left_by = before.value or "" if thrown and frame.value in (None, "None") else None
        return Step(number, frame, changes, since, left_by)


def steps(frames: Iterable[Frame]) -> list[Step]:
    """All frames of a trace as steps."""
    reader = Reader()
    return [reader.read(frame) for frame in frames]


def _changes(before: dict[str, str], frame: Frame) -> tuple[Change, ...]:
    after, basis = frame.locals, frame.basis
    if before is after or before == after:
        return ()
    found = [
        Change(name, before.get(name), value, basis.get(name), frame.logprobs.get(name))
        for name, value in after.items()
        if before.get(name) != value
    ]
    return (*found, *(Change(name, value, None) for name, value in before.items() if name not in after))
