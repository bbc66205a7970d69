"""A session on disk: `events.jsonl`, append-only and checksummed, and beside it the checkpoints.

A process may be killed at any byte: what it had appended is read back, and at most the last record is not whole.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from cwm_agent.core.blobs import Blobs, sync_folder
from cwm_agent.core.lines import Recorded, decode, encode
from cwm_agent.core.lock import Lock
from cwm_agent.errors import SessionError, SessionNotFound
from cwm_agent.events import (
    AgentEvent,
    CheckpointMade,
    PatchApplied,
    PatchUndone,
    Rested,
    Rewound,
    SessionClosed,
    SessionOpened,
)
from cwm_agent.resources import private_folder
from cwm_agent.workspace.changes import ChangeSet

EVENTS = "events.jsonl"
TORN = "torn.bin"
_LASTING = Rested | CheckpointMade | PatchApplied | PatchUndone | Rewound | SessionOpened | SessionClosed


class Record:
    """The one writer of a session's folder; `recorded` is what stood there when it was opened."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self.folder = private_folder(folder)
        self._clock = clock
        self._lock = Lock(folder)
        self._blobs = Blobs(folder)
        self._handle = -1
        try:
            self._handle = os.open(
                folder / EVENTS, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
            )
            self.recorded = self._take_up()
        except BaseException:
            self.close()
            raise
        self._count = len(self.recorded.events)
        self._size = self.recorded.good

    @property
    def lost(self) -> str:
        """What the record had lost when it was opened, in words; empty where that is nothing."""
        bad = self.recorded.bad
        return f"The last {bad} bytes of its record were damaged and are put aside in {TORN}." if bad else ""

    def append(self, event: AgentEvent) -> None:
        """Write one event in one go; an OSError leaves the record as it was."""
        line = encode(self._count + 1, self._clock(), event)
        written = 0
        try:
            while written < len(line):
                written += os.write(self._handle, line[written:])
        except OSError:
            os.ftruncate(self._handle, self._size)
            raise
        self._count += 1
        self._size += len(line)
        if isinstance(event, _LASTING):
            os.fsync(self._handle)

    def keep(self, checkpoint: int, changes: ChangeSet) -> None:
        """Store a checkpoint; it lasts before the event that names it is written."""
        self._blobs.keep(checkpoint, changes)

    def checkpoint(self, checkpoint: int) -> ChangeSet:
        """Read a checkpoint back; number 0 is the empty change set."""
        return self._blobs.read(checkpoint) if checkpoint else ChangeSet()

    def close(self) -> None:
        """Make it last, and let others write; a session of which nothing was written leaves nothing."""
        if self._handle >= 0:
            try:
                os.fsync(self._handle)
                empty = os.fstat(self._handle).st_size == 0
            finally:
                os.close(self._handle)
                self._handle = -1
            if empty:
                self._vanish()
        self._lock.release()

    def _vanish(self) -> None:
        with contextlib.suppress(OSError):  # whatever else stands in the folder keeps it
            (self.folder / EVENTS).unlink()
            (self.folder / "lock").unlink()
            self.folder.rmdir()

    def _take_up(self) -> Recorded:
        """Read what is there; bytes after the last whole record are put aside and cut off."""
        found = decode(_all(self._handle))
        if found.bad:
            with os.fdopen(_private(self.folder / TORN), "ab") as aside:
                aside.write(os.pread(self._handle, found.bad, found.good))
                aside.flush()
                os.fsync(aside.fileno())
            os.ftruncate(self._handle, found.good)
        sync_folder(self.folder)
        return found


def read(folder: Path) -> Recorded:
    """What a session's record holds, without writing anything; SessionNotFound where there is none."""
    try:
        return decode((folder / EVENTS).read_bytes())
    except FileNotFoundError as error:
        raise SessionNotFound(f"There is no session {folder.name}.", remedy="cwm-agent sessions list") from error
    except OSError as error:
        raise SessionError(f"The session {folder.name} cannot be read: {error.strerror}.") from error


def read_checkpoint(folder: Path, checkpoint: int) -> ChangeSet:
    """A checkpoint of a session that is not opened for writing."""
    return Blobs(folder).read(checkpoint) if checkpoint else ChangeSet()


def _all(handle: int) -> bytes:
    size = os.fstat(handle).st_size
    pieces = []
    at = 0
    while at < size:
        piece = os.pread(handle, size - at, at)
        if not piece:
            break
        pieces.append(piece)
        at += len(piece)
    return b"".join(pieces)


def _private(place: Path) -> int:
    return os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
