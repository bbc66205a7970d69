"""A hunk under review as code: the files as the review's decisions make them, and what of them the hunk is."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from cwm_agent.core.applied import sides
from cwm_agent.core.touched import Touched, touched
from cwm_agent.errors import UsageError
from cwm_agent.events import Decision, ImagineHunk
from cwm_agent.workspace.changes import Change, ChangeSet, Entry
from cwm_agent.workspace.diff import hunks
from cwm_agent.workspace.review import Review

State = Mapping[bytes, Entry | None]
"""What stands at some paths; None where nothing does."""


class HunkCode(Struct, frozen=True):
    """`after` and `before` are all files of the patch with what is taken of it, and with nothing.

    `path` is the hunk's file; `lines` are its first and last line there, or those around the place where lines only
    went. `touched` are the functions that it changes. `as_proposed`: everything is taken as it was proposed.
    """

    path: str
    lines: tuple[int, int]
    touched: Touched
    after: State
    before: State
    as_proposed: bool


def hunk_code(review: Review, wish: ImagineHunk) -> HunkCode:
    """The code of a wish; UsageError where there is no such hunk, or nothing of it can be imagined."""
    place = (wish.file, wish.hunk)
    others = [each for each in wish.decisions if (each.file, each.hunk) != place]
    own = [each for each in wish.decisions if (each.file, each.hunk) == place and each.verdict == "edit"]
    decided = (*review.accept_all(), *others)
    without = _files(review, review.accepted((*decided, Decision(*place, "reject"))))
    after = _files(review, review.accepted((*decided, *own)))
    path = review.files[wish.file].change.path
    hunk = Change(path, without[path], after[path])
    return HunkCode(
        path=path.decode("utf-8", "surrogateescape"),
        lines=_lines(hunk),
        touched=_touched(hunk),
        after=after,
        before=_files(review, ChangeSet()),
        as_proposed=after == _files(review, review.changes),
    )


def _files(review: Review, taken: ChangeSet) -> dict[bytes, Entry | None]:
    """The files of a patch with this part of it."""
    files = {path: old for path, old, _ in sides(review.changes)}
    return files | {path: new for path, _, new in sides(taken)}


def _lines(hunk: Change) -> tuple[int, int]:
    old, new = (entry.content if entry else None for entry in (hunk.old, hunk.new))
    parts = hunks(old, new)
    if not parts:
        raise UsageError("This change has no lines that could be imagined.")
    first, last = parts[0].new_start, parts[-1].new_start + len(parts[-1].new_lines) - 1
    return (first, last) if first <= last else (max(1, last), first)


def _touched(hunk: Change) -> Touched:
    if hunk.new is None:
        raise UsageError("The file is gone with this change: there is nothing to imagine.")
    found = touched([hunk])
    if not found:
        raise UsageError("Only Python code is imagined.")
    (functions,) = found.values()
    return functions
