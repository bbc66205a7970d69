from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from cwm_agent.containers import attach
from cwm_agent.containers.container import Container, start_container
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.framing import Streams
from cwm_agent.containers.image import Image, command_user
from cwm_agent.containers.labels import HOST, PROCESS, SESSION, STARTED
from cwm_agent.errors import ContainerDied, EngineUnavailable
from cwm_agent.settings import SandboxSettings

SMALL = SandboxSettings(memory="192m", processes=64, tmp_bytes=8 * 1024**2, disk_bytes=4 * 1024**2, cpus=1.5)
LARGE = SandboxSettings(memory="1g", processes=256, tmp_bytes=64 * 1024**2, disk_bytes=64 * 1024**2)


@contextlib.asynccontextmanager
async def started(engine: Engine, image: Image, settings: SandboxSettings) -> AsyncIterator[Container]:
    container = await start_container(engine, image, session="contract", mounts=[], settings=settings)
    try:
        yield container
    finally:
        await container.remove()


@pytest.fixture(scope="module")
def small(engine: Engine, image: Image) -> Iterator[Container]:
    container = asyncio.run(start_container(engine, image, session="small", mounts=[], settings=SMALL))
    yield container
    asyncio.run(container.remove())


@pytest.fixture(scope="module")
def large(engine: Engine, image: Image) -> Iterator[Container]:
    container = asyncio.run(start_container(engine, image, session="large", mounts=[], settings=LARGE))
    yield container
    asyncio.run(container.remove())


def test_every_field_of_the_contract(engine: Engine, small: Container, image: Image) -> None:
    found: dict[str, Any] = engine.client.api.inspect_container(small.id)
    host, config = found["HostConfig"], found["Config"]
    assert found["Image"] == image.id
    assert host["NetworkMode"] == "none"
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert host["SecurityOpt"][0] == "no-new-privileges"
    assert json.loads(host["SecurityOpt"][1].removeprefix("seccomp="))["defaultAction"] == "SCMP_ACT_ERRNO"
    assert len(host["SecurityOpt"]) == 2
    assert host["ReadonlyRootfs"] is True
    assert host["Privileged"] is False
    assert not host["Devices"]
    assert not host["Binds"]
    assert not host["Dns"] or host["Dns"] == ["127.0.0.1"]
    assert host["Memory"] == host["MemorySwap"] == 192 * 1024**2
    assert host["PidsLimit"] == 64
    assert host["NanoCpus"] == 1_500_000_000
    assert host["IpcMode"] == "private"
    assert host["PidMode"] == host["UsernsMode"] == host["UTSMode"] == ""
    assert host["Init"] is True
    assert host["LogConfig"]["Type"] == "none"
    assert host["RestartPolicy"]["Name"] in ("", "no")
    assert {limit["Name"]: (limit["Soft"], limit["Hard"]) for limit in host["Ulimits"]} == {
        "core": (0, 0),
        "nofile": (8192, 8192),
        "fsize": (4 * 1024**2, 4 * 1024**2),
    }
    assert set(host["Tmpfs"]) == {"/tmp", "/var/tmp", "/run", "/home/agent"}
    for options in host["Tmpfs"].values():
        assert {"nosuid", "nodev"} <= set(options.split(","))
        assert "size=" in options
        assert "nr_inodes=" in options
    assert "exec" in host["Tmpfs"]["/tmp"].split(",")
    assert all(mount["Type"] != "bind" for mount in found["Mounts"])
    assert config["User"] == "65533:65533"
    assert config["Hostname"] == "sandbox"
    assert config["Tty"] is config["OpenStdin"] is False
    assert config["Labels"][SESSION] == "small"
    assert config["Labels"][PROCESS] == str(os.getpid())
    assert config["Labels"][STARTED].isdigit()
    assert config["Labels"][HOST].startswith(socket.gethostname())


