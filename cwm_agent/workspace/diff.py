"""Every view of a change set: its hunks, its renames, its numbers, and its text in git's format."""

from __future__ import annotations

from typing import Literal

from cwm_agent.events import FileStat
from cwm_agent.text import printable_name
from cwm_agent.workspace.changes import SYMLINK, Change, ChangeSet
from cwm_agent.workspace.hunks import LINELESS, Hunk, Region, assemble, hunks, is_binary, split_lines, whole
from cwm_agent.workspace.patch_text import blob_id, quoted, unified
from cwm_agent.workspace.renames import pair_renames, similarity


def has_lines(change: Change) -> bool:
    """Whether the change is one of text, line by line: no side is binary or a link."""
    sides = [entry for entry in (change.old, change.new) if entry is not None]
    return all(entry.mode != SYMLINK and not is_binary(entry.content) for entry in sides)


def hunks_of(change: Change) -> tuple[Hunk, ...]:
    """The parts of a change that can be decided on, never none.

    A link or a change between link and file is one hunk, shown as lines; a change without lines (binary, mode or name
    only, empty file) is one hunk that has none.
    """
    old = change.old.content if change.old else None
    new = change.new.content if change.new else None
    if is_binary(old or b"") or is_binary(new or b""):
        return (LINELESS,)
    if not has_lines(change):
        return (whole(old, new),) if old != new else (LINELESS,)
    return hunks(old, new) or (LINELESS,)


def stat(change: Change) -> FileStat:
    """The change in numbers."""
    counts = [hunk.counts() for hunk in hunks_of(change)]
    binary = any(entry is not None and is_binary(entry.content) for entry in (change.old, change.new))
    added, removed = sum(a for a, _ in counts), sum(r for _, r in counts)
    return FileStat(printable_name(change.path), _status(change), added, removed, binary)


def stats(change_set: ChangeSet) -> tuple[FileStat, ...]:
    """Each change in numbers, renames paired, in the order of the review."""
    return tuple(stat(change) for change in pair_renames(change_set).changes)


def _status(change: Change) -> Literal["added", "deleted", "modified", "renamed"]:
    if change.renamed_from is not None:
        return "renamed"
    if change.old is None:
        return "added"
    return "deleted" if change.new is None else "modified"


__all__ = [
    "Hunk",
    "Region",
    "assemble",
    "blob_id",
    "has_lines",
    "hunks",
    "hunks_of",
    "is_binary",
    "pair_renames",
    "quoted",
    "similarity",
    "split_lines",
    "stat",
    "stats",
    "unified",
]
