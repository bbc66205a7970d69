"""Which frames of two traces belong together: the shortest edit script, bounded in time."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

EDIT_LIMIT = 200
"""Past so many frames that only one trace has, the rest is paired by position: the two have nothing in common."""

Pair = tuple[int | None, int | None]


def align(left: Sequence[Hashable], right: Sequence[Hashable]) -> list[Pair]:
    """Pairs of indices with equal keys, in order; None stands where one side has no partner."""
    start, shorter = 0, min(len(left), len(right))
    while start < shorter and left[start] == right[start]:
        start += 1
    end = 0
    while end < shorter - start and left[-1 - end] == right[-1 - end]:
        end += 1
    stop_left, stop_right = len(left) - end, len(right) - end
    middle = _shortest_edit(left[start:stop_left], right[start:stop_right])
    return [
        *((at, at) for at in range(start)),
        *((None if a is None else a + start, None if b is None else b + start) for a, b in middle),
        *((stop_left + at, stop_right + at) for at in range(end)),
    ]


def _shortest_edit(left: Sequence[Hashable], right: Sequence[Hashable]) -> list[Pair]:
    """Myers' greedy algorithm: `reach[k]` is how far the diagonal k has come with the edits so far."""
    reach, history = {1: 0}, []
    for edits in range(min(len(left) + len(right), EDIT_LIMIT) + 1):
        history.append(dict(reach))
        for k in range(-edits, edits + 1, 2):
            down = k == -edits or (k != edits and reach[k - 1] < reach[k + 1])
            a = reach[k + 1] if down else reach[k - 1] + 1
            b = a - k
            while a < len(left) and b < len(right) and left[a] == right[b]:
                a, b = a + 1, b + 1
            reach[k] = a
            if a >= len(left) and b >= len(right):
                return _walk_back(history, len(left), len(right))
    return _by_position(len(left), len(right))


def _walk_back(history: list[dict[int, int]], a: int, b: int) -> list[Pair]:
    pairs: list[Pair] = []
    for edits in range(len(history) - 1, -1, -1):
        reach, k = history[edits], a - b
        down = k == -edits or (k != edits and reach[k - 1] < reach[k + 1])
        before = k + 1 if down else k - 1
        from_a = reach[before]
        from_b = from_a - before
        while a > max(from_a, 0) and b > max(from_b, 0):
            a, b = a - 1, b - 1
            pairs.append((a, b))
        if edits:
            pairs.append((None, b - 1) if down else (a - 1, None))
        a, b = from_a, from_b
    return pairs[::-1]


def _by_position(left: int, right: int) -> list[Pair]:
    shorter = min(left, right)
    return [
        *((at, at) for at in range(shorter)),
        *((at, None) for at in range(shorter, left)),
        *((None, at) for at in range(shorter, right)),
    ]
