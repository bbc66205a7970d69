"""What one command in the sandbox costs beside what it does, against mini-swe-agent's Docker environment and SWE-ReX.

    python -m benchmarks.command_overhead [--rounds N]

All three run `true`, which costs nothing itself, in containers of the same image on the same engine, in turn, so that
whatever else the machine does falls on all of them. mini-swe-agent starts a process for each command; SWE-ReX and we
keep a bash, and both read the exit code back. SWE-ReX's own deployment starts its server in the container; the server
comes in by a read-only mount of the wheels for that container's Python.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.metadata
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from docker.types import Mount

from benchmarks.table import machine, write
from cwm_agent.containers.container import start_container
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import Image, ensure_image
from cwm_agent.containers.shell import Shell
from cwm_agent.observations import Completed, Finished, Limits
from cwm_agent.settings import SandboxSettings

Run = Callable[[], Awaitable[None]]
COMMAND = "true"
ROUNDS = 40
PER_ROUND = {"cwm-agent": 10, "SWE-ReX": 2, "mini-swe-agent": 1}
GOALS = {"mini-swe-agent": 25, "SWE-ReX": 5}
_SERVER = """#!/bin/sh
PYTHONPATH=/swerex exec python3 -c 'from swerex.server import main; main()' "$@"
"""


@contextlib.asynccontextmanager
async def ours(engine: Engine, image: Image) -> AsyncIterator[Run]:
    """The persistent shell of a session, as the agent uses it."""
    container = await start_container(
        engine,
        image,
        session="benchmark",
        mounts=[Mount("/workspace", None, type="volume")],
        settings=SandboxSettings(),
    )
    shell = Shell(container)

    async def run() -> None:
        async for event in shell.run(COMMAND, Limits()):
            if isinstance(event, Finished):
                assert event.outcome == Completed(0)

    try:
        yield run
    finally:
        await shell.aclose()
        await container.remove()


@contextlib.asynccontextmanager
async def mini(image: Image) -> AsyncIterator[Run]:
    """mini-swe-agent's DockerEnvironment, as it comes."""
    os.environ["MSWEA_SILENT_STARTUP"] = "1"
    from minisweagent.environments.docker import DockerEnvironment

    environment: Any = DockerEnvironment(image=image.tag, cwd="/workspace")

    async def run() -> None:
        assert environment.execute({"command": COMMAND})["returncode"] == 0

    try:
        yield run
    finally:
        environment.cleanup()


@contextlib.asynccontextmanager
async def swerex(image: Image, folder: Path) -> AsyncIterator[Run]:
    """SWE-ReX's DockerDeployment and a bash session of its runtime."""
    from swerex.deployment.docker import DockerDeployment
    from swerex.runtime.abstract import BashAction, CreateBashSessionRequest

    wheels, server = folder / "wheels", folder / "swerex-remote"
    python = subprocess.check_output(
        ["docker", "run", "--rm", image.tag, "python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        text=True,
    )
    version = importlib.metadata.version("swe-rex")
    target = ["--target", str(wheels), "--python-version", python.strip(), "--only-binary", ":all:"]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *target, f"swe-rex=={version}"], check=True)
    server.write_text(_SERVER)
    server.chmod(0o755)
    deployment: Any = DockerDeployment(
        image=image.tag,
        pull="never",
        docker_args=["-v", f"{wheels}:/swerex:ro", "-v", f"{server}:/usr/local/bin/swerex-remote:ro"],
    )
    await deployment.start()
    try:
        await deployment.runtime.create_session(CreateBashSessionRequest())

        async def run() -> None:
            assert (await deployment.runtime.run_in_session(BashAction(command=COMMAND, timeout=30))).exit_code == 0

        yield run
    finally:
        await deployment.stop()


async def measure(runs: dict[str, Run], rounds: int) -> dict[str, list[float]]:
    """Seconds of each repetition, the contestants in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            for _ in range(PER_ROUND[name]):
                began = time.perf_counter()
                await run()
                seconds[name].append(time.perf_counter() - began)
    return seconds


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    logging.disable(logging.WARNING)
    engine = await Engine.connect()
    image = await ensure_image(engine, SandboxSettings(), lambda _: None)
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        runs = {
            "cwm-agent": await stack.enter_async_context(ours(engine, image)),
            "SWE-ReX": await stack.enter_async_context(swerex(image, folder)),
            "mini-swe-agent": await stack.enter_async_context(mini(image)),
        }
        await measure(runs, 1)
        seconds = await measure(runs, rounds)
    report(seconds, engine.version)
    await engine.close()
    return 0


def report(seconds: dict[str, list[float]], engine: str) -> None:
    """The table; peers with how many times more they cost."""
    base = statistics.median(seconds["cwm-agent"])
    versions = {name: importlib.metadata.version(name.lower()) for name in ("mini-swe-agent", "SWE-ReX")}
    rows = []
    for name, values in seconds.items():
        middle = statistics.median(values)
        ninety = statistics.quantiles(values, n=10)[-1] if len(values) > 1 else middle
        goal = f"≥ {GOALS[name]}×" if name in GOALS else "≤ 2 ms"
        title = f"{name} {versions[name]}" if name in versions else f"{name}, persistent shell"
        ratio = f"{middle / base:.1f}×" if name in GOALS else "1×"
        rows.append((title, f"{middle * 1000:.2f} ms", f"{ninety * 1000:.2f} ms", ratio, goal, str(len(values))))
    note = (
        "One command `true`, exit code included, all in one run and in turn, in containers of the same image. "
        "mini-swe-agent: `DockerEnvironment.execute`, a `docker exec` for each command. SWE-ReX: `DockerDeployment`, "
        "its server started in the container from a mounted folder of wheels, `run_in_session` of one bash session. "
        f"{machine()} Docker engine {engine}."
    )
    header = ("what", "median", "90th percentile", "of ours", "goal", "repetitions")
    write("command_overhead", "Overhead of one sandboxed command", note, header, rows)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
