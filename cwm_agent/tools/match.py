"""Where a block of lines stands in a file, and where something like it stands when it does not."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from msgspec import Struct

_MOST_LINES = 20_000
_MOST_PAIRS = 60_000
_LEAST = 0.5


class Near(Struct, frozen=True):
    """A place that resembles what was sought: its first line (from 1), how much (0 to 1), and the line that differs."""

    line: int
    ratio: float
    differs: int


def places(lines: Sequence[str], sought: Sequence[str]) -> list[int]:
    """The numbers, from 1, of the lines at which `sought` stands, whole lines one after the other."""
    if not sought:
        return []
    size = len(sought)
    first = sought[0]
    wanted = list(sought)
    last = len(lines) - size + 1
    return [at + 1 for at in range(max(0, last)) if lines[at] == first and list(lines[at : at + size]) == wanted]


def nearest(lines: Sequence[str], sought: Sequence[str], most: int = 2) -> list[Near]:
    """The places that resemble `sought` most, best first; none where nothing does."""
    if not sought or len(lines) > _MOST_LINES:
        return []
    scores = _line_scores(lines, sought)
    size = len(sought)
    found = []
    for at in range(max(1, len(lines) - size + 1)):
        row = [
            scores[number].get(lines[at + number], 0.0) if at + number < len(lines) else 0.0 for number in range(size)
        ]
        ratio = sum(row) / size
        if ratio >= _LEAST:
            worst = next((number for number, score in enumerate(row) if score < 1.0), 0)
            found.append(Near(at + 1, ratio, at + 1 + worst))
    best = sorted(found, key=lambda near: -near.ratio)
    chosen: list[Near] = []
    for near in best:
        if all(abs(near.line - other.line) >= size for other in chosen):
            chosen.append(near)
        if len(chosen) == most:
            break
    return chosen


def _line_scores(lines: Sequence[str], sought: Sequence[str]) -> list[dict[str, float]]:
    """For each line that is sought: the file's lines that resemble it, and how much; indentation alone counts little.

    Where comparing all pairs would take too long, only lines that differ in nothing but indentation resemble.
    """
    different = dict.fromkeys(lines)
    cheap = len(different) * len(sought) > _MOST_PAIRS
    answer: list[dict[str, float]] = []
    matcher = SequenceMatcher(autojunk=False)
    for line in sought:
        matcher.set_seq2(line)
        scores = {}
        for other in different:
            if other == line:
                scores[other] = 1.0
                continue
            if other.strip() == line.strip():
                scores[other] = 0.95
            if cheap or other.strip() == line.strip():
                continue
            matcher.set_seq1(other)
            if matcher.real_quick_ratio() >= _LEAST and matcher.quick_ratio() >= _LEAST:
                scores[other] = min(0.94, matcher.ratio())
        answer.append(scores)
    return answer
