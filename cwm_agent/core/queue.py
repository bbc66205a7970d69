"""What a session has to do, one thing after the other, and some things beside it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from cwm_agent.core.interrupt import Stop
from cwm_agent.events import UserRequest

Job = Callable[[], Awaitable[None]]


class Queue:
    """Runs jobs in order. Jobs deal with their own errors. `stop` ends the one that is under way, or else the next."""

    def __init__(self) -> None:
        self.stop = Stop()
        self._jobs: deque[tuple[Job, UserRequest | None]] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._running: Job | None = None
        self._beside: set[asyncio.Task[None]] = set()
        self._one_at_a_time = asyncio.Lock()
        self._worker: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether anything runs or waits."""
        return self._running is not None or bool(self._jobs) or bool(self._beside)

    def open(self) -> None:
        """Begin to work."""
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())

    def put(self, job: Job, request: UserRequest | None = None) -> None:
        """Queue a job; one that works on a request can be taken back until it is begun."""
        self._jobs.append((job, request))
        self._idle.clear()
        self._wake.set()

    def put_now(self, job: Job) -> None:
        """Stop what runs, and do this next, before all that waits."""
        if self._running is not None:
            self.stop.give()
        self._jobs.appendleft((job, None))
        self._idle.clear()
        self._wake.set()

    def take_back(self) -> UserRequest | None:
        """Drop the job of the newest request that waits; None where none does."""
        for at in reversed(range(len(self._jobs))):
            _, request = self._jobs[at]
            if request is not None:
                del self._jobs[at]
                if not self._jobs and self._running is None:
                    self.stop.clear()  # it was meant for this one
                self._rest()
                return request
        return None

    def beside(self, job: Job) -> None:
        """Start a job at once, whatever else runs; such jobs run one at a time, in order."""

        async def run() -> None:
            async with self._one_at_a_time:
                await job()

        task = asyncio.create_task(run())
        self._beside.add(task)
        self._idle.clear()
        task.add_done_callback(self._left)

    def interrupt(self) -> None:
        """Stop the job that runs, or the one that is about to."""
        if self._running is not None or self._jobs:
            self.stop.give()

    async def idle(self) -> None:
        """Wait until nothing runs or waits."""
        await self._idle.wait()

    async def close(self) -> int:
        """Stop what runs, let what runs beside come to its end, and return how many jobs were never begun."""
        dropped = len(self._jobs)
        self._jobs.clear()
        self.interrupt()
        self._rest()
        await self._idle.wait()
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.wait({self._worker})
        return dropped

    async def _work(self) -> None:
        while True:
            while self._jobs:
                self._running, _ = self._jobs.popleft()
                try:
                    await self._running()
                finally:
                    self._running = None
                    self.stop.clear()
            self._wake.clear()
            self._rest()
            await self._wake.wait()

    def _left(self, task: asyncio.Task[None]) -> None:
        self._beside.discard(task)
        self._rest()

    def _rest(self) -> None:
        if not self.busy:
            self._idle.set()
