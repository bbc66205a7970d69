"""The session's persistent shell, seen from the host: commands in, world events out, restarted whenever it must be."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from cwm_agent.containers.channel import Channel, ChannelClosed
from cwm_agent.containers.container import Container
from cwm_agent.containers.framing import Frame, Header
from cwm_agent.containers.output import OutputText
from cwm_agent.containers.toolbox import RUNNER, TOOLBOX_PYTHON
from cwm_agent.errors import ContainerDied, CwmAgentError, SandboxError
from cwm_agent.observations import (
    Completed,
    Finished,
    LimitReached,
    Limits,
    Outcome,
    OutputWritten,
    WorldEvent,
    WorldNoticed,
)

SERVICE = (*TOOLBOX_PYTHON, f"{RUNNER}/shelld.py")

_GRACE = 10.0  # what the service may take, past a command's own limit, to end everything that it started
_STOP_SECONDS = 8.0
_HELLO_SECONDS = 15.0
_PAYLOAD_LIMIT = 256 * 1024
_KILLED = 137
_LOST = "the shell was killed and started again; its variables are lost"
_RESTARTED = "the shell ended and was started again; its variables are lost"
_SILENT = "the sandbox did not answer in time; its processes were ended and the shell started again, variables lost"


class _Lost(Exception):
    """The service is gone, or `silent`: it does not answer."""

    def __init__(self, *, silent: bool = False) -> None:
        super().__init__(_SILENT if silent else _LOST)
        self.silent = silent


class Shell:
    """One shell in one container; its folder, variables and functions last from command to command.

    One command at a time. A shell that is killed, ends or falls silent is started again where it was, with a notice;
    ContainerDied is raised once the container itself is gone.
    """

    def __init__(self, container: Container) -> None:
        self._container = container
        self._channel: Channel | None = None
        self._last = 0
        self._running: int | None = None
        self._cwd: str | None = None
        self._disk: Header | None = None
        self._kills: int | None = None
        self._untold: list[str] = []

    async def run(self, command: str, limits: Limits) -> AsyncGenerator[WorldEvent]:
        """What the command does, ending with exactly one Finished; closing the iterator ends the command."""
        text = OutputText()
        if self._channel is not None and self._channel.ended:
            await self._recover()
            self._untold.append(_LOST)
        while self._untold:
            yield WorldNoticed(self._untold.pop(0))
        try:
            deadline = asyncio.get_running_loop().time() + limits.seconds + _GRACE
            await self._begin(command, limits)
            while True:
                header, payload = await self._next(deadline)
                if header["t"] == "done":
                    break
                said = text.cut(header["bytes"]) if header["t"] == "cut" else text.feed(payload)
                if said:
                    yield OutputWritten(said)
        except _Lost as lost:
            outcome = await self._recover()
            notices = [str(lost)]
            if lost.silent:
                outcome = LimitReached("time", f"{limits.seconds:g} s")
        else:
            self._running = None
            outcome = _outcome(header, limits)
            notices = await self._after(header)
        finally:
            await self._settle()
        if said := text.finish():
            yield OutputWritten(said)
        for notice in notices:
            yield WorldNoticed(notice)
        yield Finished(outcome)

    async def aclose(self) -> None:
        """End the shell and everything below it."""
        self._running = None
        await self._drop()

    async def _begin(self, command: str, limits: Limits) -> None:
        """Hand the command over, to a new service where there is none."""
        channel = self._channel or await self._connect()
        self._last += 1
        header = {
            "t": "run",
            "id": self._last,
            "seconds": limits.seconds,
            "keep": limits.output_bytes,
            "flood": limits.flood_bytes,
            "disk": limits.disk_bytes,
        }
        self._running = self._last
        try:
            await channel.send(header, _encoded(command))
        except ChannelClosed as closed:
            raise _Lost from closed

    async def _next(self, deadline: float) -> Frame:
        """The next frame of the running command."""
        channel = self._channel
        while channel is not None:
            try:
                async with asyncio.timeout_at(deadline):
                    frame = await channel.receive()
            except TimeoutError as silent:
                raise _Lost(silent=True) from silent
            except ChannelClosed as closed:
                raise _Lost from closed
            if frame[0].get("id") == self._running:
                return frame
        raise _Lost

    async def _connect(self) -> Channel:
        """Start the service, where the last one was."""
        channel = await Channel.over(self._container, SERVICE, payload_limit=_PAYLOAD_LIMIT)
        try:
            await channel.send({"t": "open", "cwd": self._cwd, "disk": self._disk})
            async with asyncio.timeout(_HELLO_SECONDS):
                hello, _ = await channel.receive()
        except (ChannelClosed, TimeoutError) as error:
            await channel.close()
            await self._require_container()
            raise SandboxError(f"The shell does not start in the sandbox: {error or 'no answer'}.") from error
        self._channel, self._disk, self._kills = channel, hello["disk"], hello["kills"]
        return channel

    async def _after(self, done: Header) -> list[str]:
        """Remember what a restart needs, clear what the service could not; what the user is told."""
        self._cwd, self._kills = done["cwd"], done["kills"]
        notices = []
        if done["ended"]:
            many = done["ended"] > 1
            notices.append(f"{done['ended']} background process{'es were' if many else ' was'} ended")
        if done["stuck"]:
            await self._replace()
            notices.append(_LOST)
        elif done["restarted"]:
            notices.append(_RESTARTED)
        return notices

    async def _recover(self) -> Outcome:
        """The service is lost: start another; the outcome of the command that it took along."""
        self._running = None
        before = self._kills
        await self._require_container()
        await self._replace()
        if before is not None and self._kills is not None and self._kills > before:
            return LimitReached("memory", "the container's memory limit")
        return Completed(_KILLED)

    async def _replace(self) -> None:
        """End every process of a command, whoever holds it, and connect anew."""
        await self._drop()
        await self._container.kill_commands()
        await self._connect()

    async def _require_container(self) -> None:
        if not await self._container.alive():
            await self._drop()
            raise ContainerDied(
                "The sandbox's container is gone.", remedy="What it wrote is kept; the session can be opened again."
            )

    async def _settle(self) -> None:
        """End a command whose iterator was closed early, and keep the shell; one that does not end is replaced."""
        if self._running is None or self._channel is None:
            return
        try:
            await self._channel.send({"t": "stop", "id": self._running})
            deadline = asyncio.get_running_loop().time() + _STOP_SECONDS
            while (frame := await self._next(deadline))[0]["t"] != "done":
                pass
            self._untold += await self._after(frame[0])
        except (ChannelClosed, _Lost):
            self._untold.append(_LOST)
            await self._drop()
            with contextlib.suppress(CwmAgentError):  # the next command meets the same trouble and says so
                await self._container.kill_commands()
        self._running = None

    async def _drop(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()


def _encoded(command: str) -> bytes:
    """The command's bytes: surrogates that stand for bytes become them again, others cannot."""
    try:
        return command.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return command.encode("utf-8", "replace")


def _outcome(done: Header, limits: Limits) -> Outcome:
    """What the service reports, as a value."""
    code = int(done["exit"])
    if done["limit"] == "output":
        return LimitReached("output", f"more than {limits.flood_bytes:,} bytes written")
    if done["limit"] == "disk":
        return LimitReached("disk", f"more than {limits.disk_bytes:,} bytes added to the snapshot")
    if done["memory"] and code:
        return LimitReached("memory", "the container's memory limit")
    if done["processes"] and (code or done["ended"] or done["limit"]):
        return LimitReached("processes", "the container's limit of processes")
    if done["limit"] == "time":
        return LimitReached("time", f"{limits.seconds:g} s")
    return Completed(code)
