"""What the page's script reads: traces as numbers into tables of strings and states, so that nothing is told twice."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from cwm_agent.observations import Origin
from cwm_agent.traces.compare import normalised, same_locals
from cwm_agent.traces.entry import source_lines, without_marker
from cwm_agent.traces.frames import Basis, Frame, FrameKind, Trace
from cwm_agent.traces.grammar import HAS_LOCALS
from cwm_agent.views import words
from cwm_agent.views.highlight import Highlighter
from cwm_agent.views.pairs import couples
from cwm_agent.views.spans import code_line, middle, plain
from cwm_agent.views.view import TraceView

LONGEST = 1_000
"""Characters of a value in the page."""
EVENTS = tuple(FrameKind)
_BASIS = {Basis.FORCED: "f", Basis.CHOSEN: "c", Basis.FREE: "o"}


class _Table:
    """Numbers for values, each told once."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._numbers: dict[Hashable, int] = {}

    def number(self, key: Hashable, item: Any = None) -> int:
        """The number of a value, new or known."""
        if key not in self._numbers:
            self._numbers[key] = len(self.items)
            self.items.append(key if item is None else item)
        return self._numbers[key]


class _Writer:
    """Turns traces into rows of numbers."""

    def __init__(self) -> None:
        self.strings, self.states, self.bases = _Table(), _Table(), _Table()
        self._cut: dict[str, str] = {}

    def text(self, value: str) -> int:
        """The number of a text, cut and made safe."""
        if value not in self._cut:
            self._cut[value] = middle(value, LONGEST)
        return self.strings.number(self._cut[value])

    def frames(self, trace: Trace) -> list[list[int]]:
        """Each frame: event, file, function, line, depth, source, state, state before, value, caller, basis."""
        empty = self.states.number((), [])
        open_: list[tuple[int, int]] = []  # for each depth the last frame and its state
        found = []
        for number, frame in enumerate(trace.frames):
            fresh = frame.event is FrameKind.CALL or len(open_) <= frame.depth
            before = empty if fresh else open_[frame.depth][1]
            state = self._state(frame.locals) if frame.event in HAS_LOCALS else before
            del open_[frame.depth :]
            caller = open_[-1][0] if open_ else -1
            open_.append((number, state))
            line = self.strings.number(code_line(without_marker(frame.source)))
            found.append(
                [
                    EVENTS.index(frame.event),
                    self.text(frame.file),
                    self.text(frame.function),
                    frame.line or 0,
                    frame.depth,
                    line,
                    state,
                    before,
                    -1 if frame.value is None else self.text(frame.value),
                    caller,
                    self._basis(frame.basis),
                ]
            )
        return found

    def _state(self, locals_: dict[str, str]) -> int:
        numbers = [self.text(part) for pair in locals_.items() for part in pair]
        return self.states.number(tuple(numbers), numbers)

    def _basis(self, basis: dict[str, Basis]) -> int:
        if not basis:
            return -1
        named = {self.strings.items[self.text(name)]: _BASIS[kind] for name, kind in basis.items()}
        return self.bases.number(tuple(named.items()), named)


def data(shown: TraceView) -> dict[str, object]:
    """Everything that the page shows, as JSON."""
    writer = _Writer()
    traces = {
        origin.value: {
            "frames": writer.frames(trace),
            "ending": plain(words.ending(trace, shown.outcome(origin), 120)),
        }
        for origin, trace in shown.traces.items()
    }
    rows, differing, divergence = _rows(shown)
    compared = shown.comparison
    return {
        "subject": middle(shown.subject, LONGEST),
        "traces": traces,
        "rows": rows,
        "differing": differing,
        "divergence": divergence,
        "sentence": compared.sentence if compared else "",
        "exact": compared.exact if compared else None,
        "scores": plain(words.scores(compared)) if compared else "",
        "files": _files(shown),
        "strings": writer.strings.items,
        "states": writer.states.items,
        "bases": writer.bases.items,
    }


def _rows(shown: TraceView) -> tuple[list[list[int]], list[int], int]:
    """The positions of the slider as (imagined, real), those at which the two differ, and the first of these or -1."""
    if shown.imagined is None or shown.real is None or shown.comparison is None:
        origin, trace = next(iter(shown.traces.items()), (Origin.REAL, Trace(())))
        both = [[-1, number] if origin is Origin.REAL else [number, -1] for number in range(len(trace.frames))]
        return both, [], -1
    rows: list[list[int]] = []
    differing: list[int] = []
    for pair in couples(shown.imagined, shown.real, shown.comparison):
        if pair.late:
            continue
        if pair.imagined is None or pair.real is None or not _same(pair.imagined.frame, pair.real.frame):
            differing.append(len(rows))
        rows.append([-1 if step is None else step.number for step in (pair.imagined, pair.real)])
    found = shown.comparison.first_divergence
    at = next((n for n, row in enumerate(rows) if found is not None and found.frame in row), -1)
    return rows, differing, at


def _same(guess: Frame, fact: Frame) -> bool:
    """Whether two frames of one line say the same of the state."""
    return same_locals(guess, fact) and normalised(guess.value or "") == normalised(fact.value or "")


def _files(shown: TraceView) -> dict[str, list[list[object]]]:
    """The lines of each file that a frame names, as [number, [[text, role], …]]: the whole source, or what was seen."""
    files: dict[str, dict[int, str]] = {}
    for trace in shown.traces.values():
        for frame in trace.frames:
            if frame.line:
                files.setdefault(frame.file, {})[frame.line] = frame.source
    found: dict[str, list[list[object]]] = {}
    for name, seen in files.items():
        whole = dict(enumerate(source_lines(shown.source), 1)) if shown.source else {}
        if not all(same_text(whole.get(number), text) for number, text in seen.items()):
            whole = {}
        code = Highlighter(shown.source if whole else "")
        texts = whole or seen
        found[middle(name, LONGEST)] = [
            [number, [[piece.text, piece.role.split(" ")[0]] for piece in code.line(texts[number], number)]]
            for number in sorted(texts)
        ]
    return found


def same_text(line: str | None, seen: str) -> bool:
    """Whether a line of the source is the one that a frame shows."""
    return line is not None and without_marker(line) == without_marker(seen)
