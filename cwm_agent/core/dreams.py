"""Imagining in the background: subjects wait for a world that takes only so many requests at the same time."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial

from cwm_agent.core.bus import Bus
from cwm_agent.core.curtain import Curtain
from cwm_agent.core.interrupt import cancelled
from cwm_agent.core.tracing import INTERRUPTED, Traced, Tracing
from cwm_agent.errors import UsageError
from cwm_agent.events import TraceBegan
from cwm_agent.observations import Completed, LimitReached, Limits, Origin, Outcome, TraceCall
from cwm_agent.protocols import World

STOPPED = Completed(INTERRUPTED)
LATE = LimitReached("time", "the real run was over first, and this prediction was still open")


class Dream:
    """A prediction of one trace on its way, held back until it is shown; `wanted` is one that somebody waits for.

    `ended` is set once it is closed (`traced`), has failed (`error`) or was given up (neither).
    """

    def __init__(self, bus: Bus, began: TraceBegan, request: TraceCall) -> None:
        self.began = began
        self.request = request
        self.traced: Traced | None = None
        self.error: Exception | None = None
        self.ended = asyncio.Event()
        self.wanted = False
        self.given_up: Outcome = STOPPED
        self.anew = False
        self._curtain = Curtain(bus.publish)

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
    """Imagines dreams in tasks of their own, at most `at_once` at the same time."""

    def __init__(self, world: World | None, limits: Limits, bus: Bus, tracing: Tracing, at_once: int = 1) -> None:
        self._world = world
        self._limits = limits
        self._bus = bus
        self._tracing = tracing
        self._at_once = at_once
        self._waiting: deque[Dream] = deque()
        self._running: dict[Dream, asyncio.Task[None]] = {}

    def new(self, request: TraceCall, title: str) -> Dream:
        """A dream with a number of its own; nobody imagines it yet."""
        began = TraceBegan(self._tracing.new(), Origin.IMAGINED, title, request.path)
        return Dream(self._bus, began, request)

    def ask(self, dream: Dream) -> None:
        """Imagine it when its turn comes."""
        self._waiting.append(dream)
        self._fill()

    def ask_first(self, *dreams: Dream) -> None:
        """Imagine these now, the first before the others; what is under way for nobody begins anew behind them."""
        fresh = [dream for dream in dreams if not dream.ended.is_set() and dream not in self._running]
        for dream in dreams:
            dream.wanted = True
        others = [dream for dream in self._running if not dream.wanted]
        room = self._at_once - len(self._running)
        for dream in others[::-1][: max(0, len(fresh) - room)]:
            dream.anew = True
            self._running[dream].cancel()
            self._waiting.appendleft(dream)
        for dream in reversed(fresh):
            if dream in self._waiting:
                self._waiting.remove(dream)
            self._waiting.appendleft(dream)
        self._fill()

    async def give_up(self, dream: Dream, outcome: Outcome = STOPPED) -> None:
        """Stop imagining it; `outcome` says why."""
        dream.given_up = outcome
        if dream in self._waiting:
            self._waiting.remove(dream)
            dream.ended.set()
        elif dream in self._running:
            await cancelled(self._running[dream])

    async def drop(self) -> None:
        """Give up all that nobody waits for."""
        for dream in (*self._waiting, *self._running):
            if not dream.wanted:
                await self.give_up(dream)

    async def aclose(self) -> None:
        """Give up all."""
        for dream in (*self._waiting, *self._running):
            await self.give_up(dream)

    def _fill(self) -> None:
        """Begin what waits, as far as the world takes it."""
        for dream in [each for each in self._waiting if each not in self._running]:
            if self._world is None or len(self._running) >= self._at_once:
                return
            self._waiting.remove(dream)
            task = asyncio.create_task(dream.come(self._world, self._limits, self._tracing))
            self._running[dream] = task
            task.add_done_callback(partial(self._left, dream))

    def _left(self, dream: Dream, task: asyncio.Task[None]) -> None:
        del self._running[dream]
        if task.cancelled():  # before its first step
            dream.stopped()
        if dream.error is not None and not isinstance(dream.error, UsageError):
            self._fail(dream.error)
        self._fill()

    def _fail(self, error: Exception) -> None:
        """A world that is broken is asked nothing more for those who only wait in the background."""
        for dream in [each for each in self._waiting if not each.wanted]:
            self._waiting.remove(dream)
            dream.error = error
            dream.ended.set()
