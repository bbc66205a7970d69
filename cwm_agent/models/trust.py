"""How far a model's confidence was measured to hold: what its evaluation says, beside its weights."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

FILE = "evaluation.json"


class Bin(Struct, frozen=True):
    """What was said with about this confidence was right in this share of so many cases."""

    confidence: float
    right: float
    of: int


class Trust(Struct, frozen=True):
    """The share of whole traces that were right, by the confidence in them; no bins, no trust."""

    bins: tuple[Bin, ...] = ()

    def right(self, confidence: float) -> float:
        """The measured share at a confidence from 0 to 1, counted as if one more had been wrong and one right."""
        near = min(self.bins, key=lambda each: abs(each.confidence - confidence), default=None)
        return 0.0 if near is None else (near.right * near.of + 1) / (near.of + 2)


class _Traces(Struct, frozen=True):
    bins: tuple[Bin, ...]


class _Evaluation(Struct, frozen=True):
    traces: _Traces


def trust_in(folder: Path) -> Trust:
    """That in the model of a folder; none where it was not evaluated, or the file cannot be read."""
    try:
        return Trust(msgspec.json.decode((folder / FILE).read_bytes(), type=_Evaluation).traces.bins)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return Trust()
