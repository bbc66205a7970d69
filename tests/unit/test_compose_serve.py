"""`cwm-agent serve` as a user meets it, with a server that behaves as a script says."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cwm_agent.compose_serve import serve
from cwm_agent.errors import ModelUnavailable, UsageError
from cwm_agent.settings import Settings

ROOT = Path(__file__).parents[2]
FAKE = ROOT / "tests" / "unit" / "models" / "serving" / "fake"
LOGS = FAKE.parent / "logs"
CONFIG = {
    "hidden_size": 192, "num_attention_heads": 6, "num_hidden_layers": 4, "num_key_value_heads": 2, "head_dim": 32,
    "intermediate_size": 512, "vocab_size": 624, "max_position_embeddings": 2048,
}  # fmt: skip
CALL = """
import sys
from cwm_agent.compose_serve import serve
from cwm_agent.errors import CwmAgentError
from cwm_agent.settings import Settings
try:
    sys.exit(serve(Settings(), model=sys.argv[1], port=int(sys.argv[2])))
except CwmAgentError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The folder of a small model, on a machine with vLLM and without a card."""
    monkeypatch.setenv("CWM_AGENT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", f"{FAKE}:{ROOT}")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return str(folder)


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def cards(folder: Path, monkeypatch: pytest.MonkeyPatch, answer: str, status: int = 0) -> None:
    tool = folder / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\necho '{answer}'\nexit {status}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def started(model: str, port: int, **script: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CALL, model, str(port)],
        env={**os.environ, "SCRIPT": json.dumps(script), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def lines_until(process: subprocess.Popen[str], words: str) -> list[str]:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if words in line:
            return lines
    raise AssertionError(f"it ended: {lines} {process.stderr.read() if process.stderr else ''}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_server_runs_until_it_is_stopped(model: str, port: int, tmp_path: Path, number: signal.Signals) -> None:
    process = started(model, port)
    lines = lines_until(process, "ready")
    assert lines[0] == "no GPU found: preset vllm-cpu (no GPU: a small model from a folder that you name)."
    assert f"cwm-agent --model-url http://127.0.0.1:{port}" in lines[-1]
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    log = tmp_path / "home" / "state" / "serve" / f"{port}.log"
    assert "stopped cleanly" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_start_that_is_interrupted_has_its_own_code(model: str, port: int) -> None:
    process = started(model, port, loading=60)
    lines_until(process, "starting vLLM")
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "")


def test_a_start_that_cannot_work_is_one_clear_error(model: str, port: int) -> None:
    process = started(model, port, log=str(LOGS / "context_too_long.txt"), status=1)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 3
    message, remedy, where = errors.splitlines()
    assert message == "The context needs 24.0 GiB of cache, and 3.18 GiB are left beside the weights."
    assert "limits.tokens" in remedy
    assert where.endswith(f"{port}.log")


def test_the_log_before_is_kept(model: str, port: int, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "state" / "serve"
    folder.mkdir(parents=True)
    (folder / f"{port}.log").write_text("old")
    process = started(model, port, log=str(LOGS / "gated.txt"), status=1)
    process.communicate(timeout=60)
    assert (folder / f"{port}.previous.log").read_text() == "old"
    assert "gated" in (folder / f"{port}.log").read_text()


def test_a_taken_port_is_told_before_anything_starts(model: str, taken: int) -> None:
    with pytest.raises(ModelUnavailable, match=f"Port {taken} is taken by process {os.getpid()}"):
        serve(Settings(), model=model, port=taken)


def test_a_dry_run_prints_the_reason_and_the_command(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cards(tmp_path, monkeypatch, "0, NVIDIA H100 80GB HBM3, 81559, GPU-a")
    assert serve(Settings(), dry_run=True) == 0
    said = capsys.readouterr().out
    assert said.startswith("1 × NVIDIA H100 80GB HBM3 (80 GiB) found: preset fp8")
    assert "31.8 GiB" in said
    assert f"{sys.executable} -m vllm.entrypoints.openai.api_server" in said
    assert "--quantization fp8" in said
    assert "!" not in said
    assert not (tmp_path / "home").exists()


def test_a_dry_run_of_what_cannot_start_here_says_so(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert serve(Settings(), preset="ray", dry_run=True) == 0
    said = capsys.readouterr().out
    assert "! Preset ray takes 8 cards, and no GPU was found." in said
    assert "ray start --head" in said
    with pytest.raises(ModelUnavailable, match="takes 8 cards"):
        serve(Settings(), preset="ray")


def test_a_broken_driver_stops_a_choice_and_not_a_look_at_a_preset(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cards(tmp_path, monkeypatch, "Failed to initialize NVML: Driver/library version mismatch", 18)
    with pytest.raises(ModelUnavailable, match="Driver/library version mismatch"):
        serve(Settings(), dry_run=True)
    assert serve(Settings(), preset="tp2", dry_run=True) == 0
    assert "! The graphics driver does not answer" in capsys.readouterr().out
    assert serve(Settings(), preset="vllm-cpu", model=model, dry_run=True) == 0
    assert "!" not in capsys.readouterr().out


def test_a_python_without_vllm_is_told(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH")
    with pytest.raises(ModelUnavailable, match="has no vLLM") as caught:
        serve(Settings(), model=model)
    assert "pip install" in caught.value.remedy


def test_an_unknown_preset_is_a_wrong_usage(model: str) -> None:
    with pytest.raises(UsageError, match="no preset 'fast'"):
        serve(Settings(), preset="fast", dry_run=True)


def test_the_page_about_serving_is_up_to_date() -> None:
    script = ROOT / "scripts" / "serving_doc.py"
    done = subprocess.run([sys.executable, str(script), "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
