"""A copy-on-write view of a mirror for one session: what a container sees as /workspace, and what it was made from.

Where the engine sees this machine's files, it is an overlay: the mirror below, the session's own writes above. Where
it does not (another machine, a virtual one), the files are streamed into an ordinary volume.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from docker.errors import APIError, NotFound
from docker.types import Mount
from msgspec import Struct

from cwm_agent.containers.engine import Engine
from cwm_agent.containers.generation import Generation
from cwm_agent.containers.image import Image
from cwm_agent.containers.labels import labels
from cwm_agent.containers.layers import Lock, alone, remove_tree
from cwm_agent.containers.mirror import sync
from cwm_agent.containers.sight import remove_as_root, sees_our_files
from cwm_agent.containers.upload import upload
from cwm_agent.resources import cache_folder, private_folder
from cwm_agent.workspace.repository import Repository

WORKSPACE = "/workspace"


class Upper(Struct, frozen=True):
    """The folder on this machine that takes the writes of one session; locked while the session lives."""

    path: Path
    lock: Lock


class Snapshot:
    """What the container of a session has in /workspace, until `release`; several containers may follow each other.

    `base` are the files as they were taken. What changed in the container has a ctime of `since_ns` or later, on the
    engine's clock; `whole_seconds` says that times of files lost their fractions on the way.
    """

    def __init__(
        self,
        engine: Engine,
        repository: Repository,
        base: Generation,
        *,
        volume: str,
        upper: Upper | None,
        since_ns: int,
        image: Image | None,
    ) -> None:
        self.repository = repository
        self.base = base
        self.notes = base.notes
        self.since_ns = since_ns
        self.whole_seconds = upper is None
        self.volume = volume
        self.mounts = (Mount(WORKSPACE, volume, type="volume", no_copy=True),)
        self._engine = engine
        self._upper = upper
        self._image = image

    async def again(self, session: str, uid: int) -> Snapshot:
        """Another view of the same state of the mirror, without what was written to this one."""

        def work() -> Snapshot:
            return _shown(self._engine, self.repository, self.base.again(), session, uid, self._image)

        return await _taken(self._engine, work)

    async def release(self) -> None:
        """Remove the session's writes and its hold on the mirror; its containers must be gone before."""
        await self._engine.call("remove the snapshot", self._release)

    def _release(self) -> None:
        try:
            remove_volume(self._engine, self.volume)
            if self._upper is not None:
                remove_upper(self._engine, self._upper.path, self._image)
                self._upper.lock.release()
        finally:
            self.base.release()


async def take(
    engine: Engine, repository: Repository, *, session: str, uid: int, image: Image | None = None
) -> Snapshot:
    """Snapshot the repository's files as they are now, for commands of user `uid`.

    `image` is one that is there, for containers of ours that never start; None takes any. SandboxDiskFull where no
    room is left; SandboxError where the engine refuses.
    """

    def work() -> Snapshot:
        return _shown(engine, repository, sync(repository, uid), session, uid, image)

    return await _taken(engine, work)


async def _taken(engine: Engine, work: Callable[[], Snapshot]) -> Snapshot:
    task = asyncio.ensure_future(engine.call("take a snapshot", work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_discard)
        raise


def _discard(task: asyncio.Future[Snapshot]) -> None:
    """Nobody waits for the snapshot any more; it is removed with the other orphans, the mirror is free at once."""
    if not task.cancelled() and task.exception() is None:
        task.result().base.release()


def _shown(
    engine: Engine, repository: Repository, base: Generation, session: str, uid: int, image: Image | None
) -> Snapshot:
    try:
        return _show(engine, repository, base, session, uid, image)
    except BaseException:
        base.release()
        raise


def _show(
    engine: Engine, repository: Repository, base: Generation, session: str, uid: int, image: Image | None
) -> Snapshot:
    volume = f"cwm-agent-{re.sub(r'[^A-Za-z0-9_.-]', '-', session)}-{secrets.token_hex(4)}"
    if not sees_our_files(engine, image):
        since = upload(engine, base, volume, session, uid, image)
        return Snapshot(engine, repository, base, volume=volume, upper=None, since_ns=since, image=image)
    home = private_folder(cache_folder() / "sandboxes")
    with alone(home.with_name("sandboxes.lock")):  # what one makes, no other takes for abandoned
        _sweep(engine, home, image)
        upper = _make_upper(home / volume, uid)
    try:
        options = overlay_options(base.trees, upper.path)
        engine.client.volumes.create(volume, driver="local", driver_opts=options, labels=labels(session, "snapshot"))
        since = (upper.path / "upper").stat().st_ctime_ns
        return Snapshot(engine, repository, base, volume=volume, upper=upper, since_ns=since, image=image)
    except BaseException:
        remove_tree(upper.path)
        upper.lock.release()
        raise


def overlay_options(trees: tuple[Path, ...], upper: Path) -> dict[str, str]:
    """The options of a local volume that shows `trees`, topmost first, with writes going to `upper`."""
    lower = ":".join(str(tree) for tree in trees)
    options = f"lowerdir={lower},upperdir={upper / 'upper'},workdir={upper / 'work'}"
    return {"type": "overlay", "device": "overlay", "o": options}


def _make_upper(path: Path, uid: int) -> Upper:
    private_folder(path)
    lock = Lock.take(path / "lock", shared=False)
    assert lock is not None, "the name is a new one"
    for name in ("upper", "work"):
        folder = path / name
        folder.mkdir(mode=0o755)
        if os.geteuid() == 0:
            os.chown(folder, uid, uid)
    return Upper(path, lock)


def _sweep(engine: Engine, home: Path, image: Image | None) -> None:
    """Remove what sessions left whose process is gone."""
    for path in home.iterdir():
        lock = _abandoned(path)
        if lock is None:
            continue
        try:
            remove_volume(engine, path.name)
            remove_upper(engine, path, image)
        except (APIError, OSError):
            continue  # a container of that session still runs; the next start tries again
        finally:
            lock.release()


def _abandoned(path: Path) -> Lock | None:
    """The lock of a folder whose owner is gone. It is not made: its owner may just be removing the folder."""
    try:
        return Lock.take(path / "lock", shared=False, make=False)
    except (FileNotFoundError, NotADirectoryError):
        return None


def remove_volume(engine: Engine, name: str) -> None:
    """Remove a volume; it is not an error when it is gone already."""
    try:
        engine.client.api.remove_volume(name)
    except NotFound:
        return


def remove_upper(engine: Engine, path: Path, image: Image | None) -> None:
    """Remove a session's writes. Some belong to other users, which only root may remove."""
    try:
        remove_tree(path)
    except PermissionError:
        remove_as_root(engine, path, image)
        remove_tree(path)
