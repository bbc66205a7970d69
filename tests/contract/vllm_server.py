"""A vLLM server on the processor, started as a user starts one: `cwm-agent serve` with a small model from a folder."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
SETUP = ROOT / "scripts" / "setup-vllm.sh"
CHECKPOINT = Path(__file__).parent / "vllm_checkpoint.py"
NAME = "facebook/cwm"
CONTEXT = 20_480
"""Tokens of the model's context: enough for a conversation."""
FOLLOWING = "following.json"
"""Beside the model: for each token the one that it is followed by."""
SETUP_SECONDS = 900
READY_SECONDS = 420


def vllm_python() -> str:
    """The Python that has vLLM; its environment is made here where there is none."""
    done = subprocess.run(["sh", str(SETUP)], stdout=subprocess.PIPE, text=True, check=True, timeout=SETUP_SECONDS)
    return done.stdout.strip()


def make_checkpoint(python: str, folder: Path) -> None:
    """Write the model into the folder."""
    subprocess.run([python, str(CHECKPOINT), str(folder)], check=True, timeout=120, env=_environment(folder.parent))


class Served:
    """A supervised server: where it listens, what `serve` said of it, what it counts, and what its model says."""

    def __init__(self, python: str, model: Path, home: Path, **environment: str) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = home / "state" / "serve" / f"{self.port}.log"
        self.said: list[str] = []
        self._following: list[int] = json.loads((model / FOLLOWING).read_text())
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "cwm_agent", "serve", "--model", str(model), "--python", python),
                *("--preset", "vllm-cpu", "--port", str(self.port)),
            ],
            env=_environment(home) | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def ready(self, times: int = 1) -> None:
        """Wait until the server has become ready so many times."""

        def holds() -> bool:
            if self._process.poll() is not None:
                raise AssertionError("\n".join([*self.said, *self.log.read_text().splitlines()[-60:]]))
            return self.starts >= times

        until(holds, READY_SECONDS)

    @property
    def starts(self) -> int:
        """How often the server has become ready."""
        return sum(line.startswith("ready after") for line in self.said)

    @property
    def pid(self) -> int:
        """The process that `serve` looks after now."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return int(children[-1])

    def stop(self) -> int:
        """End it as ^C does; the exit code."""
        self._process.send_signal(2)
        try:
            return self._process.wait(60)
        finally:
            self._process.kill()

    def count(self, name: str, label: str = "") -> float:
        """One of the server's metrics, over all its labels or over those that have this one."""
        text = httpx.get(f"{self.url}/metrics", timeout=20).text
        found = re.findall(rf"^vllm:{name}{{.*{label}.*}} (\S+)$", text, re.MULTILINE)
        assert found, name
        return sum(map(float, found))

    def walk(self, start: int, count: int) -> list[int]:
        """What the model says behind this token."""
        found = [start]
        for _ in range(count):
            found.append(self._following[found[-1]])
        return found[1:]

    def spell(self, ids: Sequence[int]) -> str:
        """The text of these ids, as the server makes it."""
        answer = httpx.post(f"{self.url}/detokenize", json={"model": NAME, "tokens": list(ids)}, timeout=20)
        return str(answer.raise_for_status().json()["prompt"])

    def rests(self) -> None:
        """Wait until no request is under way."""
        until(lambda: not self.count("num_requests_running") and not self.count("num_requests_waiting"), 60)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line.rstrip("\n"))


def run(served: Served, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command of ours with this server, to its end."""
    working = started(served, home, *arguments)
    said, errors = working.communicate(timeout=240)
    return subprocess.CompletedProcess(arguments, working.returncode, said, errors)


def started(served: Served, home: Path, *arguments: str) -> subprocess.Popen[str]:
    """One command of ours with this server, while it works."""
    return subprocess.Popen(
        [sys.executable, "-m", "cwm_agent", *arguments, "--model-url", served.url],
        env=_environment(home) | {"COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(holds: Callable[[], bool], seconds: float) -> None:
    """Wait until it holds, or fail."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it has not come to pass"
        time.sleep(0.05)


def _environment(home: Path) -> dict[str, str]:
    """Without settings of the user's, and with no way to a model hub."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CWM_AGENT", "VLLM_"))}
    return kept | {"CWM_AGENT_HOME": str(home), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
