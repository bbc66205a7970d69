# ruff: noqa: PTH - pathlib has no paths of bytes, and names here need not be UTF-8
"""Folders as values: what stands in them, path by path, and how to put it there."""

from __future__ import annotations

import os
from pathlib import Path

from cwm_agent.workspace.changes import EXECUTABLE, REGULAR, SYMLINK, Entry


def write(root: Path, path: bytes, entry: Entry) -> None:
    place = os.path.join(os.fsencode(root), path)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if entry.mode == SYMLINK:
        os.symlink(entry.content, place)
        return
    with open(place, "wb") as file:
        file.write(entry.content)
    os.chmod(place, 0o755 if entry.mode == EXECUTABLE else 0o644)


def read(root: Path) -> dict[bytes, Entry]:
    found = {}
    top = os.fsencode(root)
    for folder, folders, files in os.walk(top):
        if b".git" in folders:
            folders.remove(b".git")
        for name in files + [f for f in folders if os.path.islink(os.path.join(folder, f))]:
            place = os.path.join(folder, name)
            if os.path.islink(place):
                entry = Entry(SYMLINK, os.readlink(place))
            else:
                with open(place, "rb") as file:
                    entry = Entry(EXECUTABLE if os.stat(place).st_mode & 0o100 else REGULAR, file.read())
            found[os.path.relpath(place, top)] = entry
    return found
