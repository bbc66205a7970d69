"""The traces of a history that are over, each with the state of the files that it is of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from cwm_agent.core.tracing import INTERRUPTED
from cwm_agent.events import (
    ActionEnded,
    AgentEvent,
    CheckpointMade,
    FramesReached,
    Rewound,
    SessionResumed,
    TraceBegan,
    TraceEnded,
)
from cwm_agent.observations import Completed, Origin
from cwm_agent.traces.compare import normalised
from cwm_agent.traces.frames import Frame, FrameKind, Trace


class Past(Struct, frozen=True):
    """A trace that is over; `checkpoint` numbers the files that it is of, None where they are not known any more."""

    began: TraceBegan
    trace: Trace
    checkpoint: int | None


def past_traces(history: Sequence[AgentEvent]) -> list[Past]:
    """All of them, in the order in which they ended.

    What was traced before a session was taken up again was of files of its own. What is traced behind an action and
    before its checkpoint is of the files that the action left.
    """
    open_: dict[tuple[int, Origin], tuple[TraceBegan, list[Frame]]] = {}
    found: list[Past] = []
    checkpoint, acted = 0, (0, 0)
    for event in history:
        match event:
            case ActionEnded(action=action, origin=Origin.REAL):
                acted = (action, len(found))
            case CheckpointMade(checkpoint=checkpoint, action=action):
                start = acted[1] if action == acted[0] else len(found)
                found[start:] = [replace(each, checkpoint=checkpoint) for each in found[start:]]
            case Rewound(checkpoint=checkpoint):
                pass
            case SessionResumed():
                found = [replace(each, checkpoint=None) for each in found]
            case TraceBegan():
                open_[event.trace, event.origin] = (event, [])
            case FramesReached() if (event.trace, event.origin) in open_:
                open_[event.trace, event.origin][1].extend(event.frames)
            case TraceEnded() if (event.trace, event.origin) in open_:
                began, frames = open_.pop((event.trace, event.origin))
                whole = isinstance(event.outcome, Completed) and event.outcome.exit_code != INTERRUPTED
                found.append(Past(began, Trace(tuple(frames), complete=whole), checkpoint))
    return found


def entries(frames: Sequence[Frame], path: str) -> Iterator[tuple[int, Frame]]:
    """Where calls of the functions of a file begin, and with which arguments."""
    for number, frame in enumerate(frames):
        if frame.event is FrameKind.CALL and frame.file == path:
            yield number, frame


def call_inside(frames: Sequence[Frame], path: str, function: str, arguments: Mapping[str, str]) -> tuple[Frame, ...]:
    """The frames of the first call of a function with these arguments, its own depth being 0; none where it has no end.

    `arguments` maps names to reprs.
    """
    wanted = {name: normalised(value) for name, value in arguments.items()}
    for start, first in entries(frames, path):
        given = {name: normalised(value) for name, value in first.locals.items()}
        if first.function == function and given == wanted:
            ends = (at for at in range(start, len(frames)) if _leaves(frames[at], first))
            last = next(ends, start - 1)
            return tuple(replace(each, depth=each.depth - first.depth) for each in frames[start : last + 1])
    return ()


def _leaves(frame: Frame, first: Frame) -> bool:
    return frame.event is FrameKind.RETURN and frame.depth == first.depth
