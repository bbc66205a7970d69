"""A change set: the bytes before and after, path by path. The truth of which every diff is only a view."""

from __future__ import annotations

from msgspec import Struct

REGULAR = 0o100644
EXECUTABLE = 0o100755
SYMLINK = 0o120000


class Entry(Struct, frozen=True):
    """One file: `mode` is REGULAR, EXECUTABLE or SYMLINK, as in git; the content of a link is its target."""

    mode: int
    content: bytes


class Change(Struct, frozen=True):
    """One path before and after, None where it does not exist; `path` is relative to the root, bytes, `/`-separated.

    A rename is a value of its own: `renamed_from` names the old path, `old` is what stood there, and the change
    removes it.
    """

    path: bytes
    old: Entry | None
    new: Entry | None
    renamed_from: bytes | None = None


class ChangeSet(Struct, frozen=True):
    """Changes in the order of their paths, one for each path."""

    changes: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)
