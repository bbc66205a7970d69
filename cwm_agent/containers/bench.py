"""The bench from the host's side: test runs and verdicts, asked of a server inside the container.

A candidate's text is only in the memory of the process that tries it. So two things stay outside of a verdict: a Python
that a test starts as a program of its own reads the files on the disk, and what a test writes into the project's folder
is there for the tests that follow.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import msgspec
from msgspec import Struct

from cwm_agent.containers.bench_feed import Feed
from cwm_agent.containers.channel import Channel, ChannelClosed
from cwm_agent.containers.container import Container
from cwm_agent.containers.framing import Frame, Header
from cwm_agent.containers.toolbox import RUNNER, TOOLBOX_PYTHON
from cwm_agent.errors import SandboxError
from cwm_agent.protocols import Candidate, Spectrum, TestResult, Verdict

_SILENCE = 20.0  # the server says each second that it lives

_DEATHS = 8  # in a row, without a verdict in between

Connect = Callable[[], Awaitable[Channel]]


class _Test(Struct):
    id: str
    outcome: str
    lines: dict[str, list[int]]
    seconds: float = 0.0
    message: str = ""
    path: str = ""
    line: int = 0


def _ended(error: Exception) -> SandboxError:
    return SandboxError(
        f"The processes that run the tests ended in the middle: {error or 'nothing was heard of them'}.",
        remedy="Run the tests in the sandbox's shell to see what ends them.",
    )


class ServedBench:
    """The fast lane for tests, in a server that is started when first needed, and again after it was killed.

    `connect` starts one and opens a channel to it. One run at a time; a second one waits.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._channel: Channel | None = None
        self._run = 0
        self.recorded = 0
        self._turn = asyncio.Lock()

    async def spectrum(self, targets: Sequence[str], seconds: float) -> Spectrum:
        """Run the tests that pytest selects by `targets` (none: all), each under a time limit of `seconds`."""
        async with self._turn:
            try:
                return await self._spectrum(list(targets), seconds)
            except BaseException:
                await self._stop()
                raise

    async def _spectrum(self, targets: list[str], seconds: float) -> Spectrum:
        results: dict[str, TestResult] = {}
        lines: dict[str, dict[str, tuple[int, ...]]] = {}
        self.recorded = 0
        try:
            channel = await self._open({"op": "spectrum", "targets": targets, "seconds": seconds})
            while True:
                header, payload = await self._receive(channel)
                if header["op"] == "imported":
                    lines[""] = msgspec.json.decode(payload, type=dict[str, tuple[int, ...]])
                elif header["op"] == "test":
                    test = msgspec.json.decode(payload, type=_Test)
                    lines[test.id] = {path: tuple(numbers) for path, numbers in test.lines.items()}
                    results[test.id] = msgspec.convert(test, TestResult, from_attributes=True)
                    self.recorded = len(results)
                elif header["op"] == "surveyed":
                    return Spectrum(tuple(results.values()), lines, header["problem"])
                elif header["op"] == "failed":
                    return Spectrum(tuple(results.values()), lines, header["message"])
        except (ChannelClosed, TimeoutError) as error:
            await self._drop()
            raise _ended(error) from error

    async def verify(
        self, candidates: AsyncIterator[Candidate], failing: Sequence[str], related: Sequence[str], seconds: float
    ) -> AsyncIterator[Verdict]:
        """Judge candidates as they come: `failing` must pass first, then all of `related`; each test has `seconds`."""
        order = {"op": "verify", "failing": list(failing), "related": list(related), "seconds": seconds}
        async with self._turn:
            feed = Feed(candidates)
            deaths = 0
            try:
                while not feed.exhausted:
                    try:
                        async for verdict in self._judged(feed, order):
                            deaths = 0
                            yield verdict
                    except (ChannelClosed, TimeoutError) as error:
                        await self._drop()
                        deaths += 1
                        if deaths > _DEATHS:
                            raise _ended(error) from error
                        guilty = feed.lost()
                        if guilty is not None:
                            yield Verdict(guilty, "broken", 0, 0, 0.0, "it ended the processes of the bench")
            finally:
                await feed.close()
                await self._stop()

    async def _judged(self, feed: Feed, order: Header) -> AsyncIterator[Verdict]:
        """The verdicts of one server, until it or the candidates come to their end."""
        channel = await self._open(order)
        await feed.begin(channel, self._run)
        frame = asyncio.create_task(self._receive(channel))
        try:
            while not feed.exhausted:
                waiting = {frame} if feed.reader.done() else {frame, feed.reader}
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if not frame.done():
                    continue
                header, _ = frame.result()
                frame = asyncio.create_task(self._receive(channel))
                if header["op"] == "failed":
                    raise SandboxError(f"The candidates cannot be run: {header['message']}.")
                if header["op"] == "verdict" and await feed.answered(header["number"]):
                    yield msgspec.convert(header, Verdict)
        finally:
            frame.cancel()
            with contextlib.suppress(asyncio.CancelledError, ChannelClosed, TimeoutError):
                await frame

    async def _open(self, order: Header) -> Channel:
        """Start a run, and the server before that where there is none."""
        self._run += 1
        channel = self._channel
        if channel is not None:
            try:
                await channel.send({**order, "run": self._run})
                return channel
            except ChannelClosed:
                await self._drop()
        channel = self._channel = await self._connect()
        await channel.send({**order, "run": self._run})
        return channel

    async def _receive(self, channel: Channel) -> Frame:
        """The next frame of this run; TimeoutError when the server has fallen silent."""
        while True:
            header, payload = await asyncio.wait_for(channel.receive(), _SILENCE)
            if header.get("run") == self._run:
                return header, payload

    async def _stop(self) -> None:
        """End the run in the server at once, whether it is over or not."""
        if self._channel is not None:
            with contextlib.suppress(ChannelClosed):
                await self._channel.send({"op": "stop", "run": self._run})

    async def _drop(self) -> None:
        """Let go of the server, which ends with its input."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()

    async def aclose(self) -> None:
        """End the processes."""
        await self._drop()


class ContainerBench(ServedBench):
    """The bench of the project that stands at `root` in a container."""

    def __init__(self, container: Container, root: str = "/workspace") -> None:
        argv = [*TOOLBOX_PYTHON, f"{RUNNER}/bench.py", "serve", root]
        super().__init__(lambda: Channel.over(container, argv, workdir="/"))
