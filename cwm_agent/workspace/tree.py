"""The user's folder as `apply` sees it: entered once, walked component by component, never through a link."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from msgspec import Struct

from cwm_agent.errors import UnsafePath
from cwm_agent.text import printable_name
from cwm_agent.workspace.changes import EXECUTABLE, REGULAR, SYMLINK, Entry
from cwm_agent.workspace.swap import Place, exchange, move

Watch = Callable[[str], None]
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE = 1024 * 1024
_LARGEST = 1024**3
_ABSENT = (FileNotFoundError, NotADirectoryError, UnsafePath)


def unwatched(step: str) -> None:
    """Nobody wants to know of each step."""


class Standing(Struct, frozen=True):
    """What stands at a path: `entry` for a file or a link, with its permission bits and owner."""

    kind: Literal["nothing", "file", "folder", "other"]
    entry: Entry | None = None
    permissions: int = 0
    owner: tuple[int, int] = (-1, -1)


NOTHING = Standing("nothing")


class Tree:
    """The folder `root`; `watch` is told of each step that writes, before it is taken. Close it after use."""

    def __init__(self, root: Path, watch: Watch = unwatched) -> None:
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._watch = watch

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._root)

    @contextmanager
    def folder(self, path: bytes) -> Iterator[int]:
        """The open folder; UnsafePath where a component is a link, another OSError where it is not there."""
        at = os.dup(self._root)
        try:
            for component in path.split(b"/") if path else []:
                below = self._enter(at, component, path)
                os.close(at)
                at = below
            yield at
        finally:
            os.close(at)

    def _enter(self, at: int, component: bytes, path: bytes) -> int:
        try:
            return os.open(component, _FOLDER, dir_fd=at)
        except OSError as error:
            with suppress(OSError):
                if stat.S_ISLNK(os.stat(component, dir_fd=at, follow_symlinks=False).st_mode):
                    raise UnsafePath(
                        f"{printable_name(path)} leads through the link {printable_name(component)}.",
                        remedy="Nothing was changed. Reject this file.",
                    ) from error
            raise

    @contextmanager
    def place(self, path: bytes) -> Iterator[Place]:
        """The path's name in its open folder."""
        parent, _, name = path.rpartition(b"/")
        with self.folder(parent) as at:
            yield Place(at, name)

    def look(self, path: bytes) -> Standing:
        """What stands there now; a path below a file is nothing."""
        try:
            with self.place(path) as place:
                return _look(place)
        except (FileNotFoundError, NotADirectoryError):
            return NOTHING

    def names(self, path: bytes) -> list[bytes]:
        """What is in a folder; nothing where there is none."""
        try:
            with self.folder(path) as at:
                return sorted(os.fsencode(name) for name in os.listdir(at))  # noqa: PTH208 - a descriptor, not a path
        except (FileNotFoundError, NotADirectoryError):
            return []

    def writable(self, path: bytes) -> bool:
        """Whether names can be added to and removed from a folder."""
        parent, _, name = path.rpartition(b"/")
        with self.folder(parent) as at:
            return os.access(name or b".", os.W_OK | os.X_OK, dir_fd=at)

    def write(self, path: bytes, entry: Entry, like: Standing, permissions: int | None) -> None:
        """Write a new file, all of it on disk when this returns.

        It takes its permissions and owner from `like` where that is a file, else `permissions`, else the umask.
        """
        half = path + b"~"
        self.remove(half)
        with self.place(half) as place:
            self._watch("create")
            if entry.mode == SYMLINK:
                os.symlink(entry.content, place.name, dir_fd=place.folder)
            else:
                self._fill(place, entry, like, permissions)
        self.move(half, path)

    def _fill(self, place: Place, entry: Entry, like: Standing, permissions: int | None) -> None:
        mode = 0o777 if entry.mode == EXECUTABLE else 0o666
        file = os.open(place.name, _CREATE, mode, dir_fd=place.folder)
        try:
            inherited = like.permissions if like.entry is not None and like.entry.mode != SYMLINK else permissions
            if inherited is not None:
                if like.kind == "file" and like.owner != (os.geteuid(), os.getegid()):
                    with suppress(OSError):
                        os.fchown(file, *like.owner)
                os.fchmod(file, _with_mode(inherited & 0o777, entry.mode))
            view = memoryview(entry.content)
            while view:
                self._watch("write")
                view = view[os.write(file, view[:_PIECE]) :]
            self._watch("sync")
            os.fsync(file)
        finally:
            os.close(file)

    def exchange(self, one: bytes, two: bytes) -> bool:
        """Let two files change places; False where `two` was replaced instead."""
        self._watch("exchange")
        with self.place(one) as source, self.place(two) as target:
            return exchange(source, target)

    def move(self, source: bytes, target: bytes) -> None:
        """Rename; FileExistsError where something stands at the target."""
        self._watch("move")
        with self.place(source) as one, self.place(target) as two:
            move(one, two)

    def remove(self, path: bytes) -> None:
        """Remove a file that may be there; not through a link, which cannot be ours."""
        with suppress(*_ABSENT), self.place(path) as place:
            self._watch("remove")
            os.unlink(place.name, dir_fd=place.folder)

    def make_folder(self, path: bytes, permissions: int | None = None) -> None:
        """Make a folder that may be there."""
        with self.place(path) as place:
            self._watch("make folder")
            try:
                os.mkdir(place.name, dir_fd=place.folder)
            except FileExistsError:
                if _look(place).kind != "folder":
                    raise
                return
            if permissions is not None:
                with self.folder(path) as made:
                    os.fchmod(made, permissions & 0o777)

    def remove_folder(self, path: bytes) -> bool:
        """Remove a folder that is empty; whether it is gone."""
        try:
            with self.place(path) as place:
                self._watch("remove folder")
                os.rmdir(place.name, dir_fd=place.folder)
        except UnsafePath:
            return False
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY):
                return False
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                raise
        return True

    def sync(self, path: bytes) -> None:
        """Have the folder's names on disk; a folder that is gone needs none."""
        with suppress(*_ABSENT), self.folder(path) as at:
            os.fsync(at)


def _with_mode(permissions: int, mode: int) -> int:
    """Permission bits with the executable bits of the git mode: they follow the readable ones, as git sets them."""
    if mode == EXECUTABLE:
        return permissions | 0o100 | (permissions & 0o444) >> 2 if not permissions & 0o100 else permissions
    return permissions & ~0o111


def _look(place: Place) -> Standing:
    try:
        status = os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)
        kind = stat.S_IFMT(status.st_mode)
        if kind == stat.S_IFDIR:
            return Standing("folder", permissions=stat.S_IMODE(status.st_mode))
        if kind == stat.S_IFLNK:
            return Standing("file", Entry(SYMLINK, os.readlink(place.name, dir_fd=place.folder)))
        if kind != stat.S_IFREG:
            return Standing("other")
        file = os.open(place.name, _READ, dir_fd=place.folder)
    except FileNotFoundError:
        return NOTHING
    with open(file, "rb") as stream:  # noqa: PTH123 - a descriptor, not a path
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
            return Standing("other")
        mode = EXECUTABLE if status.st_mode & 0o100 else REGULAR
        owner = (status.st_uid, status.st_gid)
        return Standing("file", Entry(mode, stream.read()), stat.S_IMODE(status.st_mode), owner)
