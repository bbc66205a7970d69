"""Change sets on disk: contents by their hash, each stored once, and a small manifest for each change set."""

from __future__ import annotations

import os
import tempfile
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from cwm_agent.errors import SessionError
from cwm_agent.resources import private_folder
from cwm_agent.workspace.changes import Change, ChangeSet, Entry

_MANY = 64
_DIGEST = 32


class _Row(Struct, frozen=True, array_like=True):
    path: bytes
    old_mode: int
    old: bytes
    new_mode: int
    new: bytes
    renamed_from: bytes | None = None


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(tuple[_Row, ...])


class Blobs:
    """Stores change sets by number below a folder; what is stored is on the disk when `keep` returns."""

    def __init__(self, folder: Path) -> None:
        self._blobs = folder / "blobs"
        self._manifests = folder / "checkpoints"

    def keep(self, number: int, changes: ChangeSet) -> None:
        """Store a change set under a number, in place of what stood there; all of it or, with an OSError, nothing."""
        private_folder(self._blobs)
        private_folder(self._manifests)
        many = 2 * len(changes.changes) > _MANY
        rows = tuple(self._row(change, sync=not many) for change in changes.changes)
        if many:
            os.sync()
        body = _ENCODER.encode(rows)
        _write(self._manifests / f"{number}.msgpack", sha256(body).digest() + body, sync=True)

    def read(self, number: int) -> ChangeSet:
        """Read a change set; SessionError where it is not there or damaged."""
        try:
            stored = (self._manifests / f"{number}.msgpack").read_bytes()
            digest, body = stored[:_DIGEST], stored[_DIGEST:]
            if sha256(body).digest() != digest:
                raise SessionError(f"Checkpoint {number} of the session is damaged.")
            return ChangeSet(tuple(self._change(row) for row in _DECODER.decode(body)))
        except FileNotFoundError as error:
            raise SessionError(f"Checkpoint {number} of the session is not there.") from error
        except msgspec.DecodeError as error:
            raise SessionError(f"Checkpoint {number} of the session is damaged.") from error

    def _row(self, change: Change, *, sync: bool) -> _Row:
        old_mode, old = self._put(change.old, sync=sync)
        new_mode, new = self._put(change.new, sync=sync)
        return _Row(change.path, old_mode, old, new_mode, new, change.renamed_from)

    def _put(self, entry: Entry | None, *, sync: bool) -> tuple[int, bytes]:
        if entry is None:
            return 0, b""
        digest = sha256(entry.content).digest()
        place = self._place(digest)
        if not _holds(place, len(entry.content)):
            private_folder(place.parent)
            _write(place, entry.content, sync=sync)
        return entry.mode, digest

    def _change(self, row: _Row) -> Change:
        return Change(row.path, self._get(row.old_mode, row.old), self._get(row.new_mode, row.new), row.renamed_from)

    def _get(self, mode: int, digest: bytes) -> Entry | None:
        if not mode:
            return None
        content = self._place(digest).read_bytes()
        if sha256(content).digest() != digest:
            raise SessionError(f"A stored file of the session is damaged: {digest.hex()[:12]}.")
        return Entry(mode, content)

    def _place(self, digest: bytes) -> Path:
        name = digest.hex()
        return self._blobs / name[:2] / name[2:]


def _holds(place: Path, size: int) -> bool:
    try:
        return place.stat().st_size == size
    except FileNotFoundError:
        return False


def _write(place: Path, content: bytes, *, sync: bool) -> None:
    handle, name = tempfile.mkstemp(dir=place.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        Path(name).replace(place)
        if sync:
            sync_folder(place.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
