"""One state of a mirror: where the copy of each file lies, and the locks that keep it as it is."""
# ruff: noqa: PTH115, PTH123 — paths are bytes, which pathlib cannot hold

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from copy import copy

from cwm_agent.containers.layers import Layer, Lock, State
from cwm_agent.workspace.changes import EXECUTABLE, REGULAR, SYMLINK, Entry
from cwm_agent.workspace.listing import Listing, Stamp


class Place:
    """Where the files of a state lie: in a base, or in a delta over it."""

    def __init__(self, state: State, base: Layer, delta: Layer | None) -> None:
        self.state = state
        self.delta = delta
        self.own = frozenset(state.own or ())
        self._below = os.fsencode(base.tree) + b"/"
        self._above = os.fsencode((delta or base).tree) + b"/"

    def locate(self, path: bytes) -> bytes:
        """Where the copy of a file lies."""
        return (self._above if path in self.own else self._below) + path

    def is_whole(self, path: bytes) -> bool:
        """Whether the copy has the size and the time that it was given."""
        size, mtime, _, _, mode = self.state.stamps[path]
        try:
            status = os.lstat(self.locate(path))
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns, stat.S_IFMT(status.st_mode)) == (size, mtime, stat.S_IFMT(mode))


class Generation:
    """One state of the mirror; its layers stay as they are until `release`."""

    def __init__(self, layers: list[Layer], locks: list[Lock], state: State, listing: Listing, note: str) -> None:
        self.trees = tuple(layer.tree for layer in layers)
        self.stamps: Mapping[bytes, Stamp] = state.stamps
        self.digests: Mapping[bytes, bytes] = state.digests
        self.nested = listing.nested
        self.notes = (*listing.notes, *((note,) if note else ()))
        self._own = frozenset(state.own or ())
        self._locks = locks

    def locate(self, path: bytes) -> bytes:
        """Where the copy of a file lies."""
        tree = self.trees[0] if path in self._own else self.trees[-1]
        return os.fsencode(tree) + b"/" + path

    def read(self, path: bytes) -> Entry:
        """The file as it was when the snapshot was taken; FileNotFoundError where it has none."""
        if path not in self.stamps:
            raise FileNotFoundError(errno.ENOENT, "not in the snapshot", path)
        mode, place = mode_of(self.stamps[path]), self.locate(path)
        if mode == SYMLINK:
            return Entry(mode, os.readlink(place))
        with open(place, "rb") as file:
            return Entry(mode, file.read())

    def again(self) -> Generation:
        """The same state for somebody else, who releases it for itself."""
        other = copy(self)
        other._locks = [lock.again() for lock in self._locks]  # noqa: SLF001 -- of its own class
        return other

    def release(self) -> None:
        """Nobody looks at it any more."""
        for lock in self._locks:
            lock.release()


def mode_of(stamp: Stamp) -> int:
    """The mode as git has it."""
    if stat.S_ISLNK(stamp[4]):
        return SYMLINK
    return EXECUTABLE if stamp[4] & 0o100 else REGULAR
