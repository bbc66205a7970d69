"""Token arrays on disk: what was made of programs once, so that training never waits for them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

WHOLE = 100
"""The weight of a token that counts in full: weights are stored as hundredths."""


class Row(Struct, frozen=True):
    """One trace: its tokens, and the weight in hundredths that each has in the loss (0 in the prompt)."""

    ids: NDArray[np.uint16]
    weights: NDArray[np.uint8]


def row(ids: Sequence[int], weights: Sequence[int]) -> Row:
    """The row of these tokens."""
    assert len(ids) == len(weights)
    return Row(np.asarray(ids, np.uint16), np.asarray(weights, np.uint8))


def write_shard(path: Path, rows: Sequence[Row]) -> None:
    """Write the rows as one file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ends = np.cumsum([len(each.ids) for each in rows], dtype=np.int64)
    nothing16, nothing8 = np.zeros(0, np.uint16), np.zeros(0, np.uint8)
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    with unfinished.open("wb") as file:
        np.savez(
            file,
            ids=np.concatenate([nothing16, *(each.ids for each in rows)]),
            weights=np.concatenate([nothing8, *(each.weights for each in rows)]),
            ends=ends,
        )
    unfinished.replace(path)


def read_shard(path: Path) -> list[Row]:
    """The rows of a file."""
    with np.load(path) as stored:
        ids, weights, ends = stored["ids"], stored["weights"], stored["ends"].tolist()
    starts = [0, *ends][: len(ends)]
    return [Row(ids[start:end], weights[start:end]) for start, end in zip(starts, ends, strict=True)]
