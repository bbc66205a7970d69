"""What a killed process left on the engine: found by its labels and removed at the next start."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus

from docker.errors import APIError, NotFound

from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import REPOSITORY
from cwm_agent.containers.labels import HOST, KIND, owner_is_gone

_KEPT_SECONDS = 14 * 24 * 3600


async def remove_orphans(engine: Engine) -> int:
    """Remove containers and volumes whose owner is gone, and images of ours that are long out of use.

    Returns how many containers and volumes were removed. What a living process owns, on this machine or on another,
    is not touched.
    """
    return await engine.call("remove what earlier sessions left", lambda: _remove(engine))


def _remove(engine: Engine) -> int:
    count = 0
    for container in engine.client.containers.list(all=True, filters={"label": HOST}, ignore_removed=True):
        if owner_is_gone(container.labels):
            count += _gone(partial(container.remove, force=True, v=True))
    for volume in engine.client.volumes.list(filters={"label": HOST}):
        if owner_is_gone(volume.attrs.get("Labels") or {}):
            count += _gone(partial(volume.remove, force=True))
    _remove_old(engine)
    return count


def _gone(remove: Callable[[], object]) -> bool:
    """Remove one thing; False where another process was quicker or something still uses it."""
    try:
        remove()
    except NotFound:
        return False
    except APIError as error:
        if error.status_code == HTTPStatus.CONFLICT:
            return False
        raise
    return True


def _remove_old(engine: Engine) -> None:
    """Images, toolboxes and environments are kept for the next session; unused ones of long ago only take room."""
    for image in engine.client.images.list(REPOSITORY, filters={"label": KIND}):
        if _is_old(image.attrs["Created"]):
            for tag in image.tags:
                _gone(partial(engine.client.images.remove, tag))
    for kind in ("toolbox", "environment"):
        for volume in engine.client.volumes.list(filters={"label": f"{KIND}={kind}"}):
            if _is_old(volume.attrs.get("CreatedAt", "")):
                _gone(partial(volume.remove, force=True))


def _is_old(created: str) -> bool:
    """Whether the engine's date lies further back than we keep things; the zone is left out, days are what counts."""
    try:
        then = datetime.fromisoformat(created[:19]).replace(tzinfo=UTC)
    except ValueError:
        return False
    return time.time() - then.timestamp() > _KEPT_SECONDS
