"""Two traces as one sequence of rows: frames that belong together, frames that one has alone, and where they part."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct

from cwm_agent.observations import Origin
from cwm_agent.traces.compare import Comparison, normalised, same_line
from cwm_agent.traces.divergence import Difference, Divergence
from cwm_agent.traces.entry import without_marker
from cwm_agent.traces.frames import Trace
from cwm_agent.views import parts
from cwm_agent.views.parts import VALUE
from cwm_agent.views.spans import Line, Piece
from cwm_agent.views.steps import Change, Step, steps


class Couple(Struct, frozen=True):
    """One row: a frame of each trace, or of one alone.

    A `late` row has the changes that its frames show of a line, number `after`, that called others; it comes before
    the row of these frames. `differing` are the names, and `<value>`, that the two have otherwise; `diverges` marks the
    first difference of the traces.
    """

    imagined: Step | None
    real: Step | None
    reads: dict[Origin, Sequence[Step]]
    late: bool = False
    after: int | None = None
    differing: frozenset[str] = frozenset()
    diverges: bool = False

    @property
    def step(self) -> Step:
        """The real frame, or the imagined one where there is no real one."""
        step = self.real or self.imagined
        assert step is not None
        return step

    @property
    def differs(self) -> bool:
        """Whether the two worlds say different things here."""
        return self.imagined is None or self.real is None or bool(self.differing) or self.diverges

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of its frames."""
        return tuple(step.number for step in (self.imagined, self.real) if step is not None)

    def of(self, origin: Origin) -> Step | None:
        """The frame of one world."""
        return self.imagined if origin is Origin.IMAGINED else self.real

    @property
    def tells(self) -> bool:
        """Whether there is anything to say of the state in this row."""
        sides = ((Origin.IMAGINED, self.imagined), (Origin.REAL, self.real))
        return any(self._tells(self.reads[origin], step) for origin, step in sides if step is not None)

    def _tells(self, read: Sequence[Step], step: Step) -> bool:
        if self.late:
            return parts.is_late(step)
        return bool(_told(step, read)) or (step.frame.value is not None and step.left_by is None)

    def mark(self) -> Line:
        """One sign: which world has the row alone, or that they differ."""
        if self.imagined is None:
            return (Piece("◆", "real"),)
        if self.real is None:
            return (Piece("◇", "imagined"),)
        return (Piece("≠", "bad"),) if self.differs else (Piece(" "),)

    def happened(self, origin: Origin, room: int) -> list[Line]:
        """What one world says of the state in this row."""
        step = self.of(origin)
        if step is None:
            return []
        if self.late:
            return parts.state(step.changes, room, differing=self.differing) if parts.is_late(step) else []
        return parts.happened(self.reads[origin], step.number, room, self.differing)


def couples(imagined: Trace, real: Trace, comparison: Comparison) -> list[Couple]:
    """All rows, in order."""
    reads: dict[Origin, Sequence[Step]] = {
        Origin.IMAGINED: steps(imagined.frames),
        Origin.REAL: steps(real.frames),
    }
    found: list[Couple] = []
    for left, right in comparison.pairs:
        guess = None if left is None else reads[Origin.IMAGINED][left]
        fact = None if right is None else reads[Origin.REAL][right]
        if guess and fact and not _belong(guess, fact):
            found += [*_rows(guess, None, reads), *_rows(None, fact, reads)]
        else:
            found += _rows(guess, fact, reads)
    return _marked(found, comparison.first_divergence)


def by_position(reads: dict[Origin, Sequence[Step]], start: int = 0) -> list[list[Couple]]:
    """The rows of each frame from `start` on, paired by number: of one trace alone, or of two while they grow."""
    guesses, facts = reads.get(Origin.IMAGINED, ()), reads.get(Origin.REAL, ())
    found = []
    for number in range(start, max(len(guesses), len(facts))):
        guess = guesses[number] if number < len(guesses) else None
        fact = facts[number] if number < len(facts) else None
        if guess and fact and not _belong(guess, fact):
            found.append([*_rows(guess, None, reads), *_rows(None, fact, reads)])
        else:
            found.append(_rows(guess, fact, reads))
    return found


def _belong(guess: Step, fact: Step) -> bool:
    one, other = guess.frame, fact.frame
    if (one.event, one.depth) != (other.event, other.depth) or not same_line(one, other):
        return False
    return without_marker(one.source) == without_marker(other.source)


def _rows(guess: Step | None, fact: Step | None, reads: dict[Origin, Sequence[Step]]) -> list[Couple]:
    rows = []
    late = next((step for step in (fact, guess) if step and parts.is_late(step)), None)
    if late is not None and late.since is not None:
        origin = Origin.REAL if late is fact else Origin.IMAGINED
        after = reads[origin][late.since].frame.line
        differing = _unlike(_changes(guess, late=True), _changes(fact, late=True)) if guess and fact else frozenset()
        rows.append(Couple(guess, fact, reads, late=True, after=after, differing=differing))
    differing = frozenset()
    if guess and fact:
        told = _told(guess, reads[Origin.IMAGINED]), _told(fact, reads[Origin.REAL])
        differing = _unlike(*told)
        if normalised(guess.frame.value or "") != normalised(fact.frame.value or ""):
            differing |= {VALUE}
    return [*rows, Couple(guess, fact, reads, differing=differing)]


def _changes(step: Step | None, *, late: bool) -> Collection[Change]:
    return step.changes if step is not None and parts.is_late(step) == late else ()


def _told(step: Step, read: Sequence[Step]) -> list[Change]:
    """The changes in the row of a frame."""
    after = read[step.number + 1] if step.number + 1 < len(read) else None
    mine = list(step.changes) if step.since is None else []
    return mine + (list(after.changes) if after is not None and after.since == step.number else [])


def _unlike(left: Collection[Change], right: Collection[Change]) -> frozenset[str]:
    """The names of which the two tell different things."""
    one = {each.name: normalised(each.after or "") for each in left}
    other = {each.name: normalised(each.after or "") for each in right}
    return frozenset(name for name in {*one, *other} if one.get(name) != other.get(name))


def _marked(found: list[Couple], divergence: Divergence | None) -> list[Couple]:
    """The rows with the first difference marked."""
    if divergence is None:
        return found
    at = next((number for number, row in enumerate(found) if not row.late and divergence.frame in row.numbers), None)
    if at is None:
        return found
    if divergence.kind is Difference.LOCALS and found[at].step.since is not None and at:
        at -= 1  # the line that made the difference: the late row, or that of the frame before
    row = found[at]
    found[at] = Couple(row.imagined, row.real, row.reads, row.late, row.after, row.differing, diverges=True)
    return found
