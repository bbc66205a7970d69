"""How far a model's confidence was measured to hold: what its evaluation says, beside its weights."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

FILE = "evaluation.json"
_HARDLY, _NEVER = 0.1, 0.03  # below this confidence, the share of traces that may be right
_ERROR, _RANKING = 0.1, 0.75  # the largest calibration error, and the least chance that right is surer than wrong


class Bin(Struct, frozen=True):
    """What was said with about this confidence was right in this share of so many cases."""

    confidence: float
    right: float
    of: int


class Trust(Struct, frozen=True):
    """The share of whole traces that were right, by the confidence in them; no bins, no trust.

    `told`: confidence was measured to mean something, in single values and in whole traces, and may be shown.
    """

    bins: tuple[Bin, ...] = ()
    told: bool = False

    @property
    def least(self) -> float:
        """The confidence below which a trace was hardly ever right: 0 where that was not measured."""
        return _HARDLY if self.bins and self.right(0.0) <= _NEVER else 0.0

    def right(self, confidence: float) -> float:
        """The measured share at a confidence from 0 to 1, counted as if one more had been wrong and one right."""
        near = min(self.bins, key=lambda each: abs(each.confidence - confidence), default=None)
        return 0.0 if near is None else (near.right * near.of + 1) / (near.of + 2)


class _Calibration(Struct, frozen=True):
    bins: tuple[Bin, ...]
    error: float
    ranking: float | None

    @property
    def holds(self) -> bool:
        return self.error <= _ERROR and (self.ranking or 0.0) >= _RANKING


class _Evaluation(Struct, frozen=True):
    values: _Calibration
    traces: _Calibration


def trust_in(folder: Path) -> Trust:
    """That in the model of a folder; none where it was not evaluated, or the file cannot be read."""
    try:
        found = msgspec.json.decode((folder / FILE).read_bytes(), type=_Evaluation)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return Trust()
    return Trust(found.traces.bins, found.values.holds and found.traces.holds)
