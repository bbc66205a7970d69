"""Traces in a session: numbered, published while they are reached, and found again in the history."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import assert_never

from msgspec import Struct

from cwm_agent.core.bus import Bus
from cwm_agent.core.curtain import Publish
from cwm_agent.core.interrupt import closing
from cwm_agent.errors import SandboxError
from cwm_agent.events import AgentEvent, FramesReached, Noticed, TraceBegan, TraceEnded
from cwm_agent.observations import (
    Completed,
    Finished,
    FrameReached,
    Origin,
    Outcome,
    OutputWritten,
    WorldEvent,
    WorldNoticed,
)
from cwm_agent.traces.compare import fate
from cwm_agent.traces.frames import Frame, FrameKind, Trace

BATCH = 200
"""Frames of one event, at most."""
PAUSE = 0.1
"""Seconds after which frames are published although they are few."""
INTERRUPTED = 130


def _interrupted() -> Outcome:
    return Completed(INTERRUPTED)


class Traced(Struct, frozen=True):
    """One world's trace of a subject, how it ended, and what the program wrote meanwhile."""

    trace: Trace
    outcome: Outcome
    output: str = ""


class Tracing:
    """Takes what a world answers and puts it on the bus as a trace."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._number = max((e.trace for e in bus.history if isinstance(e, TraceBegan)), default=0)

    def new(self) -> int:
        """The number of a new subject."""
        self._number += 1
        return self._number

    async def take(
        self,
        events: AsyncIterator[WorldEvent],
        began: TraceBegan,
        *,
        publish: Publish | None = None,
        cut: Callable[[], Outcome] = _interrupted,
    ) -> Traced:
        """Publish one trace from its beginning to its end; `cut` says how one ended that was cancelled before it."""
        taking = _Taking(publish or self._bus.publish, began, cut)
        try:
            async with closing(events):
                async for event in events:
                    if taking.feed(event):
                        break
        finally:
            found = taking.end()
        if taking.outcome is None:
            raise SandboxError("The world that was asked for a trace ended without an outcome.")
        return found


class _Taking:
    """One trace on its way."""

    def __init__(self, publish: Publish, began: TraceBegan, cut: Callable[[], Outcome]) -> None:
        self._say = publish
        self._began = began
        self._cut = cut
        self._frames: list[Frame] = []
        self._output: list[str] = []
        self._published = 0
        self._last = time.monotonic()
        self.outcome: Outcome | None = None
        self._say(began)

    def feed(self, event: WorldEvent) -> bool:
        """Take one event; whether it was the last."""
        match event:
            case FrameReached(frame):
                self._frames.append(frame)
                if len(self._frames) - self._published >= BATCH or time.monotonic() - self._last > PAUSE:
                    self._publish()
            case OutputWritten(text):
                self._output.append(text)
            case WorldNoticed(text):
                self._say(Noticed("info", text))
            case Finished(outcome):
                self.outcome = outcome
                return True
            case _:
                assert_never(event)
        return False

    def _publish(self) -> None:
        fresh = tuple(self._frames[self._published :])
        self._published = len(self._frames)
        self._last = time.monotonic()
        if fresh:
            self._say(FramesReached(self._began.trace, self._began.origin, fresh))

    def end(self) -> Traced:
        """Publish the rest and the end."""
        self._publish()
        outcome = self.outcome or self._cut()
        self._say(TraceEnded(self._began.trace, self._began.origin, outcome))
        return Traced(
            Trace(tuple(self._frames), complete=isinstance(self.outcome, Completed)), outcome, "".join(self._output)
        )


def recorded(history: Sequence[AgentEvent], number: int, origin: Origin) -> tuple[TraceBegan, tuple[Frame, ...]] | None:
    """A trace of the history; None where there is no such one."""
    began = next((e for e in history if isinstance(e, TraceBegan) and (e.trace, e.origin) == (number, origin)), None)
    if began is None:
        return None
    batches = [e.frames for e in history if isinstance(e, FramesReached) and (e.trace, e.origin) == (number, origin)]
    return began, tuple(frame for batch in batches for frame in batch)


def ending(trace: Trace) -> str:
    """How the entry was left, in words: `returns 3`, `raises ValueError: x`, or that it was cut short."""
    end = fate(trace)
    if end is None:
        return f"cut short after {len(trace.frames)} frame{'s' * (len(trace.frames) != 1)}"
    return f"{'raises' if end[0] is FrameKind.EXCEPTION else 'returns'} {end[1]}"
