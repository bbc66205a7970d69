"""What the cursor moves over: one world's tape, or two of them laid beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from cwm_agent.core.debugger.tape import Tape
from cwm_agent.observations import Origin
from cwm_agent.traces.align import Pair
from cwm_agent.traces.compare import Comparison, compare
from cwm_agent.traces.frames import Frame


class Moment(Struct, frozen=True):
    """One place of the cursor: the index of its frame in the imagined tape and in the real one, where they have one."""

    imagined: int | None
    real: int | None

    def of(self, origin: Origin) -> int | None:
        """The index in the tape of that world."""
        return self.imagined if origin is Origin.IMAGINED else self.real


class Run(Protocol):
    """The moments of a run, counted from 0, as far as they are known."""

    @property
    def frames(self) -> Sequence[Frame]:
        """One frame for each moment; the real one where there are two."""
        ...

    @property
    def tapes(self) -> tuple[Tape, ...]:
        """The tapes that speak, the imagined one first."""
        ...

    @property
    def comparison(self) -> Comparison | None:
        """How the two tapes compare, where there are two."""
        ...

    @property
    def ended(self) -> bool:
        """Whether all moments are known."""
        ...

    @property
    def parting(self) -> int | None:
        """The first moment at which the two tapes differ."""
        ...

    def moment(self, index: int) -> Moment:
        """Which frames stand there."""
        ...

    async def reach(self, index: int) -> bool:
        """Whether that moment exists, after taking in what that needs."""
        ...


class Alone:
    """The run of one tape."""

    comparison: Comparison | None = None
    parting: int | None = None

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.tapes: tuple[Tape, ...] = (tape,)

    @property
    def frames(self) -> Sequence[Frame]:
        """The tape's."""
        return self.tape.frames

    @property
    def ended(self) -> bool:
        """Whether the tape has."""
        return self.tape.ended

    def moment(self, index: int) -> Moment:
        """The frame of that index, on its side."""
        return Moment(index, None) if self.tape.origin is Origin.IMAGINED else Moment(None, index)

    async def reach(self, index: int) -> bool:
        """Whether the tape comes so far."""
        return await self.tape.reach(index)


class Both:
    """Two recorded tapes, aligned; nothing more comes."""

    ended = True

    def __init__(self, imagined: Tape, real: Tape) -> None:
        self.tapes: tuple[Tape, ...] = (imagined, real)
        self.comparison: Comparison | None = compare(imagined.trace(), real.trace())
        self._pairs: tuple[Pair, ...] = self.comparison.pairs
        self.frames: Sequence[Frame] = [_either(pair, imagined, real) for pair in self._pairs]
        self.parting: int | None = self._parting(self.comparison)

    def _parting(self, comparison: Comparison) -> int | None:
        found = comparison.first_divergence
        if found is None:
            return None
        at = found.frame
        return next(i for i, pair in enumerate(self._pairs) if any(side is not None and side >= at for side in pair))

    def moment(self, index: int) -> Moment:
        """The pair of that index."""
        return Moment(*self._pairs[index])

    async def reach(self, index: int) -> bool:
        """Whether there is such a pair."""
        return index < len(self._pairs)


def _either(pair: Pair, imagined: Tape, real: Tape) -> Frame:
    guess, fact = pair
    if fact is not None:
        return real.frames[fact]
    assert guess is not None
    return imagined.frames[guess]
