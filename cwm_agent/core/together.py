"""Two worlds at once: the real run begins while the imagined one is under way, and is heard of when its turn comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from cwm_agent.core.dreams import LATE
from cwm_agent.core.interrupt import Interrupted, Stop, cancelled, closing
from cwm_agent.observations import Finished, WorldEvent


class Early:
    """A world's answer that is begun now and told later. `heard` is what it said so far; nobody else may see it.

    An error of the world is kept, too, and raised where the answer is told.
    """

    def __init__(self, events: AsyncIterator[WorldEvent]) -> None:
        self.heard: list[WorldEvent] = []
        self._error: Exception | None = None
        self._more = asyncio.Event()
        self._over = asyncio.Event()
        self._began = time.monotonic()
        self._seconds: float | None = None
        self._task = asyncio.create_task(self._listen(events))

    @property
    def seconds(self) -> float:
        """How long the answer has taken, from its beginning to its end or to now."""
        return time.monotonic() - self._began if self._seconds is None else self._seconds

    async def over(self) -> None:
        """Wait until the answer is complete, or broken."""
        await self._over.wait()

    async def events(self) -> AsyncIterator[WorldEvent]:
        """The answer from its beginning on; closing the iterator stops what runs."""
        try:
            at = 0
            while True:
                while at < len(self.heard):
                    yield self.heard[at]
                    at += 1
                if self._over.is_set():
                    break
                self._more.clear()
                await self._more.wait()
            if self._error is not None:
                raise self._error
        finally:
            await self.stop()

    async def stop(self) -> bool:
        """Stop what runs; False where it did not end in time and was left behind."""
        ended = self._task.done() or await cancelled(self._task)
        self._over.set()
        return ended

    async def _listen(self, events: AsyncIterator[WorldEvent]) -> None:
        try:
            async with closing(events):
                async for event in events:
                    self.heard.append(event)
                    self._more.set()
                    if isinstance(event, Finished):
                        break
        except Exception as error:  # it is raised where the answer is told
            self._error = error
        finally:
            self._seconds = self.seconds
            self._over.set()
            self._more.set()


async def hurry(early: Early, late: Stop, patience: float) -> None:
    """Once the real run is over, give the prediction `patience` seconds more, and then the word that it is late."""
    await early.over()
    await asyncio.sleep(patience)
    late.give()


async def until(late: Stop, events: AsyncIterator[WorldEvent]) -> AsyncIterator[WorldEvent]:
    """What a world imagines, cut where the word comes that it is late."""
    over = False
    async with closing(events):
        while not over:
            try:
                event = await late.guard(_next(events))
            except Interrupted:
                event = Finished(LATE)
            except StopAsyncIteration:
                return
            over = isinstance(event, Finished)
            yield event


async def _next(events: AsyncIterator[WorldEvent]) -> WorldEvent:
    return await anext(events)
