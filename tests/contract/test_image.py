from __future__ import annotations

from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import Image, ensure_image
from cwm_agent.settings import SandboxSettings


async def test_a_second_time_costs_nothing(engine: Engine, image: Image) -> None:
    reports: list[object] = []
    assert await ensure_image(engine, SandboxSettings(), reports.append) == image
    assert reports == []
