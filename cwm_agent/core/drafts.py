"""The snapshot's files as they would be: what a draft of an action writes is here, and nowhere else."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping

from cwm_agent.errors import SandboxError
from cwm_agent.protocols import Files
from cwm_agent.workspace.changes import Change, ChangeSet, Entry


class Drafts:
    """Files over files: writes are kept in memory until they are cleared, and read before what lies below.

    The imagined world reads its sources through it, so that a draft can be imagined as if it were made.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._written: dict[bytes, Entry | None] = {}

    async def read(self, path: bytes, limit: int = 16 * 1024 * 1024) -> Entry:
        """The file as it would be; errors as of the files below."""
        if path not in self._written:
            return await self._files.read(path, limit)
        written = self._written[path]
        if written is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return written

    async def write(self, path: bytes, entry: Entry) -> None:
        """Keep what would be written."""
        self._written[path] = entry

    def lay_over(self, state: Mapping[bytes, Entry | None]) -> None:
        """Keep a state of some files; None is a file that is not there."""
        self._written |= state

    async def is_directory(self, path: bytes) -> bool:
        """Whether the path is a folder; drafts make none."""
        return await self._files.is_directory(path)

    async def changes(self) -> ChangeSet:
        """What the drafts would change in the files below."""
        found = [Change(path, await self._below(path), entry) for path, entry in sorted(self._written.items())]
        return ChangeSet(tuple(found))

    async def restore(self, changes: ChangeSet) -> None:
        """Not for drafts: SandboxError."""
        del changes
        raise SandboxError("A draft cannot bring files back.")

    def clear(self) -> None:
        """Forget what would be written."""
        self._written.clear()

    async def _below(self, path: bytes) -> Entry | None:
        try:
            return await self._files.read(path)
        except FileNotFoundError:
            return None
