"""Renames that lose nothing: two names exchanged in one step, and a move that never replaces what stands there.

Linux has both as renameat2(2). Where the system or the file system has neither, the nearest thing is done that never
replaces a file unseen: a hard link and an unlink, or a plain rename for an exchange, whose caller has just looked.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from functools import cache
from typing import cast

from msgspec import Struct

_NOREPLACE = 1
_EXCHANGE = 2
_Rename = Callable[[int, bytes, int, bytes, int], int]
_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP}


class Place(Struct, frozen=True):
    """A name in an open folder."""

    folder: int
    name: bytes


@cache
def _renameat2() -> _Rename | None:
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if function is None:
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    function.restype = ctypes.c_int
    return cast("_Rename", function)


def _rename(source: Place, target: Place, flags: int) -> bool:
    """Whether the system did it; False where it cannot do such renames, OSError where this one failed."""
    function = _renameat2()
    if function is None:
        return False
    if function(source.folder, source.name, target.folder, target.name, flags) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), os.fsdecode(target.name))


def exchange(source: Place, target: Place) -> bool:
    """Let the two names change places. False: the target was replaced, and what it held is gone."""
    if _rename(source, target, _EXCHANGE):
        return True
    os.rename(source.name, target.name, src_dir_fd=source.folder, dst_dir_fd=target.folder)
    return False


def move(source: Place, target: Place) -> None:
    """Give the file its new name; FileExistsError where something stands there."""
    if _rename(source, target, _NOREPLACE):
        return
    os.link(source.name, target.name, src_dir_fd=source.folder, dst_dir_fd=target.folder, follow_symlinks=False)
    os.unlink(source.name, dir_fd=source.folder)
