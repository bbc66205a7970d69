"""Both worlds, one after the other: imagine first, then run, then compare."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from cwm_agent.core.interrupt import closing
from cwm_agent.errors import SandboxError
from cwm_agent.observations import (
    Completed,
    Finished,
    FrameReached,
    LimitReached,
    Outcome,
    OutputWritten,
    Unreadable,
    WorldEvent,
    WorldNoticed,
)
from cwm_agent.traces.compare import Comparison, compare
from cwm_agent.traces.frames import Frame, Trace


class Answer(Struct, frozen=True):
    """One world's trace, whole: its frames, how it ended, what the program wrote, and what the world said of itself."""

    trace: Trace
    outcome: Outcome
    output: str = ""
    notices: tuple[str, ...] = ()


class Verified(Struct, frozen=True):
    """What each world said, and how the two compare where both did."""

    imagined: Answer | None = None
    real: Answer | None = None
    comparison: Comparison | None = None


async def gather(events: AsyncIterator[WorldEvent]) -> Answer:
    """The whole answer that these events are."""
    frames: list[Frame] = []
    output: list[str] = []
    notices: list[str] = []
    outcome: Outcome | None = None
    async with closing(events) as stream:
        async for event in stream:
            match event:
                case FrameReached(frame):
                    frames.append(frame)
                case OutputWritten(text):
                    output.append(text)
                case WorldNoticed(text):
                    notices.append(text)
                case Finished(outcome=ended):
                    outcome = ended
                case _:
                    assert_never(event)
    if outcome is None:
        raise SandboxError("The world that was asked ended without an outcome.")
    trace = Trace(tuple(frames), complete=isinstance(outcome, Completed))
    return Answer(trace, outcome, "".join(output), tuple(notices))


async def verify(imagined: AsyncIterator[WorldEvent] | None, real: AsyncIterator[WorldEvent] | None) -> Verified:
    """The prediction, closed before the real run begins, then the fact, then what lies between them.

    A prediction without a frame is none: why there is none is a notice beside the fact.
    """
    guess = await gather(imagined) if imagined is not None else None
    fact = await gather(real) if real is not None else None
    if guess is not None and fact is not None and not guess.trace.frames:
        return Verified(real=replace(fact, notices=(*_why(guess), *fact.notices)))
    found = compare(guess.trace, fact.trace) if guess is not None and fact is not None else None
    return Verified(guess, fact, found)


def _why(guess: Answer) -> tuple[str, ...]:
    match guess.outcome:
        case LimitReached(detail=words) | Unreadable(reason=words):
            return (*guess.notices, f"Nothing was imagined: {words}")
    return guess.notices
