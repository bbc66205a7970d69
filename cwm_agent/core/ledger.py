"""Predictions and their facts, kept for good: the only place from which accuracy is told."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from cwm_agent.events import AgentEvent, PredictionScored
from cwm_agent.resources import state_folder

Kind = Literal["trace", "test", "output"]
_Z = 1.96
_ENCODE = msgspec.json.Encoder().encode
_ENOUGH = 10


class Entry(Struct, frozen=True, kw_only=True):
    """One prediction beside its fact. `at` is in seconds since 1970, `model` the world model's name.

    Of a trace, `frames` is how many frames agreed before the first that did not, of `of` real ones; 0 for others.
    """

    at: float
    model: str
    session: str
    kind: Kind
    subject: str
    predicted: str
    fact: str
    came_true: bool
    frames: int = 0
    of: int = 0


class Accuracy(Struct, frozen=True):
    """How many predictions were made and how many came true."""

    made: int = 0
    came_true: int = 0

    @property
    def share(self) -> float | None:
        """The share that came true, from 0 to 1; None where nothing was predicted."""
        return self.came_true / self.made if self.made else None

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true share lies with 95 % confidence (Wilson's score interval)."""
        if not self.made:
            return 0.0, 1.0
        share, made = self.came_true / self.made, self.made
        middle = share + _Z * _Z / (2 * made)
        width = _Z * math.sqrt(share * (1 - share) / made + _Z * _Z / (4 * made * made))
        scale = 1 + _Z * _Z / made
        return max(0.0, (middle - width) / scale), min(1.0, (middle + width) / scale)


class Row(Struct, frozen=True):
    """What one model came to in one kind of prediction."""

    model: str
    kind: Kind
    accuracy: Accuracy


class Ledger:
    """A file of JSON lines; every pair is on disk when `keep` returns, and none is ever changed."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or state_folder() / "ledger.jsonl"

    def keep(self, entry: Entry) -> None:
        """Append one pair; OSError where it cannot be written."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as stream:
            stream.write(_ENCODE(entry) + b"\n")

    def read(self) -> tuple[Entry, ...]:
        """All pairs, the oldest first; a line that was torn by a kill is left out."""
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return ()
        return tuple(entry for line in lines if (entry := _decode(line)) is not None)


def _decode(line: bytes) -> Entry | None:
    try:
        return msgspec.json.decode(line, type=Entry)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None


def entry_of(event: PredictionScored, *, model: str, session: str, frames: int = 0, of: int = 0) -> Entry:
    """The pair that an event tells of, made now."""
    return Entry(
        at=time.time(),
        model=model,
        session=session,
        kind=event.kind,
        subject=event.subject,
        predicted=event.predicted,
        fact=event.fact,
        came_true=event.came_true,
        frames=frames,
        of=of,
    )


def accuracy(events: Iterable[AgentEvent]) -> Accuracy:
    """How the predictions among the events fared."""
    scored = [event for event in events if isinstance(event, PredictionScored)]
    return Accuracy(len(scored), sum(event.came_true for event in scored))


def rows(entries: Iterable[Entry]) -> tuple[Row, ...]:
    """One row for each model and kind, in the order in which they first appear."""
    counted: dict[tuple[str, Kind], list[int]] = {}
    for entry in entries:
        count = counted.setdefault((entry.model, entry.kind), [0, 0])
        count[0] += 1
        count[1] += entry.came_true
    return tuple(Row(model, kind, Accuracy(made, true)) for (model, kind), (made, true) in counted.items())


def in_words(accuracy: Accuracy) -> str:
    """`84 % of 51`, and how sure that is while the number is small."""
    if accuracy.share is None:
        return "nothing predicted yet"
    low, high = accuracy.interval
    sure = "" if accuracy.made >= _ENOUGH * 10 else f" (95 % interval {100 * low:.0f} to {100 * high:.0f} %)"
    return f"{100 * accuracy.share:.0f} % of {accuracy.made}{sure}"


def table(entries: Iterable[Entry]) -> str:
    """The rows as lines for a person."""
    lines = [f"{row.model or '(unnamed)':<30} {row.kind:<6} {in_words(row.accuracy)}" for row in rows(entries)]
    none = "No prediction has met its fact yet. In verify mode a world model makes them, before tests and calls run."
    return "\n".join(lines) or none
