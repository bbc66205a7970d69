"""The frames of one world's run, taken in as they are wanted: a real run at once, an imagined one frame by frame."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from msgspec.structs import replace

from cwm_agent.core.interrupt import Interrupted, Stop, TimeIsUp
from cwm_agent.errors import CwmAgentError, SandboxError
from cwm_agent.observations import (
    Completed,
    Finished,
    FrameReached,
    LimitReached,
    Limits,
    Origin,
    Outcome,
    OutputWritten,
    TraceCall,
    WorldEvent,
    WorldNoticed,
)
from cwm_agent.protocols import Dreamer, World
from cwm_agent.traces.frames import Frame, FrameKind, Trace

_PATIENT = 30 * 24 * 3600.0
"""Seconds: an imagined run that is stepped through lives as long as the user thinks; each frame has its own limit."""


class DreamingWorld(World, Dreamer, Protocol):
    """A world that imagines, and can go on from a state that nobody reached."""


class Tape:
    """A run as far as it is known. `outcome` is None while there may be more; `cut` says that the user stopped it.

    `over` are the returns that were imagined straight from their call. A tape with `dreamer` goes on from whatever
    frames it has; one without is `world`'s answer, and cannot go on once it was stopped. `lazy`: the user steps through
    it while it comes, so that the limit on seconds is one of each frame.
    """

    def __init__(
        self,
        request: TraceCall,
        limits: Limits,
        stop: Stop,
        *,
        world: World | None = None,
        dreamer: Dreamer | None = None,
        frames: Sequence[Frame] = (),
        lazy: bool = False,
    ) -> None:
        self._request, self._limits, self._stop = request, limits, stop
        self._world, self.dreamer, self._lazy = world, dreamer, lazy
        self.origin = Origin.IMAGINED if world is None else world.origin
        self.frames: list[Frame] = list(frames)
        self.outcome: Outcome | None = None
        self.cut = False
        self.over: set[int] = set()
        self.told = 0
        self.output: list[str] = []
        self.notices: list[str] = []
        self._events: AsyncIterator[WorldEvent] | None = None

    @property
    def ended(self) -> bool:
        """Whether no further frame can be had."""
        return self.outcome is not None or (self.cut and self.dreamer is None)

    def trace(self) -> Trace:
        """What is known, complete where the run came to its end."""
        return Trace(tuple(self.frames), isinstance(self.outcome, Completed))

    async def reach(self, index: int) -> bool:
        """Whether there is a frame of this index, taking in what is needed; False too when the user stopped it."""
        while len(self.frames) <= index and not self.ended:
            if not await self._more():
                return False
        return len(self.frames) > index

    async def record(self) -> None:
        """Take in the whole run at once; what came is kept where the user stops it."""
        try:
            await self._stop.guard(self._drain())
        except Interrupted:
            await self._stopped()

    async def turn(self, length: int, then: FrameKind) -> bool:
        """Forget what comes after the first `length` frames, and imagine from there with a next frame of this kind."""
        if self.dreamer is None:
            return False
        await self.aclose()
        del self.frames[length:]
        self.over = {at for at in self.over if at < length}
        self.outcome = None
        self._events = self._opened(then)
        if not await self.reach(length):
            return False
        if then is FrameKind.RETURN:
            self.over.add(length)
        return True

    def news(self) -> list[str]:
        """The notices that came since this was asked last."""
        fresh, self.told = self.notices[self.told :], len(self.notices)
        return fresh

    async def aclose(self) -> None:
        """Stop the world's answer, where one is under way."""
        events, self._events = self._events, None
        close = getattr(events, "aclose", None)
        if close is not None:
            await close()

    def _opened(self, then: FrameKind | None = None) -> AsyncIterator[WorldEvent]:
        self.cut = False
        left = self._limits.frames - len(self.frames)
        patience = _PATIENT if self._lazy else self._limits.seconds
        limits = replace(self._limits, frames=max(left, 1), seconds=patience)
        if self.dreamer is not None and self.frames:
            return self.dreamer.imagine_on(self._request, tuple(self.frames), limits, then=then)
        if self._world is None:
            raise SandboxError("There is no world that could go on from here.")
        return self._world.run(self._request, limits)

    async def _drain(self) -> None:
        while self.outcome is None:
            self._take(await self._next())

    async def _more(self) -> bool:
        """Take in one event; False when the user or the clock stopped it."""
        if len(self.frames) >= self._limits.frames and self._events is None:
            await self._end(LimitReached("frames", f"{self._limits.frames} frames"))
            return False
        try:
            self._take(await self._stop.guard(self._next(), self._limits.seconds))
        except Interrupted:
            await self._stopped()
            return False
        except TimeIsUp:
            await self._end(LimitReached("time", f"no frame within {self._limits.seconds:g} s"))
            return False
        if len(self.frames) > self._limits.frames:
            self.frames.pop()
            await self._end(LimitReached("frames", f"{self._limits.frames} frames"))
        return True

    async def _next(self) -> WorldEvent:
        if self._events is None:
            self._events = self._opened()
        try:
            return await anext(self._events)
        except StopAsyncIteration:
            self._broken()
            raise SandboxError("The world that was asked for a trace ended without an outcome.") from None
        except CwmAgentError:
            self._broken()
            raise

    def _broken(self) -> None:
        """The world cannot say more by itself; only a dreamer can be asked again."""
        self._events = None
        self.cut = True

    def _take(self, event: WorldEvent) -> None:
        match event:
            case FrameReached(frame):
                self.frames.append(frame)
            case OutputWritten(text):
                self.output.append(text)
            case WorldNoticed(text):
                self.notices.append(text)
            case Finished(outcome):
                self.outcome = outcome
                self._events = None

    async def _stopped(self) -> None:
        self.cut = True
        self._stop.clear()
        await self.aclose()

    async def _end(self, outcome: Outcome) -> None:
        self.outcome = outcome
        await self.aclose()
