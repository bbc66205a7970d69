from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cwm_agent.containers.container import start_container
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import Image
from cwm_agent.containers.labels import HOST, PROCESS, STARTED, labels, owner_is_gone
from cwm_agent.containers.orphans import remove_orphans
from cwm_agent.settings import SandboxSettings

KILLED = """
import asyncio, os, signal
from cwm_agent.containers.container import start_container
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import Image
from cwm_agent.containers.labels import labels
from cwm_agent.settings import SandboxSettings

async def main():
    engine = await Engine.connect()
    volume = engine.client.volumes.create("cwm-agent-test-orphan-%d" % os.getpid(), labels=labels("orphan", "snapshot"))
    image = Image(tag="", id="{image}", ours=True)
    container = await start_container(engine, image, session="orphan", mounts=[], settings=SandboxSettings())
    print(container.id, volume.name, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.fixture
def orphans(image: Image) -> Iterator[tuple[str, str]]:
    script = KILLED.replace("{image}", image.id)
    dead = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    container, volume = dead.stdout.split()
    assert dead.returncode == -9
    return container, volume


async def test_what_a_killed_process_left_is_removed_and_the_living_keep_theirs(
    engine: Engine, image: Image, orphans: tuple[str, str]
) -> None:
    container, volume = orphans
    mine = await start_container(engine, image, session="alive", mounts=[], settings=SandboxSettings())
    own_volume = engine.client.volumes.create(f"cwm-agent-test-alive-{os.getpid()}", labels=labels("a", "snapshot"))
    try:
        assert container in {found.id for found in engine.client.containers.list()}
        removed = await asyncio.gather(remove_orphans(engine), remove_orphans(engine))
        assert sum(removed) >= 2
        assert container not in {found.id for found in engine.client.containers.list(all=True)}
        names = {found.name for found in engine.client.volumes.list()}
        assert volume not in names
        assert own_volume.name in names
        assert await mine.alive()
    finally:
        await mine.remove()
        own_volume.remove()


def test_an_owner_is_only_gone_where_that_can_be_known() -> None:
    mine = labels("s", "session")
    machine, _, boot = mine[HOST].rpartition("/")
    assert not owner_is_gone(mine)
    assert owner_is_gone(mine | {STARTED: "1"})
    assert owner_is_gone(mine | {PROCESS: str(2**22 + 1)})
    assert owner_is_gone(mine | {HOST: f"{machine}/another-boot"})
    assert not owner_is_gone(mine | {HOST: f"elsewhere/{boot}", PROCESS: str(2**22 + 1)})
    assert not owner_is_gone({})
