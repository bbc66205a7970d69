"""Folders as values: what stands in them, path by path, and how to put it there."""
# ruff: noqa: PTH101, PTH103, PTH115, PTH118, PTH120, PTH123, PTH211
# The names here are bytes and need not be UTF-8, and pathlib has no paths of bytes.

from __future__ import annotations

import os
import stat
from pathlib import Path

from cwm_agent.workspace.changes import EXECUTABLE, REGULAR, SYMLINK, Change, ChangeSet, Entry


def write(root: Path, path: bytes, entry: Entry) -> None:
    place = os.path.join(os.fsencode(root), path)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if entry.mode == SYMLINK:
        os.symlink(entry.content, place)
        return
    with open(place, "wb") as file:
        file.write(entry.content)
    os.chmod(place, 0o755 if entry.mode == EXECUTABLE else 0o644)


def fast_folder() -> str | None:
    """Where folders are made whose durability nobody asks for: in memory where the system has such a place."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def text(content: str | bytes) -> Entry:
    return Entry(REGULAR, content.encode() if isinstance(content, str) else content)


def old_tree(root: Path, changes: ChangeSet) -> Path:
    """The folder, made to be what `changes` were made from."""
    root.mkdir(parents=True, exist_ok=True)
    for change in changes.changes:
        if change.old is not None:
            write(root, change.renamed_from or change.path, change.old)
    return root


def shape(root: Path) -> dict[bytes, tuple[Entry | None, int]]:
    """Everything below a folder but `.git`: the entry (None: a folder) and its permission bits."""
    found: dict[bytes, tuple[Entry | None, int]] = {}
    top = os.fsencode(root)
    for folder, folders, files in os.walk(top):
        if b".git" in folders:
            folders.remove(b".git")
        for name in files + folders:
            place = os.path.join(folder, name)
            status = os.lstat(place)
            entry = None
            if stat.S_ISLNK(status.st_mode):
                entry = Entry(SYMLINK, os.readlink(place))
            elif stat.S_ISREG(status.st_mode):
                with open(place, "rb") as file:
                    entry = Entry(EXECUTABLE if status.st_mode & 0o100 else REGULAR, file.read())
            found[os.path.relpath(place, top)] = (entry, stat.S_IMODE(status.st_mode))
    return found


def read(root: Path) -> dict[bytes, Entry]:
    """The files and links below a folder."""
    return {path: entry for path, (entry, _) in shape(root).items() if entry is not None}


LINES = "".join(f"line {n}\n" for n in range(40))

EVERYTHING = ChangeSet(
    (
        Change(b"a.py", text(LINES), text(LINES.replace("line 20\n", "line twenty\n"))),
        Change(b"become", text("a file\n"), None),
        Change(b"become/a/folder", None, text("now a folder\n")),
        Change(b"crlf\xff", text(b"1\r\n2\r3"), text(b"1\r\n2\r4")),
        Change(b"deep/er/new name.py", text(LINES), text(LINES + "more\n"), renamed_from=b"old/place/name.py"),
        Change(b"emptied/only", text("last one\n"), None),
        Change(b"gone", text("gone\n"), None),
        Change(b"link", Entry(SYMLINK, b"a.py"), Entry(SYMLINK, b"tool")),
        Change(b"new/deep/file", None, text("new\n")),
        Change(b"new/empty", None, text("")),
        Change(b"picture", text(b"\0\1"), text(b"\0" * 3000)),
        Change(b"tool", text("#!/bin/sh\n"), Entry(EXECUTABLE, b"#!/bin/sh\n")),
        Change(b"was/folder", text("in a folder\n"), None),
    )
)
EVERYTHING = ChangeSet((*EVERYTHING.changes, Change(b"was", None, text("now a file\n"))))
