"""Folders of a mirror that containers look at while they live: locked while in use, removed when nobody uses them."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from cwm_agent.resources import private_folder
from cwm_agent.workspace.atomic import replace
from cwm_agent.workspace.listing import Stamp


class State(Struct, array_like=True):
    """What a tree of files is a copy of. `own` are the paths that lie in a delta itself, None for a base.

    `racy` were written so shortly before they were looked at that their stamp proves nothing.
    """

    stamps: dict[bytes, Stamp]
    digests: dict[bytes, bytes]
    racy: list[bytes]
    boot: str
    own: list[bytes] | None = None


_decoder = msgspec.msgpack.Decoder(State)


class Lock:
    """A lock of the kernel's on a file; it ends with the process."""

    def __init__(self, handle: int) -> None:
        self._handle: int | None = handle

    @classmethod
    def take(cls, path: Path, *, shared: bool, make: bool = True) -> Lock | None:
        """The lock, or None where somebody else's stands against it; its file is made unless `make` is False."""
        handle = os.open(path, os.O_RDWR | (os.O_CREAT if make else 0) | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        return cls(handle)

    def again(self) -> Lock:
        """The same lock once more: it ends when the last of them is released."""
        assert self._handle is not None
        return Lock(os.dup(self._handle))

    def share(self) -> None:
        """Let others use it too."""
        assert self._handle is not None
        fcntl.flock(self._handle, fcntl.LOCK_SH)

    def release(self) -> None:
        """Give it back."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Wait for the lock and hold it; for what takes seconds at most."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class Layer(Struct, frozen=True):
    """One folder of a mirror: `tree` is what a container sees."""

    path: Path

    @property
    def tree(self) -> Path:
        """The files."""
        return self.path / "tree"

    @property
    def pending(self) -> Path:
        """There while the tree is changed in place: the paths for which the state may be wrong."""
        return self.path / "pending"

    @classmethod
    def make(cls, home: Path, kind: str) -> Layer:
        """A new, empty one."""
        taken = [int(found.name.rpartition("-")[2]) for found in home.glob(f"{kind}-*")]
        layer = cls(home / f"{kind}-{max(taken, default=0) + 1}")
        private_folder(layer.path)
        layer.tree.mkdir(mode=0o755)
        return layer

    def lock(self, *, shared: bool) -> Lock | None:
        """The lock that says that it is in use, or, not shared, that nobody uses it."""
        return Lock.take(self.path / "use", shared=shared)

    def read(self) -> State:
        """What the tree is a copy of; paths that a killed process may have left half done are taken out."""
        state = _decoder.decode((self.path / "state").read_bytes())
        if self.pending.exists():
            for path in _pending(self.pending):
                state.stamps[path] = (-1, 0, 0, 0, 0)
        return state

    def write(self, state: State) -> None:
        """Keep the state; from here on the tree counts as whole."""
        replace(self.path / "state", msgspec.msgpack.encode(state))
        self.pending.unlink(missing_ok=True)

    def begin(self, paths: list[bytes]) -> None:
        """Announce that these paths of the tree are about to change, in addition to those announced before."""
        if self.pending.exists():
            paths = [*_pending(self.pending), *paths]
        replace(self.pending, msgspec.msgpack.encode(paths))

    def remove_if_unused(self) -> None:
        """Take it away unless somebody uses it."""
        lock = self.lock(shared=False)
        if lock is not None:
            remove_tree(self.path)
            lock.release()


def _pending(path: Path) -> list[bytes]:
    return msgspec.msgpack.decode(path.read_bytes(), type=list[bytes])


def remove_tree(path: Path) -> None:
    """Remove a folder with all that is in it, also folders that nobody may enter."""

    def open_up(function: Callable[..., object], name: str, error: object) -> None:
        del error
        for folder in (Path(name).parent, Path(name)):
            try:
                if stat.S_ISDIR(folder.lstat().st_mode):
                    folder.chmod(0o700)
            except FileNotFoundError:
                return
        if function in (os.open, os.scandir, os.listdir):
            shutil.rmtree(name)
        else:
            function(name)

    if path.exists():
        shutil.rmtree(path, onerror=open_up)
