"""What is under way between a source of candidates and a server that may die: bounded, and nothing gets lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec

from cwm_agent.containers.channel import Channel, ChannelClosed
from cwm_agent.protocols import Candidate

WINDOW = 16
"""How many candidates wait in the server at most."""


class Feed:
    """Reads candidates and sends each to the server of the moment. What a dead server had, goes again one by one.

    So the candidate that ends its server is found: it is the one that was alone in it.
    """

    def __init__(self, candidates: AsyncIterator[Candidate]) -> None:
        self._room = asyncio.Semaphore(WINDOW)
        self._calm = asyncio.Event()
        self._calm.set()
        self._under_way: dict[int, Candidate] = {}
        self._suspects: list[int] = []
        self._channel: Channel | None = None
        self._run = 0
        self.reader = asyncio.create_task(self._read(candidates))

    @property
    def exhausted(self) -> bool:
        """Whether every candidate was answered and no more can come. Raises what the source raised."""
        if self.reader.done():
            self.reader.result()
            return not self._under_way
        return False

    async def begin(self, channel: Channel, run: int) -> None:
        """Send to this server from now on, first of all what another one was lost with."""
        self._channel, self._run = channel, run
        await self._next_suspect()

    async def answered(self, number: int) -> bool:
        """A verdict came; whether it is the first on this candidate."""
        if self._under_way.pop(number, None) is None:
            return False
        self._room.release()
        if number in self._suspects:
            self._suspects.remove(number)
            await self._next_suspect()
        return True

    def lost(self) -> int | None:
        """The server is gone: the number of the candidate that ended it, or None where several were there."""
        self._channel = None
        if self._suspects:
            guilty = self._suspects.pop(0)
            del self._under_way[guilty]
            self._room.release()
            return guilty
        self._calm.clear()
        self._suspects = list(self._under_way)
        if len(self._suspects) == 1:
            return self.lost()
        return None

    async def close(self) -> None:
        """Stop reading."""
        self.reader.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await self.reader

    async def _next_suspect(self) -> None:
        if self._suspects:
            await self._send(self._under_way[self._suspects[0]])
        else:
            self._calm.set()

    async def _read(self, candidates: AsyncIterator[Candidate]) -> None:
        async for candidate in candidates:
            await self._room.acquire()
            await self._calm.wait()
            self._under_way[candidate.number] = candidate
            await self._send(candidate)

    async def _send(self, candidate: Candidate) -> None:
        if self._channel is not None:
            header = {"op": "candidate", "run": self._run, "number": candidate.number}
            with contextlib.suppress(ChannelClosed):  # whoever receives will see it too, and call `lost`
                await self._channel.send(header, msgspec.json.encode(candidate.files))
