"""A true copy of one file, with its digest; never a link to the user's file, never through a link."""
# ruff: noqa: PTH108, PTH115, PTH211 — paths are bytes, which pathlib cannot hold

from __future__ import annotations

import errno
import hashlib
import os
import stat

from cwm_agent.workspace.listing import Stamp

_CHUNK = 1024 * 1024
_TRIES = 4


def stamp_of(status: os.stat_result) -> Stamp:
    """What tells whether a file changed."""
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_mode)


def copy(source: bytes, target: bytes, owner: int | None) -> tuple[Stamp, bytes] | None:
    """Copy a file or link, with mode and time, to a path where nothing is; its stamp and SHA-256.

    None where there is no longer such a file, or it cannot be read. `owner` is the uid that it is given, None to keep
    ours. A file that is written meanwhile is read again.
    """
    for _ in range(_TRIES):
        try:
            status = os.lstat(source)
            if stat.S_ISLNK(status.st_mode):
                return _copy_link(source, target, status, owner)
            if not stat.S_ISREG(status.st_mode):
                return None
            handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                continue
            raise
        try:
            copied = _copy_content(handle, target, owner)
        finally:
            os.close(handle)
        if copied is not None:
            return copied
    return None


def _copy_link(source: bytes, target: bytes, status: os.stat_result, owner: int | None) -> tuple[Stamp, bytes]:
    points_to = os.readlink(source)
    os.symlink(points_to, target)
    if owner is not None:
        os.lchown(target, owner, owner)
    os.utime(target, ns=(status.st_mtime_ns, status.st_mtime_ns), follow_symlinks=False)
    return stamp_of(status), hashlib.sha256(points_to).digest()


def _copy_content(handle: int, target: bytes, owner: int | None) -> tuple[Stamp, bytes] | None:
    before = os.fstat(handle)
    if not stat.S_ISREG(before.st_mode):
        return None
    digest = hashlib.sha256()
    out = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        while data := os.read(handle, _CHUNK):
            digest.update(data)
            view = memoryview(data)
            while view:
                view = view[os.write(out, view) :]
        if owner is not None:
            os.fchown(out, owner, owner)
        os.fchmod(out, before.st_mode & 0o777)
        os.utime(out, ns=(before.st_mtime_ns, before.st_mtime_ns))
    finally:
        os.close(out)
    if stamp_of(os.fstat(handle)) != stamp_of(before):
        os.unlink(target)
        return None
    return stamp_of(before), digest.digest()


def digest_of(path: bytes) -> bytes | None:
    """The SHA-256 of a file's content or a link's target; None where it cannot be read."""
    try:
        if stat.S_ISLNK(os.lstat(path).st_mode):
            return hashlib.sha256(os.readlink(path)).digest()
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
