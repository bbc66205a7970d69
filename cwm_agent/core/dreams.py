"""Imagining in the background: subjects wait for a world that takes one request at a time."""

from __future__ import annotations

import asyncio
from collections import deque

from cwm_agent.core.bus import Bus
from cwm_agent.core.curtain import Curtain
from cwm_agent.core.interrupt import PATIENCE, cancelled
from cwm_agent.core.tracing import INTERRUPTED, Traced, Tracing
from cwm_agent.errors import UsageError
from cwm_agent.events import TraceBegan
from cwm_agent.observations import Completed, LimitReached, Limits, Origin, Outcome, TraceCall
from cwm_agent.protocols import World

STOPPED = Completed(INTERRUPTED)
LATE = LimitReached("time", "the real run was over first, and this prediction was still open")


class Dream:
    """A prediction of one trace on its way. It is held back until it is shown.

    `ended` is set once it is closed (`traced`), has failed (`error`) or was given up (neither).
    """

    def __init__(self, bus: Bus, began: TraceBegan, request: TraceCall) -> None:
        self.began = began
        self.request = request
        self.traced: Traced | None = None
        self.error: Exception | None = None
        self.ended = asyncio.Event()
        self.given_up: Outcome = STOPPED
        self.anew = False
        self._curtain = Curtain(bus.publish)

    @property
    def shown(self) -> bool:
        """Whether it is for somebody to see."""
        return not self._curtain.down

    def show(self) -> None:
        """Publish what there is of it, and the rest as it comes."""
        self._curtain.lift()

    async def come(self, world: World, limits: Limits, tracing: Tracing) -> None:
        """Be imagined."""
        events = world.run(self.request, limits)
        try:
            self.traced = await tracing.take(
                events, self.began, publish=self._curtain.publish, cut=lambda: self.given_up
            )
        except asyncio.CancelledError:
            self.stopped()
            return
        except Exception as error:  # whoever wants the dream is told
            self.error = error
        self.ended.set()

    def stopped(self) -> None:
        """It was cancelled: for good, or to begin anew later."""
        if self.anew:
            self.anew = False
            self._curtain.empty()
        else:
            self.ended.set()


class Dreams:
    """Imagines one dream after the other, in tasks of its own."""

    def __init__(self, world: World | None, limits: Limits, bus: Bus, tracing: Tracing) -> None:
        self._world = world
        self._limits = limits
        self._bus = bus
        self._tracing = tracing
        self._waiting: deque[Dream] = deque()
        self._current: Dream | None = None
        self._imagining: asyncio.Task[None] | None = None
        self._worker: asyncio.Task[None] | None = None

    def new(self, request: TraceCall, title: str) -> Dream:
        """A dream with a number of its own; nobody imagines it yet."""
        began = TraceBegan(self._tracing.new(), Origin.IMAGINED, title, request.path)
        return Dream(self._bus, began, request)

    def ask(self, dream: Dream) -> None:
        """Imagine it when its turn comes."""
        self._waiting.append(dream)
        self._work()

    def ask_first(self, dream: Dream) -> None:
        """Imagine it now; what is under way for nobody begins anew behind it."""
        if dream.ended.is_set() or dream is self._current:
            return
        if dream in self._waiting:
            self._waiting.remove(dream)
        if self._current is not None and self._imagining is not None and not self._current.shown:
            self._current.anew = True
            self._imagining.cancel()
            self._waiting.appendleft(self._current)
        self._waiting.appendleft(dream)
        self._work()

    async def give_up(self, dream: Dream, outcome: Outcome = STOPPED) -> None:
        """Stop imagining it; `outcome` says why."""
        dream.given_up = outcome
        if dream in self._waiting:
            self._waiting.remove(dream)
            dream.ended.set()
        elif dream is self._current and self._imagining is not None:
            await cancelled(self._imagining)

    async def drop(self) -> None:
        """Give up all that nobody has seen."""
        for dream in (*self._waiting, *((self._current,) if self._current else ())):
            if not dream.shown:
                await self.give_up(dream)

    async def aclose(self) -> None:
        """Give up all, and leave nothing running."""
        for dream in (*self._waiting, *((self._current,) if self._current else ())):
            await self.give_up(dream)
        if self._worker is not None:
            await asyncio.wait({self._worker}, timeout=PATIENCE)

    def _work(self) -> None:
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._imagine_all())

    async def _imagine_all(self) -> None:
        while self._waiting and self._world is not None:
            dream = self._current = self._waiting.popleft()
            self._imagining = asyncio.create_task(dream.come(self._world, self._limits, self._tracing))
            await asyncio.wait({self._imagining})
            if self._imagining.cancelled():  # before its first step
                dream.stopped()
            self._current = None
            if dream.error is not None and not isinstance(dream.error, UsageError):
                self._fail(dream.error)

    def _fail(self, error: Exception) -> None:
        """A world that is broken is asked nothing more for those who only wait in the background."""
        for dream in [each for each in self._waiting if not each.shown]:
            self._waiting.remove(dream)
            dream.error = error
            dream.ended.set()
