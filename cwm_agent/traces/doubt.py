"""How sure a model was of what it imagined."""

from __future__ import annotations

import math
from collections.abc import Iterable

from cwm_agent.traces.frames import Frame


def sureness(frames: Iterable[Frame]) -> float | None:
    """The probability, from 0 to 1, that the model gave to all that it wrote or chose; None where it does not tell."""
    said = [each for frame in frames for each in frame.logprobs.values()]
    return math.exp(sum(said)) if said else None


def in_words(frames: Iterable[Frame]) -> str:
    """The same for people: `41 % sure`; empty where the model does not tell."""
    share = sureness(frames)
    if share is None:
        return ""
    return f"{int(share * 100)} % sure" if share >= 0.01 else "less than 1 % sure"
