"""What was read of earlier prompts, kept for later ones that begin alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, Protocol, Self, TypeVar

SPARED = 64
"""Tokens that a slot may lose to a prompt that leaves it; where it would lose more, what is common is copied."""


class Recalls(Protocol):
    """What an engine remembers of the tokens that it has read."""

    def cut(self, length: int) -> None:
        """Forget all but the first tokens."""
        ...

    def take(self, other: Self, length: int) -> None:
        """Remember the first tokens of another instead of one's own."""
        ...


M = TypeVar("M", bound=Recalls)


class Engine(Protocol[M]):
    """What computes: one in numpy is in `network`, and one on another library may stand here too."""

    def memory(self) -> M:
        """One in which nothing is kept."""
        ...

    def read(self, ids: Sequence[int], memory: M) -> Any:
        """Read one or more tokens after those in memory; the logits of what comes after the last, 32-bit floats."""
        ...


class Slot(Generic[M]):
    """The tokens that were read, and what is remembered of them. `busy`: an answer is in the making here."""

    def __init__(self, memory: M) -> None:
        self.ids: list[int] = []
        self.memory = memory
        self.busy = False

    def cut(self, length: int) -> None:
        """Forget all but the first tokens."""
        del self.ids[length:]
        self.memory.cut(length)


class Slots(Generic[M]):
    """Some slots, of which the one that was not used for longest gives way."""

    def __init__(self, engine: Engine[M], count: int) -> None:
        self._engine = engine
        self._count = count
        self._slots: list[Slot[M]] = []  # the least recently used first

    def open(self, prompt: Sequence[int]) -> Slot[M]:
        """A slot that has read as much of the prompt as any slot has, but not its last token."""
        best: Slot[M] | None = None
        shared = 0
        for each in self._slots:
            common = min(_common(each.ids, prompt), len(prompt) - 1)
            if common >= shared:
                best, shared = each, common
        if best is None or best.busy or len(best.ids) - shared > SPARED:
            slot = self._other()
            if best is not None and slot is not best:
                slot.memory.take(best.memory, shared)
                slot.ids = best.ids[:shared]
        else:
            slot = best
        slot.cut(shared)
        slot.busy = True
        return slot

    def close(self, slot: Slot[M]) -> None:
        """Its answer has ended: it is the one that was used last."""
        slot.busy = False
        self._slots.remove(slot)
        self._slots.append(slot)
        while len(self._slots) > self._count and (idle := self._idle()) is not None:
            self._slots.remove(idle)

    def _other(self) -> Slot[M]:
        """A slot to read another prompt in: a new one, as long as there are few, or none is idle."""
        idle = self._idle() if len(self._slots) >= self._count else None
        if idle is None:
            idle = Slot(self._engine.memory())
            self._slots.append(idle)
        return idle

    def _idle(self) -> Slot[M] | None:
        return next((each for each in self._slots if not each.busy), None)


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two texts have in common at their beginning."""
    for at, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return at
    return min(len(one), len(other))
