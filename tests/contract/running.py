"""A shell in a real container, and what one command of it answered, gathered."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import NamedTuple

from docker.types import Mount

from cwm_agent.containers.container import Container, start_container
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import Image
from cwm_agent.containers.shell import Shell
from cwm_agent.observations import (
    Finished,
    Limits,
    Outcome,
    OutputWritten,
    WorldEvent,
    WorldNoticed,
)
from cwm_agent.settings import SandboxSettings

SETTINGS = SandboxSettings(memory="384m", processes=96, tmp_bytes=64 * 1024**2)
LIMITS = Limits(seconds=20.0, output_bytes=64 * 1024)


class Answer(NamedTuple):
    """A finished request: all text, all notices in one, the outcome, and how long it took."""

    text: str
    notices: str
    outcome: Outcome
    seconds: float


async def start(engine: Engine, image: Image, settings: SandboxSettings = SETTINGS) -> Container:
    """A container with a volume of its own at /workspace, removed with it."""
    workspace = Mount("/workspace", None, type="volume")
    return await start_container(engine, image, session="shell", mounts=[workspace], settings=settings)


async def gather(events: AsyncIterator[WorldEvent]) -> Answer:
    began = time.monotonic()
    text, notices, outcomes = [], [], []
    async for event in events:
        assert not outcomes, "an event after Finished"
        match event:
            case OutputWritten(piece):
                assert piece
                text.append(piece)
            case WorldNoticed(notice):
                notices.append(notice)
            case Finished(outcome):
                outcomes.append(outcome)
            case _:
                raise AssertionError(event)
    assert len(outcomes) == 1
    return Answer("".join(text), "\n".join(notices), outcomes[0], time.monotonic() - began)


async def run(shell: Shell, command: str, limits: Limits = LIMITS) -> Answer:
    return await gather(shell.run(command, limits))
