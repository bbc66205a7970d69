"""Our toolbox as a read-only volume, for containers of an image that is not ours."""

from __future__ import annotations

from collections.abc import Callable

from docker.errors import NotFound
from docker.types import Mount

from cwm_agent.containers.build import building_alone
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.labels import KIND
from cwm_agent.containers.toolbox import TOOLBOX
from cwm_agent.events import Progressed


def ensure_toolbox_volume(engine: Engine, tag: str, report: Callable[[Progressed], None]) -> str:
    """The volume with the toolbox of our image `tag`, filled where it is missing; returns its name."""
    name = f"cwm-agent-toolbox-{tag.rpartition(':')[2]}"
    if not _exists(engine, name):
        with building_alone(report):
            if not _exists(engine, name):
                _fill(engine, name, tag)
    return name


def _exists(engine: Engine, name: str) -> bool:
    try:
        engine.client.volumes.get(name)
    except NotFound:
        return False
    return True


def _fill(engine: Engine, name: str, tag: str) -> None:
    """The engine copies what an image has at a place into an empty volume that is mounted there, on creation."""
    volume = engine.client.volumes.create(name, labels={KIND: "toolbox"})
    try:
        created = engine.client.containers.create(
            tag, ["true"], mounts=[Mount(TOOLBOX, name, type="volume")], network_mode="none", use_config_proxy=False
        )
        created.remove(force=True)
    except BaseException:
        volume.remove(force=True)
        raise
