"""Where two texts differ, in lines of bytes: what git shows, computed from the bytes alone.

A line ends with LF and keeps its ending; a lone CR is an ordinary byte. Every hunk is a change that can be taken or
left on its own, so any choice of hunks gives a file in which exactly these regions changed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from msgspec import Struct

CONTEXT = 3
_SMALL = 1_000
_PAIRS = 100_000

Lines = Sequence[bytes]


class Region(Struct, frozen=True):
    """A stretch that differs, as half-open ranges of line indices from 0: `old[a:b]` became `new[c:d]`."""

    a: int
    b: int
    c: int
    d: int


class Hunk(Struct, frozen=True):
    """Changes that stand so near to each other that git shows them together.

    `old_lines` became `new_lines`; both begin and end with a change and may hold unchanged lines between. Starts are
    line numbers from 1; an empty side stands before its start. `regions` are the changes alone, counted from the
    hunk's first line. A hunk without lines stands for a change that is not one of text.
    """

    old_start: int
    old_lines: tuple[bytes, ...]
    new_start: int
    new_lines: tuple[bytes, ...]
    regions: tuple[Region, ...] = ()

    def rows(self) -> Iterator[tuple[str, bytes]]:
        """The hunk as a diff shows it: `-`, `+` or a space, and the line."""
        at = 0
        for region in self.regions:
            yield from ((" ", line) for line in self.old_lines[at : region.a])
            yield from (("-", line) for line in self.old_lines[region.a : region.b])
            yield from (("+", line) for line in self.new_lines[region.c : region.d])
            at = region.b

    def counts(self) -> tuple[int, int]:
        """How many lines are added and removed."""
        return sum(r.d - r.c for r in self.regions), sum(r.b - r.a for r in self.regions)


LINELESS = Hunk(1, (), 1, ())


def split_lines(content: bytes) -> list[bytes]:
    """The lines with their endings; joined they are the content again."""
    *whole, last = content.split(b"\n")
    lines = [line + b"\n" for line in whole]
    if last:
        lines.append(last)
    return lines


def is_binary(content: bytes) -> bool:
    """Whether the content is not text: it holds a NUL. Git asks the same of the first 8000 bytes only."""
    return b"\0" in content


def hunks(old: bytes | None, new: bytes | None) -> tuple[Hunk, ...]:
    """The hunks between two contents, None where the file does not exist; empty when the lines are the same."""
    before, after = split_lines(old or b""), split_lines(new or b"")
    grouped: list[list[Region]] = []
    for region in differing(before, after):
        if grouped and region.a - grouped[-1][-1].b <= 2 * CONTEXT:
            grouped[-1].append(region)
        else:
            grouped.append([region])
    return tuple(_hunk(before, after, group) for group in grouped)


def whole(old: bytes | None, new: bytes | None) -> Hunk:
    """One hunk that takes all of the old lines away and puts all of the new ones there."""
    before, after = split_lines(old or b""), split_lines(new or b"")
    region = Region(0, len(before), 0, len(after))
    return _hunk(before, after, [region]) if before or after else LINELESS


def assemble(old: bytes | None, parts: Sequence[Hunk], chosen: Mapping[int, Lines]) -> bytes:
    """The old content with the lines `chosen[n]` in place of hunk n's old lines; other hunks stay as they were."""
    before = split_lines(old or b"")
    out: list[bytes] = []
    at = 0
    for number, hunk in enumerate(parts):
        if number in chosen:
            out += before[at : hunk.old_start - 1]
            out += chosen[number]
            at = hunk.old_start - 1 + len(hunk.old_lines)
    return b"".join(out + before[at:])


def _hunk(before: Lines, after: Lines, group: Sequence[Region]) -> Hunk:
    first, last = group[0], group[-1]
    return Hunk(
        first.a + 1,
        tuple(before[first.a : last.b]),
        first.c + 1,
        tuple(after[first.c : last.d]),
        tuple(Region(r.a - first.a, r.b - first.a, r.c - first.c, r.d - first.c) for r in group),
    )


def differing(old: Lines, new: Lines) -> list[Region]:
    """The regions that differ, in order, at least one equal line between each two."""
    found: list[Region] = []
    todo = [Region(0, len(old), 0, len(new))]
    while todo:
        region = _trimmed(old, new, todo.pop())
        if region.a == region.b and region.c == region.d:
            continue
        anchors = [] if region.a == region.b or region.c == region.d else _anchors(old, new, region)
        if not anchors:
            _append(found, region)
            continue
        todo += reversed(_gaps(region, anchors))
    return found


def _append(found: list[Region], region: Region) -> None:
    if found and found[-1].b == region.a and found[-1].d == region.c:
        last = found.pop()
        region = Region(last.a, region.b, last.c, region.d)
    found.append(region)


def _trimmed(old: Lines, new: Lines, r: Region) -> Region:
    a, b, c, d = r.a, r.b, r.c, r.d
    while a < b and c < d and old[a] == new[c]:
        a, c = a + 1, c + 1
    while a < b and c < d and old[b - 1] == new[d - 1]:
        b, d = b - 1, d - 1
    return Region(a, b, c, d)


def _gaps(region: Region, anchors: Sequence[tuple[int, int, int]]) -> list[Region]:
    gaps = []
    at_old, at_new = region.a, region.c
    for i, j, size in anchors:
        if i > at_old or j > at_new:
            gaps.append(Region(at_old, i, at_new, j))
        at_old, at_new = i + size, j + size
    if at_old < region.b or at_new < region.d:
        gaps.append(Region(at_old, region.b, at_new, region.d))
    return gaps


def _anchors(old: Lines, new: Lines, r: Region) -> list[tuple[int, int, int]]:
    """Equal stretches (old index, new index, length) inside the region; none where finding them would cost too much."""
    before, after = old[r.a : r.b], new[r.c : r.d]
    seen, other = Counter(before), Counter(after)
    if len(before) + len(after) <= _SMALL and sum(n * other[line] for line, n in seen.items()) <= _PAIRS:
        blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
        return [(r.a + i, r.c + j, size) for i, j, size in blocks if size]
    where = {line: j for j, line in enumerate(after) if other[line] == 1}
    pairs = [(i, where[line]) for i, line in enumerate(before) if seen[line] == 1 and line in where]
    return [(r.a + i, r.c + j, 1) for i, j in _rising(pairs)]


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of pairs in which both indices rise (patience sorting)."""
    tops: list[int] = []
    top_of: list[int] = []
    below: list[int] = []
    for number, (_, j) in enumerate(pairs):
        pile = len(tops) if not tops or j > tops[-1] else bisect_left(tops, j)
        if pile == len(tops):
            tops.append(j)
            top_of.append(number)
        else:
            tops[pile], top_of[pile] = j, number
        below.append(top_of[pile - 1] if pile else -1)
    chain = []
    at = top_of[-1] if top_of else -1
    while at >= 0:
        chain.append(pairs[at])
        at = below[at]
    return chain[::-1]
