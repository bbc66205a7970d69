"""The wheel as pip installs it: it holds what a session needs, the small model among it, which loads from there."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cwm_agent.resources import shipped_model

ROOT = Path(__file__).parents[2]
SHARD = 16 * 1024 * 1024
WEIGHTS = 64 * 1024 * 1024
IMAGINE = """
import asyncio, sys
import cwm_agent
from cwm_agent.compose_world import imagined_world, trace_model, why_none
from cwm_agent.observations import FrameReached, Limits, TraceCall
from cwm_agent.settings import Settings
from pathlib import Path
from cwm_agent.workspace.on_disk import Folder

async def main():
    assert cwm_agent.__file__.startswith(sys.argv[1]), cwm_agent.__file__
    settings = Settings()
    model = await trace_model(settings)
    assert model is not None, why_none(settings)
    assert "numpy" not in sys.modules
    world = imagined_world(settings, model, Folder(Path(sys.argv[1])))
    source = "def f(a):\\n    b = a\\n    return b\\n"
    events = [event async for event in world.run(TraceCall(source, "f(1)", "f.py"), Limits())]
    await model.aclose()
    print(model.name, sum(isinstance(event, FrameReached) for event in events))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


def test_the_wheel_holds_the_sandbox_the_prompts_and_the_model(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "cwm_agent/_data/sandbox/Dockerfile" in names
    assert any(name.startswith("cwm_agent/_data/prompts/") for name in names)
    for name in ("config.json", "tokenizer.json", "training.json", "evaluation.json"):
        assert f"cwm_agent/nano/weights/{name}" in names
    assert any(name.startswith("cwm_agent/nano/weights/model") for name in names)


def test_the_weights_are_small_enough_to_be_carried() -> None:
    sizes = [each.stat().st_size for each in shipped_model().glob("model*.safetensors")]
    assert sizes
    assert max(sizes) < SHARD
    assert sum(sizes) < WEIGHTS


def test_the_model_of_an_unpacked_wheel_imagines_without_any_configuration(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    environment = {name: each for name, each in os.environ.items() if not name.startswith("CWM_AGENT")}
    environment |= {"PYTHONPATH": str(site), "CWM_AGENT_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", IMAGINE, str(site)], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    name, frames = done.stdout.split()
    assert name == "cwm-nano"
    assert int(frames) >= 2
