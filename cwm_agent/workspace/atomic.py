"""Writing a small file of ours in one step."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from cwm_agent.workspace.repository import read_small


def write_if_new(path: Path, content: bytes) -> None:
    """Make the file hold `content`, atomically, unless it does already."""
    if read_small(path, 2**24) != content:
        replace(path, content)


def replace(path: Path, content: bytes, times: tuple[int, int] | None = None) -> None:
    """Put a file in place of what stood there, in one step."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        if times is not None:
            os.utime(name, ns=times)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
