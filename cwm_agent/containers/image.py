"""The sandbox image: ours, built once from `sandbox/`, or one that the user names, with our toolbox beside it."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable

from docker.errors import ImageNotFound
from msgspec import Struct

from cwm_agent.containers.base import choose_base, pull
from cwm_agent.containers.build import build_image, building_alone
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.toolbox_volume import ensure_toolbox_volume
from cwm_agent.errors import ImageUnavailable
from cwm_agent.events import Progressed
from cwm_agent.resources import sandbox_folder
from cwm_agent.settings import SandboxSettings
from cwm_agent.text import printable_line

REPOSITORY = "cwm-agent-sandbox"

Report = Callable[[Progressed], None]


class Image(Struct, frozen=True):
    """An image that containers can start from; `toolbox_volume` holds our toolbox where the image is the user's."""

    tag: str
    id: str
    ours: bool
    toolbox_volume: str | None = None


def command_user() -> int:
    """The uid of commands in the container: the user's own, so that files can be shared; never root."""
    uid = os.getuid() if hasattr(os, "getuid") else 0
    return uid if uid not in (0, 65533) else 1000


def sandbox_files() -> dict[str, bytes]:
    """What goes into our image, by its path under `sandbox/`; leavings of Python and of editors are left out."""
    root = sandbox_folder()
    inner = [path for folder in ("runner", "tracer") for path in (root / folder).rglob("*.py")]
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted([root / "Dockerfile", root / "toolbox.sh", *inner])
    }


def image_tag(settings: SandboxSettings, files: dict[str, bytes]) -> str:
    """The tag of our image: whatever goes into it changes the tag."""
    digest = hashlib.sha256(f"{command_user()}\0{settings.base_image}\0".encode())
    for name, content in files.items():
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return f"{REPOSITORY}:{digest.hexdigest()[:12]}"


async def ensure_image(engine: Engine, settings: SandboxSettings, progress: Report) -> Image:
    """The image that the settings ask for, made or pulled where it is missing; ImageUnavailable says why not.

    `progress` is called in the event loop's thread.
    """
    loop = asyncio.get_running_loop()

    def report(event: Progressed) -> None:
        loop.call_soon_threadsafe(progress, event)

    ours = await engine.call("prepare the sandbox image", lambda: _ensure_ours(engine, settings, report))
    if settings.image is None:
        return ours
    wanted = settings.image
    identity = await engine.call(f"get the image {wanted}", lambda: _ensure_named(engine, wanted, report))
    volume = await engine.call("prepare the toolbox", lambda: ensure_toolbox_volume(engine, ours.tag, report))
    return Image(tag=wanted, id=identity, ours=False, toolbox_volume=volume)


def _ensure_ours(engine: Engine, settings: SandboxSettings, report: Report) -> Image:
    files = sandbox_files()
    tag = image_tag(settings, files)
    identity = image_id(engine, tag)
    if identity is None:
        with building_alone(report):
            identity = image_id(engine, tag)
            if identity is None:
                base = choose_base(engine, settings.base_image, report)
                identity = build_image(engine, tag, files, base=base, uid=command_user(), report=report)
    return Image(tag=tag, id=identity, ours=True)


def _ensure_named(engine: Engine, name: str, report: Report) -> str:
    found = image_id(engine, name)
    if found is not None:
        return found
    problem = pull(engine, name, report)
    found = image_id(engine, name)
    if found is None:
        raise ImageUnavailable(
            f"The image {printable_line(name)} is not here and cannot be pulled: {problem or 'it was not delivered'}.",
            remedy="Build or pull it, correct the setting sandbox.image, or leave it out to use ours.",
        )
    return found


def image_id(engine: Engine, tag: str) -> str | None:
    """The id of a local image, or None."""
    try:
        return str(engine.client.images.get(tag).id)
    except ImageNotFound:
        return None
