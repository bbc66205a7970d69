"""Three-way merge of texts: what both sides did to one base, or None where they did different things to one place."""

from __future__ import annotations

from collections.abc import Sequence

from cwm_agent.workspace.changes import SYMLINK, Entry
from cwm_agent.workspace.hunks import Region, differing, is_binary, split_lines

LARGEST = 64 * 1024 * 1024


def merge_entries(base: Entry | None, ours: Entry | None, theirs: Entry | None) -> tuple[Entry | None] | None:
    """What the file becomes (None: it does not exist), in a tuple; None alone where the two sides conflict."""
    if ours in (base, theirs):
        return (theirs,)
    if theirs == base:
        return (ours,)
    if base is None or ours is None or theirs is None:
        return None
    mode = _merge_modes(base.mode, ours.mode, theirs.mode)
    if mode is None:
        return None
    if base.content in (ours.content, theirs.content) or ours.content == theirs.content:
        content: bytes | None = ours.content if theirs.content == base.content else theirs.content
    else:
        content = None if SYMLINK in (base.mode, mode) else merge(base.content, ours.content, theirs.content)
    return None if content is None else (Entry(mode, content),)


def _merge_modes(base: int, ours: int, theirs: int) -> int | None:
    if ours == base:
        return theirs
    return ours if theirs in (base, ours) else None


def merge(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """Both sides' changes in one text; None where they overlap or touch and differ, and for what is not text."""
    if any(is_binary(side) or len(side) > LARGEST for side in (base, ours, theirs)):
        return None
    before, left, right = split_lines(base), split_lines(ours), split_lines(theirs)
    out: list[bytes] = []
    at = 0
    queue = _Queue(differing(before, left), differing(before, right))
    while (start := queue.start()) is not None:
        mine, yours, end = queue.take()
        replacement = _chosen(
            before[start:end], _side(left, mine, start, end), _side(right, yours, start, end), both=bool(mine and yours)
        )
        if replacement is None:
            return None
        out += before[at:start]
        out += replacement
        at = end
    return b"".join(out + before[at:])


class _Queue:
    """The regions of two diffs of one base, taken in groups of those that overlap or touch."""

    def __init__(self, ours: list[Region], theirs: list[Region]) -> None:
        self._ours = ours[::-1]
        self._theirs = theirs[::-1]

    def start(self) -> int | None:
        heads = [side[-1].a for side in (self._ours, self._theirs) if side]
        return min(heads) if heads else None

    def take(self) -> tuple[list[Region], list[Region], int]:
        mine: list[Region] = []
        yours: list[Region] = []
        end = self.start() or 0
        grew = True
        while grew:
            grew = False
            for side, into in ((self._ours, mine), (self._theirs, yours)):
                while side and side[-1].a <= end:
                    end = max(end, side[-1].b)
                    into.append(side.pop())
                    grew = True
        return mine, yours, end


def _side(lines: Sequence[bytes], regions: list[Region], start: int, end: int) -> Sequence[bytes] | None:
    """What one side has in place of base lines start to end; None where it left them alone."""
    if not regions:
        return None
    first, last = regions[0], regions[-1]
    return lines[first.c - (first.a - start) : last.d + (end - last.b)]


def _chosen(
    base: Sequence[bytes], ours: Sequence[bytes] | None, theirs: Sequence[bytes] | None, *, both: bool
) -> Sequence[bytes] | None:
    if both:
        return ours if ours == theirs else None
    return ours if ours is not None else theirs if theirs is not None else base
