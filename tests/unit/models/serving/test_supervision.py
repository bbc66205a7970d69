"""Real processes, signals and sockets, with a server that behaves as a script says."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cwm_agent.errors import ModelUnavailable
from cwm_agent.models.serving.command import Command
from cwm_agent.models.serving.supervision import Patience, Stop, Supervisor

FAKE = Path(__file__).parent / "fake"
LOGS = Path(__file__).parent / "logs"
BRISK = Patience(
    look=0.03, ready_look=0.03, answer=1, heartbeat=0.2, interrupt=10, terminate=10, window=60, pause=0.02, silences=2
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


async def until(holds: Callable[[], object], seconds: float = 30) -> None:
    for _ in range(round(seconds / 0.01)):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it has not come to pass")


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


class Case:
    """A supervised server, what was said of it, and where it keeps what it counts."""

    def __init__(self, folder: Path, patience: Patience = BRISK, **script: Any) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.stop = Stop()
        self.port = free_port()
        self.log = folder / "log"
        self.counter, self.child = folder / "counter", folder / "child"
        script["counter"] = str(self.counter)
        if script.pop("with_child", False):
            script["child"] = str(self.child)
        words = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1"]
        words += ["--port", str(self.port)]
        command = Command(tuple(words), {"SCRIPT": json.dumps(script)})
        self.supervisor = Supervisor(
            command,
            f"http://127.0.0.1:{self.port}",
            self.log,
            self.said.append,
            invitation="come in",
            patience=patience,
        )
        surroundings = {**os.environ, "PYTHONPATH": str(FAKE)}
        self.task = asyncio.ensure_future(self.supervisor.run(self.stop, surroundings))

    def was_said(self, words: str) -> Callable[[], bool]:
        return lambda: self.task.done() or any(words in line for line in self.said)

    @property
    def starts(self) -> int:
        return len(self.counter.read_text())


async def test_a_server_becomes_ready_and_stops_when_asked(tmp_path: Path) -> None:
    case = Case(tmp_path, log=str(LOGS / "start.txt"), loading=0.2)
    await until(case.was_said("ready"))
    assert await listens(case.port)
    case.stop.ask()
    await case.task
    assert case.supervisor.was_ready
    assert "stopped cleanly" in case.log.read_text()
    ready = next(line for line in case.said if line.startswith("ready"))
    assert ready.endswith("come in")
    assert any("room for 301,728 tokens" in line for line in case.said)
    assert case.starts == 1
    assert not await listens(case.port)


@pytest.mark.parametrize(
    ("log", "words"),
    [("gated.txt", "gated"), ("cuda_out_of_memory.txt", "not enough memory"), ("unknown_model.txt", "no such model")],
)
async def test_a_start_that_cannot_work_is_not_tried_again(tmp_path: Path, log: str, words: str) -> None:
    case = Case(tmp_path, log=str(LOGS / log), status=1)
    with pytest.raises(ModelUnavailable) as caught:
        await case.task
    assert words in caught.value.message
    assert str(case.log) in caught.value.remedy
    assert caught.value.exit_code == 3
    assert case.starts == 1


async def test_a_crash_is_followed_by_a_restart(tmp_path: Path) -> None:
    case = Case(tmp_path, crash_after=0.1, faulty_runs=1)
    await until(case.was_said("restart 1 of 3"))
    await until(lambda: sum(line.startswith("ready") for line in case.said) == 2)
    case.stop.ask()
    await case.task
    assert case.starts == 2
    assert any("exit status 7" in line for line in case.said)


async def test_the_log_of_an_earlier_run_does_not_explain_a_later_crash(tmp_path: Path) -> None:
    (tmp_path / "log").write_text((LOGS / "gated.txt").read_text())
    case = Case(tmp_path, status=4, faulty_runs=1)
    await until(case.was_said("ready"))
    assert any("exit status 4" in line for line in case.said)
    case.stop.ask()
    await case.task


async def test_after_too_many_crashes_it_gives_up(tmp_path: Path) -> None:
    case = Case(tmp_path, status=5)
    with pytest.raises(ModelUnavailable, match="stopped 4 times within 1 minutes"):
        await case.task
    assert case.starts == 4
    assert not case.supervisor.was_ready


async def test_crashes_that_lie_far_apart_are_forgiven(tmp_path: Path) -> None:
    patience = Patience(look=0.02, window=0.05, pause=0.06, restarts=1, interrupt=1, terminate=1)
    case = Case(tmp_path, patience, status=5, faulty_runs=3)
    await until(case.was_said("ready"))
    assert case.starts == 4
    case.stop.ask()
    await case.task


async def test_a_server_that_falls_silent_is_ended_and_started_again(tmp_path: Path) -> None:
    case = Case(tmp_path, sick_after=0.1, faulty_runs=1)
    await until(case.was_said("answers no more"))
    await until(lambda: sum(line.startswith("ready") for line in case.said) == 2)
    assert not any("main memory" in line for line in case.said)
    case.stop.ask()
    await case.task


async def test_one_that_ignores_every_request_is_killed_with_its_children(tmp_path: Path) -> None:
    patience = Patience(look=0.03, ready_look=0.03, interrupt=0.1, terminate=0.1)
    case = Case(tmp_path, patience, ignores=["SIGINT", "SIGTERM"], with_child=True)
    await until(case.was_said("ready"))
    child = int(case.child.read_text())
    assert alive(child)
    case.stop.ask()
    await case.task
    await until(lambda: not alive(child))
    assert case.log.read_text().count("not now") == 2


async def test_children_that_a_clean_end_leaves_behind_are_killed(tmp_path: Path) -> None:
    case = Case(tmp_path, with_child=True)
    await until(case.was_said("ready"))
    child = int(case.child.read_text())
    case.stop.ask()
    await case.task
    await until(lambda: not alive(child))


async def test_to_ask_twice_is_to_hurry(tmp_path: Path) -> None:
    patience = Patience(look=0.03, interrupt=60, terminate=60)
    case = Case(tmp_path, patience, ignores=["SIGINT"])
    await until(case.was_said("ready"))
    case.stop.ask()
    await until(case.was_said("stopping"))
    case.stop.ask()
    async with asyncio.timeout(30):
        await case.task


async def test_a_start_can_be_stopped(tmp_path: Path) -> None:
    case = Case(tmp_path, loading=60)
    await until(case.was_said("still starting ("))
    case.stop.ask()
    async with asyncio.timeout(30):
        await case.task
    assert not case.supervisor.was_ready


async def test_the_pause_before_a_restart_can_be_stopped(tmp_path: Path) -> None:
    case = Case(tmp_path, Patience(look=0.03, pause=60), status=9)
    await until(case.was_said("restart 1"))
    case.stop.ask()
    async with asyncio.timeout(30):
        await case.task
    assert case.starts == 1


async def test_a_supervisor_that_is_cancelled_leaves_no_server(tmp_path: Path) -> None:
    case = Case(tmp_path)
    await until(case.was_said("ready"))
    case.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await case.task
    assert not await listens(case.port)


async def test_a_program_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    command = Command((str(tmp_path / "nowhere"),), {})
    supervisor = Supervisor(command, "http://127.0.0.1:1", tmp_path / "log", lambda _: None, invitation="")
    with pytest.raises(ModelUnavailable, match="No such file"):
        await supervisor.run(Stop(), os.environ)
