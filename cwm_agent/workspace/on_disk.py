"""Files of the user's folder, read where they are."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

from cwm_agent.workspace.changes import REGULAR, Entry


class Folder:
    """The regular files below a folder; a path that leads out of it, by `..` or by a link, is not there."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    async def read(self, path: bytes, limit: int = 16 * 1024 * 1024) -> Entry:
        """The file's content; raises OSError as of a file system, EFBIG past `limit` bytes."""
        return await asyncio.to_thread(self._read, path, limit)

    def _read(self, path: bytes, limit: int) -> Entry:
        file = (self._root / os.fsdecode(path)).resolve()
        if not file.is_relative_to(self._root) or not file.is_file():
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", os.fsdecode(path))
        if file.stat().st_size > limit:
            raise OSError(errno.EFBIG, "File too large", os.fsdecode(path))
        return Entry(REGULAR, file.read_bytes())
