"""Which paths and modes of a change set may be written at all, judged from the change set alone.

Names are judged for every file system that the tree may be carried to: what NTFS or HFS+ would take for `.git` is
refused on ext4 too. A backslash is an ordinary byte of a name, but each piece between backslashes must be harmless as
a component, because on Windows it is one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from cwm_agent.errors import UnsafePath
from cwm_agent.text import printable_line, printable_name
from cwm_agent.workspace.changes import EXECUTABLE, REGULAR, SYMLINK, ChangeSet, Entry

_LONGEST_NAME = 255
_LONGEST_PATH = 4095
_NTFS_SHORT = re.compile(r"git~\d+|gi[0-9a-f]{4}~\d+")
_KINDS = {0o160000: "a gitlink (submodule)", 0o040000: "a folder", 0o020000: "a device", 0o060000: "a device"}
_KINDS |= {0o010000: "a pipe", 0o140000: "a socket"}


def check(change_set: ChangeSet) -> None:
    """Raise UnsafePath for the first change that must not be written."""
    seen: set[bytes] = set()
    for change in change_set.changes:
        source = change.renamed_from
        if source is not None and (change.old is None or change.new is None):
            _refuse(change.path, "it is renamed without a file on both sides")
        check_path(change.path, exists=change.old is not None and source is None)
        if source is not None:
            check_path(source, exists=True)
        for path in (change.path, source):
            if path is not None and path in seen:
                _refuse(path, "it is changed twice")
            if path is not None:
                seen.add(path)
        for entry in (change.old, change.new):
            if entry is not None:
                check_entry(change.path, entry)
    _check_among_themselves([c.path for c in change_set.changes if c.new is not None])


def check_path(path: bytes, *, exists: bool = False) -> None:
    """Raise UnsafePath unless the path stays below the root, out of `.git`, and shows as what it is.

    A file that exists already may keep an odd name: the user gave it.
    """
    if not path:
        _refuse(path, "it is empty")
    if b"\0" in path:
        _refuse(path, "it holds a NUL")
    if path.startswith(b"/"):
        _refuse(path, "it is absolute")
    if len(path) > _LONGEST_PATH:
        _refuse(path[:80], "it is too long")
    for component in path.split(b"/"):
        _check_component(path, component)
    text = path.decode("utf-8", "surrogateescape")
    shown = "".join(char for char in text if not "\udc80" <= char <= "\udcff")
    if not exists and printable_line(shown) != shown:
        _refuse(path, "it holds control or invisible characters")


def _check_component(path: bytes, component: bytes) -> None:
    if not component:
        _refuse(path, "it has an empty component")
    if len(component) > _LONGEST_NAME:
        _refuse(path[:80], "a component is too long")
    for piece in component.split(b"\\"):
        if piece in (b".", b".."):
            _refuse(path, "it leaves its folder")
        if is_git(piece):
            _refuse(path, "it leads into .git")
    if re.match(rb"[A-Za-z]:(\\|$)", component):
        _refuse(path, "it names a drive")


def is_git(component: bytes) -> bool:
    """Whether some file system takes this name for `.git`: any case, short names, streams, trailing dots."""
    text = component.decode("utf-8", "surrogateescape")
    visible = "".join(char for char in text if unicodedata.category(char) not in ("Cf", "Cc", "Mn", "Me"))
    for name in {text, visible, unicodedata.normalize("NFKC", visible)}:
        plain = name.casefold().split(":")[0].rstrip(". ").lstrip(" ")
        if plain == ".git" or _NTFS_SHORT.fullmatch(plain):
            return True
    return False


def check_entry(path: bytes, entry: Entry) -> None:
    """Raise UnsafePath unless the entry is a plain file, an executable one, or a link that stays in the tree."""
    if entry.mode in (REGULAR, EXECUTABLE):
        return
    if entry.mode != SYMLINK:
        special = "a file with setuid, setgid or other special bits" if entry.mode & 0o170000 == 0o100000 else None
        _refuse(path, f"it would be {special or _KINDS.get(entry.mode & 0o170000, 'no plain file')}")
    name = path.rpartition(b"/")[2].lower()
    if name in (b".gitmodules", b".gitattributes", b".gitignore"):
        _refuse(path, "git reads it, and it would be a link")
    _check_target(path, entry.content)


def _check_target(path: bytes, target: bytes) -> None:
    if not target or b"\0" in target or len(target) > _LONGEST_PATH:
        _refuse(path, "it is a link to nothing that can be named")
    if target.startswith((b"/", b"\\")) or re.match(rb"[A-Za-z]:", target):
        _refuse(path, "it is a link to an absolute path")
    depth = path.count(b"/")
    descended = False
    for component in re.split(rb"[/\\]+", target):
        if component == b"..":
            depth -= 1
            if descended or depth < 0:
                _refuse(path, "it is a link that may lead out of the tree")
        elif component not in (b"", b"."):
            descended = True
            if is_git(component):
                _refuse(path, "it is a link into .git")


def folded(name: bytes) -> str:
    """What a file system that does not tell case apart compares."""
    return unicodedata.normalize("NFC", name.decode("utf-8", "surrogateescape")).casefold()


def _check_among_themselves(paths: Iterable[bytes]) -> None:
    """Refuse two written paths that are one where case is ignored, and a path below another."""
    named: dict[str, bytes] = {}
    files = set(paths)
    for path in sorted(files):
        parts = path.split(b"/")
        for depth in range(1, len(parts) + 1):
            prefix = b"/".join(parts[:depth])
            if depth < len(parts) and prefix in files:
                _refuse(path, f"{printable_name(prefix)} would be a file and a folder")
            other = named.setdefault(folded(prefix), prefix)
            if other != prefix:
                _refuse(path, f"it differs from {printable_name(other)} in case alone")


def _refuse(path: bytes, why: str) -> None:
    raise UnsafePath(
        f"{printable_name(path) or '(empty)'} is not written: {why}.", remedy="Nothing was changed. Reject this file."
    )
