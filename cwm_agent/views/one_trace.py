"""One trace as rows for a terminal: each frame with its line, and beside the line what it did to the state.

A line frame shows the state before its line runs. For a reader the effect stands beside the line that had it: the
changes that frame n + 1 shows are in the row of frame n, or, where calls lie between, in a row of their own after them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cwm_agent.observations import Origin, Outcome
from cwm_agent.traces.frames import FrameKind, Trace
from cwm_agent.views import parts, words
from cwm_agent.views.highlight import Highlighter
from cwm_agent.views.rounds import Fold, folds
from cwm_agent.views.spans import Line, Piece, cells, fit, pad
from cwm_agent.views.steps import Step, steps

MOST_LINES = 6
"""Lines of one row."""
LEAST_WIDTH = 50


def rows(trace: Trace, *, origin: Origin, subject: str, outcome: Outcome, width: int, source: str = "") -> list[Line]:
    """Headline, rows and legend; no line is wider than `width`, which is at least LEAST_WIDTH."""
    width = max(width, LEAST_WIDTH)
    basis = words.has_basis(trace.frames)
    return [
        fit(words.headline(trace, origin, subject, outcome, width), width),
        (),
        *body(trace, width, Highlighter(source)),
        (),
        *parts.packed(words.legend(basis=basis, doubt=words.has_doubt(trace.frames)), width, MOST_LINES),
    ]


def body(trace: Trace, width: int, code: Highlighter) -> Iterator[Line]:
    """The rows of the frames."""
    read = steps(trace.frames)
    sources = [parts.source(step, code) for step in read]
    grid = Grid(read, sources, width)
    hidden = {fold.start: fold for fold in folds(trace.frames, ())}
    at = 0
    while at < len(read):
        if at in hidden:
            yield grid.folded(hidden[at])
            at = hidden[at].stop
            continue
        yield from grid.late(at)
        yield from grid.row(at)
        at += 1


class Grid:
    """The columns of a table, wide enough for its frames: number, line, source, state."""

    def __init__(self, read: Sequence[Step], sources: Sequence[Line], width: int) -> None:
        self._read = read
        self._sources = sources
        self._number = max(3, len(f"{len(read)}"))
        self._line = max(3, *(len(f"{step.frame.line}") for step in read)) if read else 3
        self._fixed = self._number + self._line + 5
        longest = max((cells(line) for line in sources), default=0)
        self._source = max(16, min(longest, (width - self._fixed) * 55 // 100))
        self._state = width - self._fixed - self._source - 2

    def row(self, at: int) -> list[Line]:
        """The row of a frame: one line, or more where the state needs them."""
        step = self._read[at]
        state = parts.packed(parts.happened(self._read, at, self._state), self._state, MOST_LINES)
        head = (
            Piece(f"{step.number + 1:>{self._number}} ", "faint"),
            Piece(f"{step.frame.line or '?':>{self._line}}", "quiet"),
            Piece(f"{parts.line_mark(step)}  ", "faint"),
        )
        over = step.frame.event is FrameKind.RETURN
        return self._beside(head, self._sources[at], parts.nesting(step.frame.depth - over, "│ "), state or [()])

    def late(self, at: int) -> list[Line]:
        """The row of its own for changes after calls, if there are any."""
        step = self._read[at]
        if not parts.is_late(step) or step.since is None:
            return []
        label = parts.late_label(step, self._read[step.since].frame.line)
        state = parts.packed(parts.state(step.changes, self._state), self._state, MOST_LINES)
        return self._beside((), label, parts.nesting(step.frame.depth, "│ "), state)

    def _beside(self, head: Line, source: Line, bars: Line, state: Sequence[Line]) -> list[Line]:
        """The state beside the source; where it has more lines, only the bars go on."""
        found = []
        for number, line in enumerate(state):
            left = pad(() if number else head, self._fixed)
            found.append((*left, *pad(bars if number else source, self._source), Piece("  "), *line))
        return found

    def folded(self, fold: Fold) -> Line:
        """A line that says what is left out."""
        frames = words.count(fold.stop - fold.start, "frame")
        what = f"{words.count(fold.rounds, 'more round')}, {frames}" if fold.rounds else f"{frames} left out"
        depth = self._read[fold.start].frame.depth
        return (Piece(" " * self._fixed), *parts.nesting(depth, "│ "), Piece(f"⋯ {what}", "quiet"))
