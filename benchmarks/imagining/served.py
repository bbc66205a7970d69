"""A vLLM server on the processor, with a small model: the environment is made where there is none."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from cwm_agent.resources import cache_folder

NAME = "cwm-nano"
ROOT = Path(__file__).parents[2]
_READY_SECONDS = 300.0


def python() -> str:
    """The Python that has vLLM: the one of the tests, or the one that CWM_AGENT_VLLM_PYTHON names."""
    command = ["sh", str(ROOT / "scripts" / "setup-vllm.sh")]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def serving(model: Path, arguments: Sequence[str]) -> Iterator[str]:
    """The address of a server of this model, while it lasts."""
    port = _free_port()
    command = [
        *(python(), "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), "--served-model-name", NAME),
        *("--host", "127.0.0.1", "--port", str(port), *arguments),
    ]
    environment = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_SERVER_DEV_MODE": "1"}
    log = cache_folder() / "vllm-bench.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            command, env=environment, stdout=written, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            _wait(process, f"http://127.0.0.1:{port}", log)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + _READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{url}/health", timeout=2).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.5)
    raise SystemExit(f"The server did not start; {log} says why.")


def generated(url: str) -> int:
    """How many tokens the server has generated so far, once it rests."""
    while True:
        text = httpx.get(f"{url}/metrics", timeout=10).text
        if not _count(text, "num_requests_running"):
            return int(_count(text, "generation_tokens_total"))
        time.sleep(0.02)


def _count(text: str, name: str) -> float:
    return sum(map(float, re.findall(rf"^vllm:{name}{{.*}} (\S+)$", text, re.MULTILINE)))


def forget(url: str) -> None:
    """Empty the prefix cache, so that no run profits from the one before."""
    httpx.post(f"{url}/reset_prefix_cache", timeout=10).raise_for_status()
