"""Shares with their intervals, means with theirs, and how far confidence can be trusted."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from statistics import fmean

from msgspec import Struct

_Z = 1.959964
_RESAMPLED = 1000
BINS = 10


class Estimate(Struct, frozen=True):
    """A measured number, and where the true one lies with 95 % confidence; `of` is what it was measured on."""

    value: float
    low: float
    high: float
    of: int


def share(right: int, of: int) -> Estimate | None:
    """A share from 0 to 1 with Wilson's score interval; None of nothing."""
    if not of:
        return None
    value = right / of
    middle = value + _Z * _Z / (2 * of)
    width = _Z * math.sqrt(value * (1 - value) / of + _Z * _Z / (4 * of * of))
    scale = 1 + _Z * _Z / of
    low, high = (middle - width) / scale, (middle + width) / scale
    return Estimate(value, min(max(low, 0.0), value), max(min(high, 1.0), value), of)


def mean(numbers: Sequence[float]) -> Estimate | None:
    """A mean with a bootstrap interval, the same for the same numbers; None of nothing."""
    if not numbers:
        return None
    rng = random.Random(0)
    means = sorted(fmean(rng.choices(numbers, k=len(numbers))) for _ in range(_RESAMPLED))
    tail = _RESAMPLED // 40
    return Estimate(fmean(numbers), means[tail], means[-1 - tail], len(numbers))


class Said(Struct, frozen=True):
    """One thing that was predicted with a confidence from 0 to 1, and whether it was right."""

    confidence: float
    right: bool


class Bin(Struct, frozen=True):
    """What was said with about the same confidence: its mean, how often it was right, and how many there are."""

    confidence: float
    right: float
    of: int


class Calibration(Struct, frozen=True):
    """How confidence and truth go together. `error` is the expected calibration error, weighted by the bins' sizes.

    `ranking` is the chance that of a right and a wrong one the right one was said with more confidence (0.5: none).
    """

    bins: tuple[Bin, ...]
    error: float
    ranking: float | None
    of: int


def calibration(said: Sequence[Said]) -> Calibration:
    """Bins of equal width; empty ones are left out."""
    groups: list[list[Said]] = [[] for _ in range(BINS)]
    for each in said:
        groups[min(int(each.confidence * BINS), BINS - 1)].append(each)
    bins = tuple(
        Bin(fmean(each.confidence for each in group), fmean(each.right for each in group), len(group))
        for group in groups
        if group
    )
    error = sum(each.of * abs(each.confidence - each.right) for each in bins) / max(len(said), 1)
    return Calibration(bins, error, ranking(said), len(said))


def ranking(said: Iterable[Said]) -> float | None:
    """The area under the ROC curve; None where all are right, or all wrong."""
    ordered = sorted(said, key=lambda each: each.confidence)
    right = sum(each.right for each in ordered)
    wrong = len(ordered) - right
    if not right or not wrong:
        return None
    won, below, at = 0.0, 0, 0
    while at < len(ordered):
        end = at
        while end < len(ordered) and ordered[end].confidence == ordered[at].confidence:
            end += 1
        tied_right = sum(each.right for each in ordered[at:end])
        tied_wrong = end - at - tied_right
        won += tied_right * (below + tied_wrong / 2)
        below += tied_wrong
        at = end
    return won / (right * wrong)
