"""Requests to the file service and their answers; a service that is gone or silent is started again once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from cwm_agent.containers.channel import Channel, ChannelClosed
from cwm_agent.containers.file_records import base_batches, nonsense
from cwm_agent.containers.framing import Frame, Header
from cwm_agent.containers.generation import mode_of
from cwm_agent.containers.snapshot import Snapshot
from cwm_agent.errors import SandboxError

Connect = Callable[[], Awaitable[Channel]]
Request = tuple[Header, bytes]

_SECONDS = 60.0
_FRAME_COST = 1024


class FileChannel:
    """One request at a time. ContainerDied where no service can be started, SandboxError where it does not answer."""

    def __init__(self, snapshot: Snapshot, connect: Connect, *, most: int) -> None:
        self._snapshot = snapshot
        self._connect = connect
        self._most = most
        self._channel: Channel | None = None
        self._knows_base = False

    async def ask(self, requests: Sequence[Request], *, answers: int = 1, base: bool = False) -> list[Frame]:
        """Send requests one after the other; the frames of the last one's `answers` answers.

        With `base` the service is told before what the snapshot was made of. An errno ends the requests.
        """
        for last in (False, True):
            try:
                async with asyncio.timeout(_SECONDS):
                    return await self._once(requests, answers, base=base)
            except (ChannelClosed, TimeoutError) as error:
                await self.close()
                if last:
                    raise SandboxError(f"The sandbox's file service does not answer: {error}.") from error
            except (SandboxError, asyncio.CancelledError):
                await self.close()  # what it may still say belongs to no request
                raise
        raise AssertionError("the loop returns or raises")

    async def _once(self, requests: Sequence[Request], answers: int, *, base: bool) -> list[Frame]:
        channel, frames = await self._open(), list[Frame]()
        if base and not self._knows_base:
            for request in self._base_requests():
                await channel.send(*request)
                await self._collect(channel, 1)
            self._knows_base = True
        for number, (header, payload) in enumerate(requests, 1):
            await channel.send(header, payload)
            frames = await self._collect(channel, answers if number == len(requests) else 1)
            if "errno" in frames[-1][0]:
                break
        return frames

    def _base_requests(self) -> list[Request]:
        stamps, snapshot = self._snapshot.base.stamps, self._snapshot
        modes = {path: mode_of(stamp) for path, stamp in stamps.items()}
        batches = base_batches(stamps, modes, since=snapshot.since_ns, whole_seconds=snapshot.whole_seconds)
        return list(batches)

    async def _collect(self, channel: Channel, answers: int) -> list[Frame]:
        return [frame async for frame in self._frames(channel, answers)]

    async def _frames(self, channel: Channel, answers: int) -> AsyncIterator[Frame]:
        """Frames until the last of the last answer, as long as they are not too many."""
        seen = 0
        while answers:
            frame = await channel.receive()
            seen += len(frame[1]) + _FRAME_COST
            if seen > self._most:
                raise nonsense("it does not end")
            answers -= frame[0].get("last") is True
            yield frame

    async def _open(self) -> Channel:
        if self._channel is None:
            self._channel, self._knows_base = await self._connect(), False
        return self._channel

    async def close(self) -> None:
        """End the service; the next request starts another."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()


def raise_errno(header: Header, path: bytes) -> None:
    """The OSError that the service met, if it met one."""
    number = header.get("errno")
    if isinstance(number, int):
        raise OSError(number, os.strerror(number), os.fsdecode(path))
