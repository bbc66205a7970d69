"""An imagined trace beside the real one: rows of paired frames, what each world says of the state, what differs.

From WIDE columns on, the imagined state stands left and the real one right of the source that both share; below, they
stand under each other in one column, each with its sign, and once where they agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cwm_agent.observations import Completed, Origin, Outcome
from cwm_agent.traces.compare import Comparison
from cwm_agent.traces.frames import FrameKind, Trace
from cwm_agent.views import parts, words
from cwm_agent.views.highlight import Highlighter
from cwm_agent.views.one_trace import LEAST_WIDTH, MOST_LINES
from cwm_agent.views.pairs import Couple, couples
from cwm_agent.views.rounds import Fold, folds
from cwm_agent.views.spans import Line, Piece, cells, fit, pad

WIDE = 100
HERE: Line = (Piece("◀ first divergence", "bold bad"),)
_CONTEXT = 2
"""Rows around the first divergence that are never folded."""


def rows(
    imagined: Trace,
    real: Trace,
    comparison: Comparison,
    *,
    subject: str,
    outcomes: dict[Origin, Outcome],
    width: int,
    source: str = "",
) -> list[Line]:
    """Both headlines, the rows, the comparison in a sentence and in numbers, and the legend."""
    width = max(width, LEAST_WIDTH)
    heads = [
        fit(words.headline(trace, origin, subject, outcomes.get(origin, Completed(0)), width), width)
        for origin, trace in ((Origin.IMAGINED, imagined), (Origin.REAL, real))
    ]
    sign = ("✓ ", "good") if comparison.exact else ("≠ ", "bad") if comparison.first_divergence else ("… ", "warn")
    verdict = (Piece(*sign), Piece(comparison.sentence, "bold"))
    basis = words.has_basis(imagined.frames)
    return [
        *heads,
        (),
        *_body(couples(imagined, real, comparison), width, Highlighter(source)),
        (),
        *words.wrapped(verdict, width),
        fit((Piece("  "), *words.scores(comparison)), width),
        (),
        *parts.packed(words.legend(basis=basis, both=True, doubt=words.has_doubt(imagined.frames)), width, MOST_LINES),
    ]


def _body(pairs: Sequence[Couple], width: int, code: Highlighter) -> Iterator[Line]:
    grid = _Grid(pairs, [parts.source(pair.step, code) for pair in pairs], width)
    at = next((number for number, pair in enumerate(pairs) if pair.diverges), None)
    keep = range(0) if at is None else range(at - _CONTEXT, at + _CONTEXT + 1)
    hidden = {fold.start: fold for fold in folds([pair.step.frame for pair in pairs], keep)}
    yield from grid.head()
    number = 0
    while number < len(pairs):
        if number in hidden:
            yield grid.folded(hidden[number])
            number = hidden[number].stop
        else:
            yield from grid.row(number)
            number += 1


class _Grid:
    """The columns: mark, number, line, source, and one or two for the state."""

    def __init__(self, pairs: Sequence[Couple], sources: Sequence[Line], width: int) -> None:
        self._pairs = pairs
        self._sources = sources
        self._wide = width >= WIDE
        self._number = max((len(self._numbers(pair)) for pair in pairs), default=3)
        self._line = max((len(f"{pair.step.frame.line}") for pair in pairs), default=3)
        self._fixed = 2 + self._number + 1 + self._line + 3
        longest = max((cells(line) for line in sources), default=0)
        share = 36 if self._wide else 50
        self._source = max(16, min(longest, (width - self._fixed) * share // 100))
        left = width - self._fixed - self._source - 2
        self._state = (left - 3) // 2 if self._wide else left

    @staticmethod
    def _numbers(pair: Couple) -> str:
        numbers = dict.fromkeys(f"{step.number + 1}" for step in (pair.imagined, pair.real) if step)
        return "/".join(numbers)

    def head(self) -> list[Line]:
        """The names of the columns, where there are two."""
        if not self._wide:
            return []
        left = pad((*words.badge(Origin.IMAGINED),), self._state)
        room = Piece(" " * (self._fixed + self._source + 2))
        return [(room, *left, Piece("   "), *words.badge(Origin.REAL))]

    def row(self, at: int) -> list[Line]:
        """One pair: its line, and what became of the state."""
        pair = self._pairs[at]
        step = pair.step
        line = step.frame.line or "?"
        head = (
            *pair.mark(),
            Piece(f" {'' if pair.late else self._numbers(pair):>{self._number}} ", "faint"),
            Piece(f"{'' if pair.late else line:>{self._line}}", "quiet"),
            Piece(f"{' ' if pair.late or pair.imagined is None else parts.line_mark(pair.imagined)}  ", "faint"),
        )
        over = step.frame.event is FrameKind.RETURN and not pair.late
        bars = parts.nesting(step.frame.depth - over, "│ ")
        source = parts.late_label(step, pair.after) if pair.late else self._sources[at]
        found = []
        for number, state in enumerate(self._states(pair)):
            left = pad(() if number else head, self._fixed)
            found.append((*left, *pad(bars if number else source, self._source), Piece("  "), *state))
        return found

    def _states(self, pair: Couple) -> list[Line]:
        here = [HERE] if pair.diverges else []
        if not self._wide:
            return self._stacked(pair, here)
        left = parts.packed(pair.happened(Origin.IMAGINED, self._state), self._state, MOST_LINES)
        right = parts.packed([*pair.happened(Origin.REAL, self._state), *here], self._state, MOST_LINES + 1)
        bar = (Piece(" │ ", "faint"),)
        found = []
        for number in range(max(len(left), len(right), 1)):
            mine = left[number] if number < len(left) else ()
            other = right[number] if number < len(right) else ()
            found.append((*pad(mine, self._state), *bar, *other))
        return found

    def _stacked(self, pair: Couple, here: list[Line]) -> list[Line]:
        """The state once where the worlds agree, else of each world, under each other."""
        if not pair.differs:
            return parts.packed(pair.happened(Origin.REAL, self._state), self._state, MOST_LINES) or [()]
        found: list[Line] = []
        for origin in (Origin.IMAGINED, Origin.REAL):
            sign = Piece(f"{words.SIGN[origin]} ", words.ROLE[origin])
            room = self._state - 2
            told = pair.happened(origin, room) + (here if origin is Origin.REAL else [])
            lines = parts.packed(told, room, MOST_LINES)
            found += [(Piece("  ") if number else sign, *line) for number, line in enumerate(lines)]
        return found or [()]

    def folded(self, fold: Fold) -> Line:
        """A line that says what is left out, and how much of it differs."""
        inside = self._pairs[fold.start : fold.stop]
        frames = words.count(sum(not pair.late for pair in inside), "frame")
        what = f"{words.count(fold.rounds, 'more round')}, {frames}" if fold.rounds else f"{frames} left out"
        other = sum(pair.differs for pair in inside)
        differ = (Piece(f", {other:,} differ", "bad"),) if other else ()
        depth = inside[0].step.frame.depth
        return (Piece(" " * self._fixed), *parts.nesting(depth, "│ "), Piece(f"⋯ {what}", "quiet"), *differ)
