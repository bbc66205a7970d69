"""A server that is looked after: progress while it starts, restarts when it crashes, and a clean end."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import httpx
from msgspec import Struct

from cwm_agent.errors import ModelUnavailable
from cwm_agent.models.serving.choice import Obstacle
from cwm_agent.models.serving.command import Command
from cwm_agent.models.serving.log import Log, stage
from cwm_agent.models.serving.process import Run
from cwm_agent.models.serving.troubles import diagnose


class Patience(Struct, frozen=True, kw_only=True):
    """Seconds between looks at the server, until a sign of life is due, and for each step of its end.

    At most `restarts` within `window` seconds, `pause` before the first and twice as many before each further one.
    A ready server that refuses `silences` looks in a row counts as crashed.
    """

    look: float = 0.5
    ready_look: float = 5.0
    answer: float = 5.0
    heartbeat: float = 30.0
    interrupt: float = 20.0
    terminate: float = 10.0
    restarts: int = 3
    window: float = 600.0
    pause: float = 2.0
    silences: int = 4


class Stop:
    """Whether the server is to end, and whether at once."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurried = asyncio.Event()

    def ask(self) -> None:
        """Ask for the end; to ask again is to hurry."""
        if self.asked.is_set():
            self.hurried.set()
        self.asked.set()


class Supervisor:
    """Keeps one command running and answering at `address` until it is stopped. `say` gets one line at a time.

    `invitation` is what can be done once it is ready.
    """

    def __init__(
        self,
        command: Command,
        address: str,
        log: Path,
        say: Callable[[str], None],
        *,
        invitation: str,
        patience: Patience | None = None,
    ) -> None:
        self._command = command
        self._address = address
        self._path = log
        self._say = say
        self._invitation = invitation
        self._patience = patience or Patience()
        self._crashes: deque[float] = deque()
        self.was_ready = False

    async def run(self, stop: Stop, surroundings: Mapping[str, str]) -> None:
        """Serve until `stop`; ModelUnavailable where it cannot be kept up, with what its log says about the cause."""
        async with httpx.AsyncClient(trust_env=False, timeout=self._patience.answer) as client:
            while not stop.asked.is_set():
                log = Log(self._path)
                run = await Run.start(self._command, self._path, surroundings)
                ready = await self._once(run, log, client, stop)
                self.was_ready |= ready
                if not stop.asked.is_set():
                    await self._again(run, log.text(), stop, ready=ready)

    async def _once(self, run: Run, log: Log, client: httpx.AsyncClient, stop: Stop) -> bool:
        """Look after one run to its end, and end it where it does not do so itself; whether it became ready."""
        patience = self._patience
        watch = _Watch(run, log, patience, self._say, self._invitation)
        try:
            await watch.until_the_end(lambda: _healthy(client, f"{self._address}/health"), stop.asked)
        finally:
            if not run.ended.done():
                self._say("stopping the server")
            await run.stop(interrupt=patience.interrupt, terminate=patience.terminate, hurried=stop.hurried)
        return watch.ready

    async def _again(self, run: Run, text: str, stop: Stop, *, ready: bool) -> None:
        """Wait before the next start; raise where another one would not help."""
        cause = diagnose(text, run.status)
        if cause is not None and not ready:
            raise self._gone(cause)
        now = time.monotonic()
        self._crashes.append(now)
        while now - self._crashes[0] > self._patience.window:
            self._crashes.popleft()
        count, most = len(self._crashes), self._patience.restarts
        if count > most:
            times = f"The model server stopped {count} times within {self._patience.window / 60:.0f} minutes"
            raise self._gone(cause or Obstacle(f"{times}.", "Its log says why."))
        pause = self._patience.pause * 2 ** (count - 1)
        why = f": {cause.message.rstrip('.')}" if cause else ""
        self._say(f"{_ending(run.status)}{why}; restart {count} of {most} in {pause:g} s")
        try:
            await asyncio.wait_for(stop.asked.wait(), pause)
        except TimeoutError:
            return

    def _gone(self, cause: Obstacle) -> ModelUnavailable:
        return ModelUnavailable(cause.message, remedy=f"{cause.remedy}\nThe server's log: {self._path}")


class _Watch:
    """One run, looked at until it ends, is to end, or answers no more."""

    def __init__(self, run: Run, log: Log, patience: Patience, say: Callable[[str], None], invitation: str) -> None:
        self._run = run
        self._log = log
        self._patience = patience
        self._say = say
        self._invitation = invitation
        self._begun = self._spoke = time.monotonic()
        self._last = ""
        self._silences = 0
        self.ready = False

    async def until_the_end(self, health: Callable[[], Awaitable[bool | None]], stop: asyncio.Event) -> None:
        """Return when the process ended, `stop` was set, or a ready server fell silent."""
        asked = asyncio.ensure_future(stop.wait())
        try:
            while self._silences < self._patience.silences:
                pause = self._patience.ready_look if self.ready else self._patience.look
                done, _ = await asyncio.wait((self._run.ended, asked), timeout=pause, return_when="FIRST_COMPLETED")
                if done:
                    return
                self._read()
                self._note(answers=await health())
            self._say("the server runs, and answers no more")
        finally:
            asked.cancel()

    def _read(self) -> None:
        """Say how far the start has come, and now and then that it goes on."""
        told = [found for found in map(stage, self._log.fresh()) if found]
        if self.ready:
            return
        now = time.monotonic()
        since = f"({now - self._begun:.0f} s)"
        if told and told[-1] != self._last:
            self._last = told[-1]
            self._say(f"{self._last} {since}")
        elif now - self._spoke >= self._patience.heartbeat:
            self._say(f"still starting {since}")
        else:
            return
        self._spoke = now

    def _note(self, *, answers: bool | None) -> None:
        if answers and not self.ready:
            self.ready = True
            self._say(f"ready after {time.monotonic() - self._begun:.0f} s: {self._invitation}")
        if answers is not None:
            self._silences = 0 if answers or not self.ready else self._silences + 1


def _ending(status: int | None) -> str:
    if status is None:
        return "the server was ended"
    how = f"exit status {status}" if status >= 0 else f"signal {-status}"
    return f"the server stopped by itself ({how})"


async def _healthy(client: httpx.AsyncClient, url: str) -> bool | None:
    """Whether the server says that it is well; None where it is too busy to say anything."""
    try:
        response = await client.get(url)
    except httpx.TimeoutException:
        return None
    except httpx.HTTPError:
        return False
    return response.status_code == httpx.codes.OK
