"""A real Docker engine and the real image: both are started or made here where they are missing."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import Image, ensure_image
from cwm_agent.errors import EngineUnavailable
from cwm_agent.events import Progressed
from cwm_agent.models.vllm import VllmModel
from cwm_agent.settings import SandboxSettings
from tests.contract.vllm_server import NAME, Served, make_checkpoint, vllm_python

SCRIPT = Path(__file__).parents[2] / "scripts" / "ensure-docker.sh"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test pays for the engine and the image, or for the model server, so its time limit is theirs too."""
    for item in items:
        if "contract" in item.path.parts and item.get_closest_marker("timeout") is None:
            seconds = 1_200 if "served" in getattr(item, "fixturenames", ()) else 600
            item.add_marker(pytest.mark.timeout(seconds))


@pytest.fixture(scope="session")
def engine() -> Engine:
    try:
        return asyncio.run(Engine.connect())
    except EngineUnavailable:
        subprocess.run(["/bin/sh", str(SCRIPT)], check=True, timeout=300)
        return asyncio.run(Engine.connect())


@pytest.fixture(scope="session")
def image_progress() -> list[Progressed]:
    """What was reported while the session's image was made; empty where it stood."""
    return []


@pytest.fixture(scope="session")
def image(engine: Engine, image_progress: list[Progressed]) -> Image:
    return asyncio.run(ensure_image(engine, SandboxSettings(), image_progress.append))


@pytest.fixture
def settings() -> SandboxSettings:
    return SandboxSettings()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A real model server, started as a user starts one."""
    folder = tmp_path_factory.mktemp("served")
    python = vllm_python()
    make_checkpoint(python, folder / "model")
    server = Served(python, folder / "model", folder / "home")
    try:
        server.ready()
        yield server
    finally:
        code = server.stop()
    assert code == 0, server.said


@pytest.fixture
async def model(served: Served) -> AsyncIterator[VllmModel]:
    """Our client of that server."""
    met = await VllmModel.connect(served.url, NAME)
    yield met
    await met.aclose()
