"""Which rounds of long loops a text leaves out: the first and the last ones stay, and every one that matters."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence

from msgspec import Struct

from cwm_agent.traces.frames import Frame, FrameKind

MOST_ROUNDS, FIRST_ROUNDS, LAST_ROUNDS = 12, 4, 3
MOST_ROWS, FIRST_ROWS, LAST_ROWS = 800, 500, 250
_HEADER = re.compile(r"\s*(?:async\s+for|for|while)\b")


class Fold(Struct, frozen=True):
    """Rows that are left out, from `start` to before `stop`; `rounds` is 0 where they are no rounds of a loop."""

    start: int
    stop: int
    rounds: int = 0


class _Loop(Struct):
    """A loop that runs: where its line stands, and the rows at which it was reached."""

    source: str
    indent: int
    visits: list[int]


def rounds(frames: Sequence[Frame]) -> list[list[int]]:
    """For each run of a loop, the rows at which its line was reached, in the order in which the runs ended."""
    found: list[list[int]] = []
    stack: list[list[_Loop]] = []
    for at, frame in enumerate(frames):
        while len(stack) > frame.depth + 1:
            found += [loop.visits for loop in stack.pop()]
        while len(stack) <= frame.depth:
            stack.append([])
        loops = stack[frame.depth]
        if frame.event is FrameKind.CALL:
            found += [loop.visits for loop in loops]
            loops.clear()
        if frame.event is not FrameKind.LINE:
            continue
        indent = len(frame.source) - len(frame.source.lstrip())
        while loops and (
            loops[-1].indent > indent or (loops[-1].indent == indent and loops[-1].source != frame.source)
        ):
            found.append(loops.pop().visits)
        if _HEADER.match(frame.source):
            if loops and loops[-1].indent == indent:
                loops[-1].visits.append(at)
            else:
                loops.append(_Loop(frame.source, indent, [at]))
    return found + [loop.visits for loops in stack for loop in loops]


def folds(frames: Sequence[Frame], keep: Container[int]) -> list[Fold]:
    """What to leave out, in order and without overlap; no row of `keep` is, and no exception."""
    found: list[Fold] = []
    for visits in rounds(frames):
        if len(visits) > MOST_ROUNDS:
            found += _of_loop(visits, frames, keep)
    outer: list[Fold] = []
    for fold in sorted(found, key=lambda each: (each.start, -each.stop)):
        if not outer or fold.start >= outer[-1].stop:
            outer.append(fold)
    return _capped(outer, len(frames), keep)


def _of_loop(visits: list[int], frames: Sequence[Frame], keep: Container[int]) -> list[Fold]:
    found: list[Fold] = []
    for at in range(FIRST_ROUNDS, len(visits) - LAST_ROUNDS):
        start, stop = visits[at], visits[at + 1]
        if any(row in keep or frames[row].event is FrameKind.EXCEPTION for row in range(start, stop)):
            continue
        if found and found[-1].stop == start:
            found[-1] = Fold(found[-1].start, stop, found[-1].rounds + 1)
        else:
            found.append(Fold(start, stop, 1))
    return [fold for fold in found if fold.rounds > 1]


def _capped(found: list[Fold], rows: int, keep: Container[int]) -> list[Fold]:
    """The same with the middle left out where too many rows are left."""
    hidden = {row for fold in found for row in range(fold.start, fold.stop)}
    shown = [row for row in range(rows) if row not in hidden]
    if len(shown) <= MOST_ROWS:
        return found
    middle = [row for row in shown[FIRST_ROWS:-LAST_ROWS] if row not in keep]
    merged: list[Fold] = []
    for row in sorted(hidden | set(middle)):
        if merged and merged[-1].stop == row:
            merged[-1] = Fold(merged[-1].start, row + 1)
        else:
            merged.append(Fold(row, row + 1))
    return [next((fold for fold in found if (fold.start, fold.stop) == (m.start, m.stop)), m) for m in merged]
