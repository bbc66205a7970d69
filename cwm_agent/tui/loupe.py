"""What of the traces is in view: which subject, its frames as rows, and the frame that the cursor stands on.

Pure state, no screen. Two traces stand beside each other by number while they grow, and as they were compared once both
are over.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from cwm_agent.core.debugger.cursor import Cursor
from cwm_agent.core.debugger.recorded import cursor_in
from cwm_agent.observations import Origin
from cwm_agent.traces.frames import Frame
from cwm_agent.traces.grammar import HAS_LOCALS
from cwm_agent.tui.picture import Picture, Traced
from cwm_agent.views.pairs import Couple, by_position, couples
from cwm_agent.views.steps import Step

Move = Callable[[Cursor], Awaitable[object]]
WIDE = 64
"""Cells from which two states have room beside each other."""


class Place(NamedTuple):
    """A row: a couple of frames, or with `effect` what their line did, in one world or in all that tell of it."""

    couple: Couple
    effect: bool = False
    sides: tuple[Origin, ...] = ()


class Loupe:
    """The traces of a picture, and a cursor in one of them; it follows the newest until the user chooses."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._chosen: Traced | None = None
        self._shown: Traced | None = None
        self._version = -1
        self._starts: list[tuple[int, int]] = []  # while it grows, for each number the places and rows before it
        self._counts: dict[Origin, int] = {}
        self.places: list[Place] = []
        self._rows: list[int] = []  # for each couple of frames the row of its line
        self.number = 0
        self.edition = 0
        self.narrow = True

    @property
    def traced(self) -> Traced | None:
        """The subject in view."""
        return self._shown

    @property
    def count(self) -> int:
        """How many subjects have frames."""
        return len(self._filled())

    @property
    def chosen(self) -> int:
        """Which of them is in view."""
        return next((n for n, each in enumerate(self._filled()) if each is self._shown), 0)

    @property
    def sides(self) -> tuple[Origin, ...]:
        """The worlds that have a trace of it, the imagined one first."""
        runs = self._shown.runs if self._shown else {}
        return tuple(side for side in (Origin.IMAGINED, Origin.REAL) if side in runs)

    @property
    def length(self) -> int:
        """How many frames there are to stand on."""
        return len(self._rows)

    @property
    def row(self) -> int:
        """The row of the cursor."""
        return self._rows[self.number] if self._rows else 0

    @property
    def place(self) -> Place | None:
        """What the cursor stands on."""
        return self.places[self._rows[self.number]] if self._rows else None

    def _filled(self) -> list[Traced]:
        return [each for each in self._picture.traces if any(run.frames for run in each.runs.values())]

    def refresh(self) -> bool:
        """Look again at the picture; whether anything is different."""
        filled = self._filled()
        wanted = self._chosen if self._chosen in filled else filled[-1] if filled else None
        if wanted is self._shown and (wanted is None or wanted.version == self._version):
            return False
        if wanted is not self._shown:
            self._shown, self.number = wanted, 0
            self._counts = {}
        if wanted is not None:
            self._version = wanted.version
            self._lay_out(wanted)
        self.edition += 1
        return True

    def _lay_out(self, traced: Traced) -> None:
        imagined, real = traced.imagined, traced.real
        if imagined and real and traced.comparison is not None:
            self._cut(0)
            self._append(couples(imagined.trace, real.trace, traced.comparison))
            self._counts = {}
        else:
            self._grow(traced)
        self.number = max(0, min(self.number, len(self._rows) - 1))

    def _grow(self, traced: Traced) -> None:
        """Pairs by number, made anew only from where something came: a frame decides what the one before it tells."""
        reads: dict[Origin, Sequence[Step]] = {side: run.steps for side, run in traced.runs.items()}
        counts = {side: len(read) for side, read in reads.items()}
        grown = [self._counts.get(side, 0) for side, count in counts.items() if count != self._counts.get(side)]
        start = max(0, min(grown, default=0) - 1) if self._counts.keys() == counts.keys() else 0
        self._cut(start)
        for rows in by_position(reads, start):
            self._starts.append((len(self.places), len(self._rows)))
            self._append(rows)
        self._counts = counts

    def _cut(self, start: int) -> None:
        """Forget the rows from a frame on."""
        places, rows = self._starts[start] if start < len(self._starts) else (0, 0)
        del self.places[places:], self._rows[rows:], self._starts[start:]

    def _append(self, rows: Sequence[Couple]) -> None:
        for couple in rows:
            if not couple.late:
                self._rows.append(len(self.places))
                self.places.append(Place(couple))
            if couple.tells:
                self.places += self._effects(couple)

    def _effects(self, couple: Couple) -> list[Place]:
        """One row where the worlds agree or there is room for both, else one for each."""
        sides = tuple(side for side in self.sides if couple.of(side) is not None)
        if len(sides) > 1 and not couple.differs:
            sides = sides[-1:]
        if self.narrow:
            return [Place(couple, effect=True, sides=(side,)) for side in sides]
        return [Place(couple, effect=True, sides=sides)]

    def fit(self, width: int) -> None:
        """Lay out for so many cells."""
        if (width < WIDE) != self.narrow:
            self.narrow = width < WIDE
            self._version, self._counts = -1, {}
            self.refresh()

    def move(self, step: int) -> None:
        """Go on or back by so many frames."""
        self.number = max(0, min(self.length - 1, self.number + step))

    async def walk(self, move: Move) -> None:
        """Go as the debugger goes: over calls, or out of one."""
        cursor = cursor_in([self._frame_of(row) for row in self._rows], self.number)
        if self._rows:
            await move(cursor)
            self.number = cursor.index

    def _frame_of(self, row: int) -> Frame:
        """The frame of a row; the real one where there are two."""
        couple = self.places[row].couple
        step = couple.real or couple.imagined
        if step is None:
            raise AssertionError(row)
        return step.frame

    def turn(self, step: int) -> None:
        """Show another subject, and stay there."""
        filled = self._filled()
        if filled:
            self._chosen = filled[max(0, min(len(filled) - 1, self.chosen + step))]
            if self._chosen is filled[-1]:
                self._chosen = None
            self.refresh()

    def stand_on(self, row: int) -> None:
        """Go to the frame of a row."""
        if self._rows:
            self.number = max(0, bisect_right(self._rows, row) - 1)

    def to_divergence(self) -> bool:
        """Go to where the traces first differ; False where they do not."""
        for row, place in enumerate(self.places):
            if place.couple.diverges:
                self.stand_on(row)
                return True
        return False

    def search(self, words: str) -> bool:
        """Go to the next frame, round the end, that has these words in its source, its state or its value."""
        wanted = words.casefold()
        return self._find(lambda frame: wanted in "\n".join([frame.source, *_told(frame)]).casefold())

    def _find(self, fits: Callable[[Frame], bool]) -> bool:
        for ahead in range(1, self.length + 1):
            number = (self.number + ahead) % self.length
            couple = self.places[self._rows[number]].couple
            if any(fits(step.frame) for step in (couple.imagined, couple.real) if step is not None):
                self.number = number
                return True
        return False

    def with_locals(self, origin: Origin, step: Step) -> Frame:
        """The frame itself, or for a return or an exception the last one of its call that has locals."""
        run = self._shown.runs.get(origin) if self._shown else None
        while run is not None and step.frame.event not in HAS_LOCALS and step.since is not None:
            step = run.steps[step.since]
        return step.frame

    def other(self, origin: Origin) -> dict[str, str] | None:
        """The locals of the other world at the cursor, where it has this frame too."""
        place = self.place
        side = Origin.REAL if origin is Origin.IMAGINED else Origin.IMAGINED
        step = place.couple.of(side) if place and len(self.sides) > 1 else None
        return self.with_locals(side, step).locals if step is not None else None


def _told(frame: Frame) -> list[str]:
    return [frame.value or "", *(f"{name} = {value}" for name, value in frame.locals.items())]