async def test_a_command_sees_its_own_user_and_nothing_of_the_host(
    small: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://secret.example")
    environment = dict(line.split("=", 1) for line in (await small.run_once(["env"])).splitlines())
    assert environment == {
        "HOME": "/home/agent",
        "HOSTNAME": "sandbox",
        "USER": "agent",
        "PATH": "/opt/env/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_ADDOPTS": "-p no:cacheprovider",
        "TERM": "dumb",
        "PAGER": "cat",
        "GIT_PAGER": "cat",
    }
    assert (await small.run_once(["id", "-u"])).strip() == str(command_user())
    status = await small.run_once(["cat", "/proc/self/status"])
    assert "CapBnd:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status
    assert "nameserver 127.0.0.1" in await small.run_once(["cat", "/etc/resolv.conf"])


async def test_the_tools_are_there(small: Container) -> None:
    script = "set -e; python3 -m pytest --version; git --version; rg --version; gcc --version; make --version; patch -v"
    said = await small.run_once(["sh", "-c", f"({script}) 2>&1"])
    assert said.count("\n") > 6
    written = (
        "mkdir /tmp/w && cd /tmp/w && printf '#!/bin/sh\\necho ran' > x && chmod +x x && ./x && touch ~/y /var/tmp/z"
    )
    assert await small.run_once(["sh", "-c", written]) == "ran\n"


HOG = "import sys; held = [bytearray(16 * 1024 * 1024) for _ in range(20)]; print(len(held))"


async def test_a_memory_hog_is_killed_and_the_container_lives(small: Container, large: Container) -> None:
    before = (await small.memory_events()).kills
    said = await small.run_once(["sh", "-c", f"python3 -c '{HOG}'; echo status $?"])
    assert "status 137" in said
    assert before is not None
    after = (await small.memory_events()).kills
    assert after is not None
    assert after > before
    assert await small.alive()
    assert (await large.run_once(["python3", "-c", HOG])).strip() == "20"
    assert (await large.memory_events()).kills == 0


FORKS = """
import os, signal, time
made = []
while len(made) < 150:
    try:
        child = os.fork()
    except OSError:
        break
    if child == 0:
        time.sleep(60)
        os._exit(0)
    made.append(child)
for child in made:
    os.kill(child, signal.SIGKILL)
print(len(made))
"""


async def test_processes_are_bounded(small: Container, large: Container) -> None:
    assert 30 < int(await small.run_once(["python3", "-c", FORKS])) < 64
    assert int(await large.run_once(["python3", "-c", FORKS])) == 150


async def test_a_fork_bomb_that_leaves_its_session_is_cleaned_up_within_five_seconds(small: Container) -> None:
    bomb = "b() { setsid sh -c 'while :; do sleep 100 & done' & b | b; }; b"
    with await small.exec_socket(["bash", "-c", bomb]):
        for _ in range(100):
            if await _processes(small) >= 60:
                break
        else:
            pytest.fail("the bomb did not go off")
        started_at = time.monotonic()
        await small.kill_commands()
        seconds = time.monotonic() - started_at
    assert seconds < 5
    assert await _processes(small) <= 5  # the init, what waits below it, and what it has not reaped yet
    assert await small.alive()


async def _processes(container: Container) -> int:
    """The cgroup's own count, read outside the sandbox, where no process slot is left."""
    top = await asyncio.to_thread(container._engine.client.api.top, container.id)
    return len(top["Processes"])


@pytest.mark.parametrize(
    ("script", "refusal"),
    [
        ("head -c 6000000 /dev/zero > /tmp/big", "File too large|File size limit exceeded"),
        ("for i in 1 2 3 4; do head -c 3000000 /dev/zero > /tmp/part$i || exit 1; done", "No space left"),
        ("mkdir /tmp/many; cd /tmp/many && seq 3000 | xargs touch", "No space left"),
    ],
    ids=["one file", "tmp", "inodes"],
)
async def test_what_is_written_is_bounded(small: Container, large: Container, script: str, refusal: str) -> None:
    with_status = f"trap '' XFSZ; ({script}) 2>&1; echo status $?; rm -rf /tmp/*"
    said = await small.run_once(["bash", "-c", with_status])
    assert any(words in said for words in refusal.split("|")), said
    assert "status 0" in await large.run_once(["bash", "-c", with_status])


def _drain(stream: socket.socket) -> bytes:
    streams, output = Streams(), b""
    while data := stream.recv(65536):
        output += b"".join(piece for _, piece in streams.feed(data))
    return output


async def test_no_byte_is_lost_at_the_start_or_the_end(small: Container) -> None:
    for size in (0, 1, 7, 100_000):
        with await small.exec_socket(["sh", "-c", f"head -c {size} /dev/zero"]) as stream:
            assert await asyncio.to_thread(_drain, stream) == bytes(size)
    with await small.exec_socket(["cat"], env={"A": "b"}) as stream:
        stream.sendall(b"echoed")
        stream.shutdown(socket.SHUT_WR)
        assert await asyncio.to_thread(_drain, stream) == b"echoed"


async def test_the_same_through_docker_py_where_the_connection_is_no_plain_socket(
    small: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attach, "_dial", lambda host: None)
    for _ in range(5):
        with await small.exec_socket(["sh", "-c", "echo first; cat"]) as stream:
            stream.sendall(b"second")
            stream.shutdown(socket.SHUT_WR)
            assert await asyncio.to_thread(_drain, stream) == b"first\nsecond"


def _forward(listener: socket.socket, target: str, held: list[socket.socket]) -> None:
    def copy(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    with contextlib.suppress(OSError):
        while True:
            near, far = listener.accept()[0], socket.socket(socket.AF_UNIX)
            held += [near, far]
            far.connect(target)
            for pair in ((near, far), (far, near)):
                threading.Thread(target=copy, args=pair, daemon=True).start()


async def test_an_engine_behind_tcp_and_how_it_goes_away(
    image: Image, engine: Engine, small: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = engine.host.removeprefix("unix://")
        threading.Thread(target=_forward, args=(listener, target, held), daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        far = await Engine.connect()
        assert far.remote
        async with started(far, image, SMALL) as container:
            assert await container.run_once(["echo", "far"]) == "far\n"
        listener.shutdown(socket.SHUT_RDWR)
    for end in held:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
    lost = Container(far, small.id, "far")
    for call in (lost.alive(), lost.exec_socket(["true"]), lost.memory_events(), lost.remove()):
        with pytest.raises(EngineUnavailable, match="the Docker engine stopped answering"):
            await call
    await far.close()


async def test_a_container_that_died_is_an_error_of_its_own(engine: Engine, image: Image) -> None:
    async with started(engine, image, SMALL) as container:
        engine.client.api.kill(container.id)
        assert not await container.alive()
        with pytest.raises(ContainerDied, match="Could not start a command"):
            await container.exec_socket(["true"])
        await container.remove()
        assert not await container.alive()
        with pytest.raises(ContainerDied):
            await container.kill_commands()
        await container.remove()


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("unix:///nowhere/docker.sock", "no such socket"),
        ("tcp://127.0.0.1:1", "does not answer"),
        ("nonsense://x", "does not answer"),
    ],
)
async def test_a_wrong_docker_host_is_named(monkeypatch: pytest.MonkeyPatch, host: str, words: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(EngineUnavailable, match=words) as caught:
        await Engine.connect()
    assert "DOCKER_HOST" in str(caught.value)


async def test_an_engine_that_is_absent_stopped_or_forbidden_is_told_apart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    from cwm_agent.containers import engine as module

    monkeypatch.delenv("DOCKER_HOST", raising=False)
    stale = tmp_path / "docker.sock"
    monkeypatch.setattr(module, "_sockets", lambda: [stale])
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    with pytest.raises(EngineUnavailable, match="No container engine is installed"):
        await Engine.connect()
    with socket.socket(socket.AF_UNIX) as abandoned:
        abandoned.bind(str(stale))
    with pytest.raises(EngineUnavailable, match="not running"):
        await Engine.connect()
    monkeypatch.setattr(module, "_probe", lambda path: "no permission")
    with pytest.raises(EngineUnavailable, match="may not use") as caught:
        await Engine.connect()
    assert "usermod" in caught.value.remedy
