"""Folders full of files named by bytes: making, removing, hiding."""
# ruff: noqa: PTH102, PTH106, PTH108 — paths are bytes, which pathlib cannot hold

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from cwm_agent.containers.layers import remove_tree


def whiteouts(under: Iterable[bytes], wanted: Iterable[bytes]) -> list[bytes]:
    """What must be hidden of a lower tree so that exactly `wanted` shows: files, or whole folders."""
    keep = set(wanted)
    folders = {b""}
    for path in keep:
        add_parents(path, folders)
    hidden = set()
    for path in under:
        if path in keep:
            continue
        parts = path.split(b"/")
        for count in range(1, len(parts) + 1):
            head = b"/".join(parts[:count])
            if head in keep:
                break
            if head not in folders:
                hidden.add(head)
                break
    return sorted(hidden)


def add_parents(path: bytes, folders: set[bytes]) -> None:
    """Add the folders that lead to a path."""
    parent = path.rpartition(b"/")[0]
    while parent not in folders:
        folders.add(parent)
        parent = parent.rpartition(b"/")[0]


def make_folders(tree: bytes, paths: Iterable[bytes], owner: int | None) -> None:
    """Make the folders that files by these paths need."""
    folders = {b""}
    for path in paths:
        add_parents(path, folders)
    for folder in sorted(folders - {b""}):
        try:
            os.mkdir(tree + folder, 0o755)
        except FileExistsError:
            continue
        if owner is not None:
            os.chown(tree + folder, owner, owner)


def remove_files(tree: bytes, paths: Iterable[bytes]) -> None:
    """Remove files, and the folders that are empty then."""
    folders: set[bytes] = {b""}
    for path in paths:
        try:
            os.unlink(tree + path)
        except (FileNotFoundError, NotADirectoryError):
            pass
        except IsADirectoryError:
            remove_tree(Path(os.fsdecode(tree + path)))
        add_parents(path, folders)
    for folder in sorted(folders - {b""}, reverse=True):
        try:
            os.rmdir(tree + folder)
        except OSError:
            continue


def give(tree: Path, owner: int | None) -> None:
    """Make all in a tree belong to `owner`; None leaves it ours."""
    if owner is None:
        return
    for folder, _, files in os.walk(tree):
        os.chown(folder, owner, owner)
        for name in files:
            os.lchown(Path(folder) / name, owner, owner)
