"""Training, in the environment that has torch: it goes on after a kill as if there had been none, and exports."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from safetensors import deserialize

from cwm_agent.models.embedded import EmbeddedModel
from cwm_agent.nano.dataset import examples
from cwm_agent.nano.tokenizer import train_tokenizer
from cwm_agent.protocols import Sampling
from tests.contract.vllm_server import ROOT, vllm_python

SCRIPT = Path(__file__).with_name("training_script.py")


@pytest.fixture(scope="module")
def python() -> str:
    return vllm_python()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("nano")
    texts = (part for each in examples(range(60), 0) for part in (*each.prompt, *each.frames) if isinstance(part, str))
    train_tokenizer(texts).save(str(made / "tokenizer.json"))
    return made


@pytest.fixture(scope="module")
def checks(python: str, folder: Path) -> list[Any]:
    return [json.loads(line) for line in _run(python, SCRIPT, "checks", folder).splitlines()]


@pytest.fixture(scope="module")
def whole(python: str, folder: Path, checks: list[Any]) -> Path:
    """A run that nothing has disturbed."""
    return _learnt(python, folder, "whole")


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def _run(python: str, *arguments: object) -> str:
    command = [python, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, env=_environment())
    assert done.returncode == 0, done.stderr
    return done.stdout


def _beside(folder: Path, name: str) -> Path:
    made = folder / name
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    shutil.copy(folder / "tokenizer.json", made)
    return made


def _learnt(python: str, folder: Path, name: str) -> Path:
    made = _beside(folder, name)
    lines = _run(python, SCRIPT, "learn", made, folder / "data", 0).splitlines()
    assert [json.loads(line)[0] for line in lines] == list(range(1, 15))
    return made


def test_the_forward_pass_is_that_of_transformers(checks: list[Any]) -> None:
    apart, halved, size = checks[0]
    assert size > 0.5
    assert apart < 1e-4
    assert halved < 0.04 * size


def test_rows_of_like_length_share_a_batch_and_see_nothing_of_each_other(checks: list[Any]) -> None:
    found = checks[1]
    assert found["rows"]
    assert found["same order"]
    assert found["largest"] <= 1024 * 1.5
    assert found["padding"] < 0.1
    assert found["together"] == pytest.approx(found["alone"], rel=2e-3)


def test_the_rate_rises_stays_and_falls_to_nothing(checks: list[Any]) -> None:
    assert checks[2] == pytest.approx([0.2, 0.4, 0.6, 0.8, *[1.0] * 6, 0.8, 0.6, 0.4, 0.2, 0.0])


def test_a_run_that_is_killed_and_started_again_ends_in_the_same_state(python: str, folder: Path, whole: Path) -> None:
    killed = _beside(folder, "killed")
    command = [python, str(SCRIPT), "learn", str(killed), str(folder / "data"), "0.2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environment()) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if json.loads(line)[0] == 6:
                running.send_signal(signal.SIGKILL)
                break
    again = [json.loads(line)[0] for line in _run(python, SCRIPT, "learn", killed, folder / "data", 0).splitlines()]
    assert 7 <= again[0] < 14, "the signal may come some steps later"
    assert again[-1] == 14
    said = _run(python, SCRIPT, "same", whole / "state.pt", killed / "state.pt", whole / "trunk.pt")
    assert json.loads(said) == [True, False, True]


async def test_what_is_exported_is_small_and_says_in_this_process_what_it_says_in_torch(
    python: str, whole: Path, tmp_path: Path
) -> None:
    _run(python, "-m", "cwm_agent.nano", "export", whole, tmp_path / "model")
    files = list((tmp_path / "model").glob("model*.safetensors"))
    assert 0 < sum(each.stat().st_size for each in files) < 16_000_000
    assert {each["dtype"] for file in files for _, each in deserialize(file.read_bytes())} == {"F16"}
    notes = json.loads((tmp_path / "model" / "training.json").read_text())
    assert notes["steps"] == 14
    assert notes["tokens"] > notes["learnt"] > 0
    prompt = list(range(20, 60))
    said = json.loads(_run(python, SCRIPT, "greedy", tmp_path / "model", json.dumps(prompt), 8))
    model = await EmbeddedModel.load(tmp_path / "model")
    ours = [token.id async for token in model.complete(prompt, Sampling(max_tokens=8))]
    await model.aclose()
    assert ours
    assert ours == said[: len(ours)]


def test_a_run_has_a_budget_before_its_first_step_and_what_it_cost_beside_it(
    python: str, folder: Path, checks: list[Any]
) -> None:
    made = _beside(folder, "budgeted")
    asked = ("--data", folder / "data", "--tokens", 4000, "--batch", 512, "--workers", 0, "--minutes", 2)
    asked = (*asked, "--shape", "num_hidden_layers=2", "hidden_size=96")
    _run(python, "-m", "cwm_agent.nano", "train", made, *asked)
    budget = json.loads((made / "budget.json").read_text())
    assert (budget["tokens"], budget["minutes"]) == (4000, 2.0)
    assert budget["training_flops"] == 6 * budget["parameters"] * 4000
    notes = json.loads((made / "training.json").read_text())
    assert notes["budget"] == budget
    assert notes["parameters"] == budget["parameters"] < 1_000_000
    assert notes["cooled"] == 1.0
    assert 0.7 * 4000 < notes["tokens"] < 1.3 * 4000


def test_export_of_a_folder_without_a_run_says_what_to_do(python: str, tmp_path: Path) -> None:
    command = [python, "-m", "cwm_agent.nano", "export", str(tmp_path), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, env=_environment())
    assert done.returncode == 2
    assert "Train first" in done.stderr
    assert "Traceback" not in done.stderr
