"""One writer for each session: a lock that the kernel releases when its holder dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from cwm_agent.errors import SessionLocked


class Lock:
    """Held from its making to `release`; SessionLocked names the process that holds it."""

    def __init__(self, folder: Path) -> None:
        self._handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._handle)
            raise locked(folder) from None
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, b"%d\n" % os.getpid(), 0)

    def release(self) -> None:
        """Let others write."""
        if self._handle >= 0:
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = -1


def locked(folder: Path) -> SessionLocked:
    """The error for a session that another process has open; it names the process."""
    try:
        holder = (folder / "lock").read_text("ascii", "replace").strip() or "unknown"
    except OSError:
        holder = "unknown"
    return SessionLocked(
        f"The session {folder.name} is open in another process (pid {holder}).",
        remedy="Close it there first, or begin a new session.",
    )


def held(folder: Path) -> bool:
    """Whether a living process writes the session."""
    try:
        handle = os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
