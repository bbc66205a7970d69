"""A running hardened container: commands are attached to it, its deaths and its memory limit are noticed."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from docker.errors import APIError, NotFound
from docker.types import Mount
from msgspec import Struct

from cwm_agent.containers.attach import attach
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.framing import Streams
from cwm_agent.containers.image import Image, command_user
from cwm_agent.containers.spec import ENVIRONMENT_FOLDER, WORKSPACE, hardened
from cwm_agent.containers.toolbox import TOOLBOX_PYTHON
from cwm_agent.errors import ContainerDied, SandboxError
from cwm_agent.settings import SandboxSettings
from cwm_agent.text import printable_line

_CALL_SECONDS = 20.0
_OUTPUT_BYTES = 64 * 1024
_KILL_ATTEMPTS = 4

_KILL_ALL = """
import os, time
def others():
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                fields = dict(line.split(":", 1) for line in open(f"/proc/{name}/status") if ":" in line)
            except OSError:
                continue
            if int(fields["Uid"].split()[0]) == os.getuid() and fields["State"].split()[0] not in "ZX":
                return True
    return False
for _ in range(400):
    os.kill(-1, 9)
    if not others():
        break
    time.sleep(0.005)
"""
"""Kills every process of its own user but itself, until none is left that lives."""

_MEMORY_EVENTS = """
import re
for path in ("/sys/fs/cgroup/memory/memory.oom_control", "/sys/fs/cgroup/memory.events"):
    try:
        text = open(path).read()
    except OSError:
        continue
    found = re.search(r"^oom_kill (\\d+)", text, re.M)
    if found:
        print(found[1])
        break
"""


class MemoryEvents(Struct, frozen=True):
    """How often the kernel killed a process of the container for want of memory; None where it does not say."""

    kills: int | None


class Container:
    """A container that was started; its commands run as the user `user`, PID 1 as another."""

    def __init__(self, engine: Engine, identity: str, session: str) -> None:
        self._engine = engine
        self.id = identity
        self.session = session
        self.user = f"{command_user()}:{command_user()}"

    async def exec_socket(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        workdir: str = WORKSPACE,
        user: str | None = None,
    ) -> socket.socket:
        """Run `argv` attached: see `attach` for the stream. `env` adds to the container's environment."""
        return (await self._attached(argv, env, workdir, user))[1]

    async def _attached(
        self, argv: Sequence[str], env: Mapping[str, str] | None, workdir: str, user: str | None
    ) -> tuple[str, socket.socket]:
        def work() -> tuple[str, socket.socket]:
            created = self._engine.client.api.exec_create(
                self.id,
                list(argv),
                stdin=True,
                environment=dict(env) if env else None,
                workdir=workdir,
                user=user or self.user,
            )
            return created["Id"], attach(self._engine, created["Id"])

        return await self._engine.call("start a command in the sandbox", work)

    async def follow(
        self,
        argv: Sequence[str],
        on_output: Callable[[bytes], None],
        *,
        env: Mapping[str, str] | None = None,
        workdir: str = "/",
        user: str | None = None,
        standard_input: bytes = b"",
        seconds: float = _CALL_SECONDS,
    ) -> int:
        """Run `argv` to its end, hand on its output as it comes, return its exit code; TimeoutError past the limit."""
        identity, stream = await self._attached(argv, env, workdir, user)
        with stream:
            stream.settimeout(0)
            loop, streams = asyncio.get_running_loop(), Streams()
            async with asyncio.timeout(seconds):
                await loop.sock_sendall(stream, standard_input)
                stream.shutdown(socket.SHUT_WR)
                while data := await loop.sock_recv(stream, _OUTPUT_BYTES):
                    for _, piece in streams.feed(data):
                        on_output(piece)
        found = await self._engine.call("look at a command", lambda: self._engine.client.api.exec_inspect(identity))
        if found["ExitCode"] is None:
            raise ContainerDied("The sandbox went away while a command ran.")
        return int(found["ExitCode"])

    async def run_once(self, argv: Sequence[str], *, user: str | None = None, seconds: float = _CALL_SECONDS) -> str:
        """Run a short command of ours to its end and return its output; SandboxError where it fails."""
        pieces = deque[bytes](maxlen=64)
        try:
            code = await self.follow(argv, pieces.append, user=user, seconds=seconds)
        except TimeoutError as error:
            raise SandboxError(f"A command of ours in the sandbox did not end within {seconds:.0f} s.") from error
        text = b"".join(pieces).decode("utf-8", "replace")
        if code:
            said = printable_line(text.strip())[-300:]
            raise SandboxError(f"A command of ours in the sandbox ended with {code}: {said}")
        return text

    async def kill_commands(self) -> None:
        """End every process that a command started, also those that left its session or its group."""
        for _ in range(_KILL_ATTEMPTS - 1):
            try:
                return await self._kill_once()
            except ContainerDied:
                raise
            except SandboxError:
                continue  # where every process slot is taken, the engine may fail to start ours at first
        return await self._kill_once()

    async def _kill_once(self) -> None:
        await self.run_once([*TOOLBOX_PYTHON, "-c", _KILL_ALL], seconds=5.0)

    async def alive(self) -> bool:
        """Whether the container still runs."""

        def work() -> bool:
            try:
                return bool(self._engine.client.api.inspect_container(self.id)["State"]["Running"])
            except NotFound:
                return False

        return await self._engine.call("look at the sandbox", work)

    async def memory_events(self) -> MemoryEvents:
        """The cgroup's own count: the engine's OOMKilled stays false when a child is killed."""
        text = (await self.run_once([*TOOLBOX_PYTHON, "-c", _MEMORY_EVENTS])).strip()
        return MemoryEvents(kills=int(text) if text.isdigit() else None)

    async def remove(self) -> None:
        """End the container and remove it; it is not an error when it is gone already."""

        def work() -> None:
            try:
                self._engine.client.api.remove_container(self.id, force=True, v=True)
            except APIError as error:
                if error.status_code not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):  # gone, or on its way
                    raise

        await self._engine.call("remove the sandbox", work)


async def start_container(
    engine: Engine,
    image: Image,
    *,
    session: str,
    mounts: Sequence[Mount],
    settings: SandboxSettings,
    env_volume: str | None = None,
    network: bool = False,
) -> Container:
    """Start a hardened container; `env_volume` is a project's installed environment, mounted read-only.

    `network` is for the project's own set-up alone.
    """
    places = list(mounts)
    if env_volume is not None:
        places.append(Mount(ENVIRONMENT_FOLDER, env_volume, type="volume", read_only=True))

    def work() -> str:
        arguments = hardened(
            image,
            session=session,
            kind="session",
            mounts=places,
            settings=settings,
            image_path=image_path(engine, image),
            network="bridge" if network else "none",
        )
        return create_and_start(engine, arguments)

    return Container(engine, await engine.call("start the sandbox", work), session)


def create_and_start(engine: Engine, arguments: dict[str, Any]) -> str:
    """Create the container and start it; one that does not start is removed again."""
    created = engine.client.containers.create(**arguments)
    try:
        created.start()
    except BaseException:
        created.remove(force=True, v=True)
        raise
    return str(created.id)


def image_path(engine: Engine, image: Image) -> str | None:
    """The PATH that an image sets, or None."""
    config = engine.client.images.get(image.id).attrs.get("Config") or {}
    for line in config.get("Env") or []:
        name, _, value = line.partition("=")
        if name == "PATH":
            return str(value)
    return None
