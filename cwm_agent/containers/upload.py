"""A snapshot for an engine that does not see our files: streamed as a tar archive into a volume of its own."""

from __future__ import annotations

import os
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import takewhile
from pathlib import Path

from docker.models.containers import Container
from docker.types import Mount

from cwm_agent.containers.engine import Engine
from cwm_agent.containers.generation import Generation
from cwm_agent.containers.image import Image
from cwm_agent.containers.labels import labels
from cwm_agent.containers.sight import never_started
from cwm_agent.containers.trees import add_parents
from cwm_agent.errors import SandboxError

_CHUNK = 256 * 1024

Fill = Callable[[tarfile.TarFile], None]


def upload(engine: Engine, base: Generation, volume: str, session: str, uid: int, image: Image | None) -> int:
    """Make the volume and fill it; the engine's time in ns after the last file was written."""
    made = engine.client.volumes.create(volume, driver="local", labels=labels(session, "snapshot"))
    try:
        mount = Mount("/workspace", volume, type="volume", no_copy=True)
        with never_started(engine, image, [mount]) as container:
            _put(container, "/", lambda archive: _whole(archive, base, uid))
            # The folder's time is the engine's own, given when something is put into it.
            _put(container, "/workspace/.git/refs", lambda archive: archive.addfile(_folder("tags", uid)))
            return _time_of(container, "/workspace/.git/refs")
    except BaseException:
        made.remove(force=True)
        raise


def _put(container: Container, folder: str, fill: Fill) -> None:
    if not container.put_archive(folder, archive_stream(fill)):
        raise SandboxError("The engine did not take the snapshot's files.")


def archive_stream(fill: Fill) -> Iterator[bytes]:
    """The bytes of the archive that `fill(archive)` writes, while it writes it."""
    out, into = os.pipe()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            with (
                os.fdopen(into, "wb") as sink,
                tarfile.open(
                    fileobj=sink, mode="w|", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape"
                ) as archive,
            ):
                fill(archive)
        except BrokenPipeError:
            return
        except BaseException as error:  # it is raised again where the stream is read
            failures.append(error)

    worker = threading.Thread(target=work, name="snapshot-upload", daemon=True)
    worker.start()
    with os.fdopen(out, "rb") as source:
        while data := source.read(_CHUNK):
            yield data
    worker.join()
    if failures:
        raise failures[0]


def _whole(archive: tarfile.TarFile, base: Generation, uid: int) -> None:
    """All files of the snapshot, with the folders they need, and its history."""
    archive.addfile(_folder("workspace", uid))
    folders = {b""}
    for path in sorted(base.stamps):
        add_parents(path, folders)
    for folder in sorted(folders - {b""}):
        archive.addfile(_folder(f"workspace/{os.fsdecode(folder)}", uid))
    for path in sorted(base.stamps):
        _add(archive, os.fsdecode(base.locate(path)), f"workspace/{os.fsdecode(path)}", uid)
    history = base.trees[-2] / ".git"
    for place, _, names in os.walk(history):
        inside = f"workspace/.git/{Path(place).relative_to(history)}"
        archive.addfile(_folder(inside, uid))
        for name in names:
            _add(archive, str(Path(place) / name), f"{inside}/{name}", uid)


def _add(archive: tarfile.TarFile, place: str, name: str, uid: int) -> None:
    member = archive.gettarinfo(place, name)
    member.uid = member.gid = uid
    member.uname = member.gname = ""
    member.mtime = int(member.mtime)
    if member.islnk():  # packs of ours are shared between layers; here each is a file
        member.type, member.linkname, member.size = tarfile.REGTYPE, "", Path(place).stat().st_size
    if member.isreg():
        with Path(place).open("rb") as file:
            archive.addfile(member, file)
    else:
        archive.addfile(member)


def _folder(name: str, uid: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.uid, member.gid = tarfile.DIRTYPE, 0o755, uid, uid
    member.mtime = int(time.time())
    return member


def _time_of(container: Container, path: str) -> int:
    """When something was last put into a folder, in ns since 1970, by the engine's clock."""
    pieces, status = container.get_archive(path)
    for _ in pieces:
        pass
    text = str((status or {})["mtime"])
    seconds, _, rest = text.partition(".")
    fraction = "".join(takewhile(str.isdigit, rest)).ljust(9, "0")
    return int(datetime.fromisoformat(f"{seconds.rstrip('Z')}+00:00").timestamp()) * 10**9 + int(fraction)
