"""Whether the engine sees this machine's files, tried out once per boot; and what only its root may do to them."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docker.errors import APIError, NotFound
from docker.models.containers import Container
from docker.types import Mount

from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import Image
from cwm_agent.containers.labels import labels
from cwm_agent.containers.layers import remove_tree
from cwm_agent.containers.toolbox import TOOLBOX, TOOLBOX_PYTHON
from cwm_agent.errors import ImageUnavailable
from cwm_agent.resources import cache_folder, private_folder
from cwm_agent.workspace.atomic import replace
from cwm_agent.workspace.repository import read_small

_AWKWARD = set(",:\\\"'\n\t ")
_REMOVE = """
import os, shutil, sys
for name in os.listdir("/removed"):
    path = "/removed/" + name
    shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
"""


def sees_our_files(engine: Engine, image: Image | None) -> bool:
    """Whether an overlay over our folders shows our files in a container of this engine."""
    if engine.remote or _AWKWARD & set(str(cache_folder())):
        return False
    key = "\0".join((engine.client.api.base_url, engine.version, labels("", "")["cwm-agent.host"]))
    known = private_folder(cache_folder()) / f"engine-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    answer = read_small(known)
    if answer is None:
        answer = b"yes" if _try_overlay(engine, image) else b"no"
        replace(known, answer)
    return answer == b"yes"


def _try_overlay(engine: Engine, image: Image | None) -> bool:
    name = f"cwm-agent-probe-{secrets.token_hex(8)}"
    home = private_folder(cache_folder() / name)
    nonce = secrets.token_hex(16).encode()
    for folder in ("lower", "upper", "work"):
        (home / folder).mkdir()
    (home / "lower/nonce").write_bytes(nonce)
    options = f"lowerdir={home / 'lower'},upperdir={home / 'upper'},workdir={home / 'work'}"
    volume = engine.client.volumes.create(
        name,
        driver="local",
        driver_opts={"type": "overlay", "device": "overlay", "o": options},
        labels=labels("", "probe"),
    )
    try:
        with never_started(engine, image, [Mount("/probe", name, type="volume", no_copy=True)]) as container:
            pieces, _ = container.get_archive("/probe/nonce")
            return nonce in b"".join(pieces)
    except (APIError, NotFound):
        return False
    finally:
        volume.remove(force=True)
        remove_tree(home)


@contextmanager
def never_started(engine: Engine, image: Image | None, mounts: list[Mount]) -> Iterator[Container]:
    """A container through which files can be put into volumes and read from them; nothing runs in it."""
    container = engine.client.containers.create(
        any_image(engine, image),
        entrypoint=["/nothing"],
        network_mode="none",
        mounts=mounts,
        labels=labels("", "probe"),
    )
    try:
        yield container
    finally:
        container.remove(force=True)


def any_image(engine: Engine, image: Image | None) -> str:
    """The id of the image, or of any that is there."""
    if image is not None:
        return image.id
    for found in engine.client.images.list():
        if found.id:
            return str(found.id)
    raise ImageUnavailable("The engine has no image yet.", remedy="Run `cwm-agent doctor`, which says what is missing.")


def remove_as_root(engine: Engine, path: Path, image: Image | None) -> None:
    """Empty a folder of ours through a container: files in it belong to users that we may not act for."""
    mounts = [Mount("/removed", str(path), type="bind")]
    if image is not None and image.toolbox_volume:
        mounts.append(Mount(TOOLBOX, image.toolbox_volume, type="volume", read_only=True))
    engine.client.containers.run(
        any_image(engine, image),
        entrypoint=[*TOOLBOX_PYTHON, "-c", _REMOVE],
        user="0:0",
        network_mode="none",
        mounts=mounts,
        labels=labels("", "probe"),
        remove=True,
        security_opt=["no-new-privileges"],
        environment={"PATH": os.defpath},
    )
