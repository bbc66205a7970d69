"""Ways out of the sandbox as a command's user, each with a control: with its one protection gone, the way is open."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import platform
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.types import Mount

from cwm_agent.containers.container import Container, create_and_start, image_path
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import Image
from cwm_agent.containers.spec import KEEPER, hardened
from cwm_agent.settings import SandboxSettings

PROBES = (Path(__file__).parent / "probes.py").read_text()
ABSTRACT = f"cwm-agent-probe-{os.getpid()}"


def without_seccomp(arguments: dict[str, Any]) -> None:
    arguments["security_opt"] = ["no-new-privileges", "seccomp=unconfined"]


def writable_root(arguments: dict[str, Any]) -> None:
    arguments["read_only"] = False


def with_network(arguments: dict[str, Any]) -> None:
    arguments["network_mode"] = "bridge"


def with_host_network(arguments: dict[str, Any]) -> None:
    arguments["network_mode"] = "host"
    del arguments["hostname"]


def with_socket(arguments: dict[str, Any]) -> None:
    arguments["mounts"].append(Mount("/run/docker.sock", "/run/docker.sock", type="bind"))


def with_environment(arguments: dict[str, Any]) -> None:
    arguments["environment"]["PROBE_SECRET"] = "x"


def with_new_privileges(arguments: dict[str, Any]) -> None:
    arguments["security_opt"] = arguments["security_opt"][1:]


def with_capabilities(arguments: dict[str, Any]) -> None:
    without_seccomp(arguments)
    arguments["cap_drop"] = []
    arguments["cap_add"] = ["SYS_ADMIN", "SYS_PTRACE", "MKNOD", "SETUID"]  # some engines themselves lack others
    arguments["user"] = "0:0"  # the engine gives an exec no capabilities where the container's own user has none


def privileged(arguments: dict[str, Any]) -> None:
    arguments["privileged"] = True
    arguments["read_only"] = False


def same_user(arguments: dict[str, Any]) -> None:
    """Nothing but the user differs: see USERS."""


USERS: dict[Callable[..., None], str] = {
    with_capabilities: "0:0",
    privileged: "0:0",
    same_user: f"{KEEPER}:{KEEPER}",
}

CONTROLS: dict[str, Callable[[dict[str, Any]], None]] = {
    "write_root": writable_root,
    "route_out": with_network,
    "route_metadata": with_network,
    "connect_host": with_network,
    "connect_abstract": with_host_network,
    "network_interfaces": with_network,
    "docker_socket": with_socket,
    "host_environment": with_environment,
    "vsock": without_seccomp,
    "alg": without_seccomp,
    "io_uring": without_seccomp,
    "userfaultfd": without_seccomp,
    "keyctl": without_seccomp,
    "add_key": without_seccomp,
    "process_vm": without_seccomp,
    "new_namespace": without_seccomp,
    "bpf": with_capabilities,
    "perf_event": with_capabilities,
    "mount": with_capabilities,
    "make_device": with_capabilities,
    "become_root": with_capabilities,
    "trace_keeper": with_capabilities,
    "host_disks": privileged,
    "write_proc_sys": privileged,
    "write_cgroup": privileged,
    "write_toolbox": privileged,
    "setuid_program": with_new_privileges,
    "signal_init": same_user,
    "kill_everything": same_user,
}
if platform.machine() == "x86_64":
    CONTROLS["old_calls"] = without_seccomp

LAST = ("kill_everything",)  # it ends the control's container


class Siege:
    """The hardened container and its weakened relatives, each asked once for all its probes."""

    def __init__(self, engine: Engine, image: Image, volume: str, port: int) -> None:
        self._engine, self._image, self._volume = engine, image, volume
        subnet = engine.client.networks.get("bridge").attrs["IPAM"]["Config"][0]["Subnet"]
        self._environment = {
            "PROBE_GATEWAY": str(next(ipaddress.ip_network(subnet).hosts())),
            "PROBE_PORT": str(port),
            "PROBE_ABSTRACT": ABSTRACT,
        }
        self._answers: dict[object, dict[str, tuple[bool, str]]] = {}

    def strong(self, probe: str) -> tuple[bool, str]:
        if None not in self._answers:
            self._answers[None] = self._ask(lambda _: None, list(CONTROLS), None)
        return self._answers[None][probe]

    def weak(self, probe: str) -> tuple[bool, str]:
        weaken = CONTROLS[probe]
        if weaken not in self._answers:
            probes = sorted((name for name, found in CONTROLS.items() if found is weaken), key=LAST.__contains__)
            self._answers[weaken] = self._ask(weaken, probes, USERS.get(weaken))
        return self._answers[weaken][probe]

    def _ask(
        self, weaken: Callable[[dict[str, Any]], None], probes: list[str], user: str | None
    ) -> dict[str, tuple[bool, str]]:
        arguments = hardened(
            self._image,
            session="siege",
            kind="session",
            mounts=[Mount("/suid", self._volume, type="volume", read_only=True)],
            settings=SandboxSettings(),
            image_path=image_path(self._engine, self._image),
            extra_environment=self._environment,
        )
        weaken(arguments)
        container = Container(self._engine, create_and_start(self._engine, arguments), "siege")
        try:
            said = asyncio.run(container.run_once(["python3", "-c", PROBES, *probes], user=user))
            answers = {name: (opened, detail) for name, (opened, detail) in json.loads(said).items()}
            assert asyncio.run(container.alive()) or answers.get("kill_everything", (False,))[0]
            return answers
        finally:
            asyncio.run(container.remove())


@pytest.fixture(scope="module")
def host_services() -> Iterator[int]:
    """A TCP and an abstract Unix socket of the host, which a sandbox must not reach."""
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind("\0" + ABSTRACT)
    abstract.listen()
    listener = socket.create_server(("0.0.0.0", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                client.sendall(b"hello")

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    abstract.close()


@pytest.fixture(scope="module")
def siege(engine: Engine, image: Image, host_services: int) -> Iterator[Siege]:
    volume = engine.client.volumes.create(f"cwm-agent-test-suid-{os.getpid()}")
    try:
        engine.client.containers.run(
            image.id,
            ["sh", "-c", "cp /usr/bin/id /suid/id && chmod 4755 /suid/id"],
            user="0:0",
            network_mode="none",
            mounts=[Mount("/suid", volume.name, type="volume")],
            remove=True,
        )
        yield Siege(engine, image, volume.name, host_services)
    finally:
        volume.remove(force=True)


@pytest.mark.parametrize("probe", CONTROLS)
def test_the_way_out_is_closed(siege: Siege, probe: str) -> None:
    opened, detail = siege.strong(probe)
    assert not opened, detail


@pytest.mark.parametrize("probe", CONTROLS)
def test_the_control_fires(siege: Siege, probe: str) -> None:
    opened, detail = siege.weak(probe)
    assert opened, f"without its protection the probe still finds no way, so it proves nothing: {detail}"
