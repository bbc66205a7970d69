"""One answer of a model in this process, made token by token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from cwm_agent.errors import ModelUnavailable
from cwm_agent.models.choices import Choices, literals_of
from cwm_agent.models.network import Floats
from cwm_agent.models.slots import Engine, Slot, Slots
from cwm_agent.models.spelling import Spelling
from cwm_agent.protocols import Sampling, Token

PORTION = 256
"""Tokens of a prompt that are read at once; between portions an answer can be stopped, and others have their turn."""


class Means(Struct, frozen=True):
    """What all answers of a model share. Of its ids below `size`, `unspelt` are those without a token's text."""

    engine: Engine[Any]
    size: int
    slots: Slots[Any]
    spelling: Spelling
    random: np.random.Generator
    unspelt: NDArray[np.int64]


class Generation:
    """An answer in the making, at most `most` tokens long; UsageError for a grammar that is no choice of literals.

    Its methods are called in one thread, that of all answers.
    """

    def __init__(self, means: Means, prompt: Sequence[int], sampling: Sampling, most: int) -> None:
        self._means = means
        self._prompt = prompt
        self._sampling = sampling
        self._spoken = means.spelling.after(prompt)
        self._ends = {*means.spelling.vocabulary.stop_ids(), *sampling.stop}
        self._choices = None if sampling.grammar is None else self._held(sampling.grammar)
        self._left = most
        self._slot: Slot[Any] | None = None
        self._unread: list[int] = []
        self.over = most < 1 or (self._choices is not None and self._choices.over)

    def read_on(self) -> bool:
        """Read a portion of the prompt; False where the rest is small enough to be read with the first token."""
        if self._slot is None:
            self._slot = self._means.slots.open(self._prompt)
            self._unread = list(self._prompt[len(self._slot.ids) :])
        if len(self._unread) <= PORTION:
            return False
        self._read(PORTION)
        return True

    def next(self) -> Token | None:
        """The next token; None where the answer has ended. The model's own ends are told, those of `stop` are not."""
        logits = self._read(PORTION)
        allowed = None if self._choices is None else self._choices.allowed()
        number = choose(logits, self._sampling, self._means.random, allowed)
        if number in self._sampling.stop or (self._choices is not None and not self._choices.take(number)):
            self.over = True
            return None
        self._unread.append(number)
        self._left -= 1
        self.over = self._left < 1 or number in self._ends or (self._choices is not None and self._choices.over)
        return Token(number, self._spoken.text(number), logprob(logits, number))

    def close(self) -> None:
        """Leave what was read to later answers."""
        self.over = True
        if self._slot is not None:
            self._means.slots.close(self._slot)
            self._slot = None

    def _held(self, grammar: str) -> Choices:
        spelling = self._means.spelling
        separators = {special.value: number for special, number in spelling.vocabulary.ids.items()}
        return Choices(literals_of(grammar), spelling.ids_of, separators, sorted(self._ends))

    def _read(self, most: int) -> Floats:
        assert self._slot is not None
        ids, self._unread = self._unread[:most], self._unread[most:]
        try:
            logits: Floats = self._means.engine.read(ids, self._slot.memory)
        except MemoryError as error:
            raise ModelUnavailable(
                f"There is no memory to read {len(self._prompt)} tokens in.", remedy="Trace a shorter run."
            ) from error
        self._slot.ids += ids
        if not np.isfinite(logits).all():
            raise ModelUnavailable(
                "The model computes values that are no numbers.", remedy="Its weights are broken; name another model."
            )
        logits[self._means.unspelt] = -np.inf
        return logits


def choose(
    logits: Floats, sampling: Sampling, random: np.random.Generator, allowed: Sequence[int] | None = None
) -> int:
    """The id of the next token: the likeliest at temperature 0, else drawn from the likeliest that make up `top_p`."""
    ids = np.arange(len(logits)) if allowed is None else np.asarray(allowed)
    among = logits[ids]
    if sampling.temperature <= 0:
        return int(ids[among.argmax()])
    weights = np.exp((among - among.max()) / np.float64(sampling.temperature))
    order = np.argsort(-weights, kind="stable")
    sums = np.cumsum(weights[order] / weights.sum())
    count = min(int(np.searchsorted(sums, sampling.top_p)) + 1, len(order))
    drawn = np.searchsorted(sums[:count], random.random() * sums[count - 1], side="right")
    return int(ids[order[min(int(drawn), count - 1)]])


def logprob(logits: Floats, number: int) -> float:
    """The log-probability of a token among all, whatever was allowed."""
    highest = logits.max()
    return float(logits[number] - highest - np.log(np.exp(logits - highest).sum()))
