"""Which files of the user's tree belong to a snapshot: all that git tracks or would add, as they lie there now."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping

from msgspec import Struct

from cwm_agent.errors import CwmAgentError
from cwm_agent.text import printable_name
from cwm_agent.workspace.private_git import PrivateGit, prepare
from cwm_agent.workspace.repository import Repository
from cwm_agent.workspace.secrets import is_secret

Stamp = tuple[int, int, int, int, int]
"""Size, mtime in ns, ctime in ns, inode and mode: while it stays, so does the content, save within one clock tick."""

_DEPTH = 16
_NAMED = 5


class Listing(Struct, frozen=True):
    """Paths relative to the root, with what `lstat` said of each; regular files and links only.

    `nested` are the roots of repositories within, each of which has its own ignore rules; `notes` are for the user.
    """

    files: Mapping[bytes, Stamp]
    nested: tuple[bytes, ...] = ()
    notes: tuple[str, ...] = ()


class _Found:
    """What one walk collects."""

    def __init__(self) -> None:
        self.files: dict[bytes, Stamp] = {}
        self.nested: list[bytes] = []
        self.secrets: list[bytes] = []
        self.special: list[bytes] = []
        self.unread: list[bytes] = []


def list_files(repository: Repository, git: PrivateGit | None = None) -> Listing:
    """List the tree. WorkspaceError where git cannot read the repository; a broken nested one is only left out.

    `git` is the repository's private git where it has just been prepared.
    """
    found = _Found()
    _collect(repository, git or prepare(repository), b"", found, 0)
    notes = (
        *_note("Left out, because they look like secrets and are not tracked", found.secrets),
        *_note("Left out, because they are neither files nor links", found.special),
        *_note("Left out, because they cannot be read", found.unread),
    )
    return Listing(files=found.files, nested=tuple(found.nested), notes=notes)


def _note(reason: str, paths: list[bytes]) -> tuple[str, ...]:
    if not paths:
        return ()
    named = ", ".join(printable_name(path) for path in sorted(paths)[:_NAMED])
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return (f"{reason}: {named}{more}.",)


def _collect(repository: Repository, git: PrivateGit, prefix: bytes, found: _Found, depth: int) -> None:
    output = git.run("ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard")
    tracked: dict[bytes, None] = {}
    untracked: list[bytes] = []
    for item in output.split(b"\0"):
        if item.startswith(b"? "):
            untracked.append(item[2:])
        elif item:
            tracked[item[2:]] = None
    for path in untracked:
        if is_secret(path):
            found.secrets.append(prefix + path)
    folders = _stamp(repository, prefix, (*tracked, *(path for path in untracked if not is_secret(path))), found)
    for folder in folders:
        _collect_nested(repository, prefix, folder.rstrip(b"/"), found, depth)


def _stamp(repository: Repository, prefix: bytes, paths: Iterable[bytes], found: _Found) -> list[bytes]:
    """Look at each path; returns those that are folders, which git lists for repositories within this one."""
    root = os.fsencode(repository.root) + b"/"
    real = _RealFolders(root)
    files, lstat, regular, link = found.files, os.lstat, stat.S_IFREG, stat.S_IFLNK
    folders = []
    for path in paths:
        if (b".git" in path.lower() and inside_git(path)) or not real.holds(path.rpartition(b"/")[0]):
            continue
        try:
            status = lstat(root + path)
        except OSError:
            continue
        mode = status.st_mode
        kind = mode & 0o170000
        if kind in (regular, link):
            stamp = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, mode)
            files[prefix + path] = stamp
        elif stat.S_ISDIR(mode):
            folders.append(path)
        else:
            found.special.append(prefix + path)
    return folders


class _RealFolders:
    """Remembers which folders of a tree are folders, and not links to what may lie outside."""

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._known = {b"": True}

    def holds(self, folder: bytes) -> bool:
        known = self._known.get(folder)
        if known is None:
            known = self.holds(folder.rpartition(b"/")[0]) and self._is_real(folder)
            self._known[folder] = known
        return known

    def _is_real(self, folder: bytes) -> bool:
        try:
            return stat.S_ISDIR(os.lstat(self._root + folder).st_mode)
        except OSError:
            return False


def inside_git(path: bytes) -> bool:
    """Whether a part of the path is `.git`, in any case."""
    return b".git" in path.lower().split(b"/")


def _collect_nested(repository: Repository, prefix: bytes, folder: bytes, found: _Found, depth: int) -> None:
    root = os.path.join(repository.root, os.fsdecode(folder))  # noqa: PTH118  (the name may be no text)
    if depth >= _DEPTH or not os.path.lexists(os.path.join(root, ".git")):  # noqa: PTH118
        return
    try:
        nested = Repository.open(root)
        if nested.root != os.path.realpath(root):
            return
        _collect(nested, prepare(nested), prefix + folder + b"/", found, depth + 1)
        found.nested.append(prefix + folder)
    except CwmAgentError:
        found.unread.append(prefix + folder)


__all__ = ["Listing", "Stamp", "inside_git", "list_files"]
