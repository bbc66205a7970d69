"""What the frames up to a moment tell about it: the calls that are under way, and the locals of each."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from cwm_agent.traces.frames import Frame, FrameKind
from cwm_agent.traces.grammar import HAS_LOCALS


class Level(Struct, frozen=True):
    """A call that is under way: `last` is the index of its newest frame, `shown` of its newest with locals, or None."""

    function: str
    file: str
    line: int | None
    last: int
    shown: int | None


def stack(frames: Sequence[Frame], index: int) -> tuple[Level, ...]:
    """The calls under way at a frame, the outermost first, the running one last."""
    levels: list[Level] = []
    for at, frame in enumerate(frames[: index + 1]):
        fresh = frame.event is FrameKind.CALL
        del levels[frame.depth + (not fresh) :]
        before = levels.pop() if len(levels) > frame.depth else None
        shown = at if frame.event in HAS_LOCALS else before.shown if before else None
        levels.append(Level(frame.function, frame.file, frame.line, at, shown))
    return tuple(levels)


def began(frames: Sequence[Frame], index: int) -> int:
    """The index of the call frame with which the running call began, or was resumed."""
    depth = frames[index].depth
    for at in range(index, -1, -1):
        if frames[at].depth == depth and frames[at].event is FrameKind.CALL:
            return at
        if frames[at].depth < depth:
            break
    return 0


def before(frames: Sequence[Frame], index: int) -> int | None:
    """The frame with locals before this one in the same call; None where the call begins with this one."""
    depth = frames[index].depth
    if frames[index].event is FrameKind.CALL:
        return None
    for at in range(index - 1, -1, -1):
        frame = frames[at]
        if frame.depth < depth:
            return None
        if frame.depth == depth and frame.event in HAS_LOCALS:
            return at
    return None


def ending(frames: Sequence[Frame], index: int) -> str:
    """How a call ended, at its return frame: `f returned 3`, `f raised ValueError: no`, `g gave 1`."""
    frame = frames[index]
    name = frame.function or "the call"
    earlier = frames[index - 1] if index else None
    raised = earlier is not None and earlier.event is FrameKind.EXCEPTION and earlier.depth == frame.depth
    if raised and earlier is not None and frame.value in (None, "None"):
        return f"{name} raised {earlier.value}"
    return f"{name} returned {frame.value}"


def changed(frames: Sequence[Frame], index: int) -> tuple[str, ...]:
    """The names whose value is not that of the frame before in the same call."""
    frame, at = frames[index], before(frames, index)
    old = {} if at is None else frames[at].locals
    return tuple(name for name, value in frame.locals.items() if old.get(name) != value)
