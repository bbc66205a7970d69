"""Where in the source a predicted line is: found by following the flow of control, never by first match.

The text of a line may stand in several places. So the placer keeps every spot at which the running function can be,
and a line is told only while there is one. A later frame may leave one spot again, and the placer is sure again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from msgspec import Struct

from cwm_agent.traces.code import Code, SourceIndex
from cwm_agent.traces.frames import FrameKind
from cwm_agent.traces.raw import RawFrame

Successors = Callable[[str, int], Iterable[int]]
"""The lines whose line frame can come next in the same function, from the name of the function and a line of it.

From a start of the function (its `def` line or first decorator) they are the first lines of its body; from a line
that may raise, they include the lines of its handlers. The name is as in a traceback: `count`, `<lambda>`,
`<genexpr>`, `<module>`.
"""
_WORD = re.compile(r"\w+")
_UNKNOWN = 0


class Place(Struct, frozen=True):
    """Where a frame stands. `function` is empty and `line` None where that is not sure; `depth` is 0 in the entry."""

    function: str
    line: int | None
    depth: int


class _Spot(Struct, frozen=True):
    """A line of a code object (its index), or an unknown line of it. `fresh`: it was only called yet."""

    code: int
    line: int
    fresh: bool = False


_Spots = frozenset[_Spot]


class Placer:
    """Follows one trace through a source text, frame by frame."""

    def __init__(self, source: str, successors: Successors) -> None:
        self._index = SourceIndex(source)
        self._successors = successors
        self._stack: list[_Spots] = []
        self._suspended: set[_Spot] = set()
        self._raised = False
        self._after: dict[tuple[str, int], frozenset[int]] = {}
        self.ended = False

    @property
    def depth(self) -> int:
        """The depth of the running function; -1 before the entry is called and after it was left."""
        return len(self._stack) - 1

    def possible(self) -> frozenset[int]:
        """The lines at which the running function can be now."""
        return _lines(self._stack[-1]) if self._stack else frozenset()

    def next_lines(self) -> frozenset[int]:
        """The lines whose line frame can come next in the running function."""
        return frozenset(spot.line for spot in self._reachable(self._stack[-1])) if self._stack else frozenset()

    def place(self, raw: RawFrame) -> Place:
        """Where this frame stands; the next frame is followed from there."""
        match raw.event:
            case FrameKind.CALL:
                spots = self._called(raw)
                self._stack.append(spots)
            case FrameKind.LINE:
                spots = self._ran(raw.source)
            case FrameKind.EXCEPTION:
                if self._raised and len(self._stack) > 1:
                    self._stack.pop()
                spots = self._stayed(raw.source)
            case FrameKind.RETURN:
                spots = self._stayed(raw.source)
        place = self._told(spots)
        if raw.event is FrameKind.RETURN:
            self._left(spots)
        self._raised = raw.event is FrameKind.EXCEPTION
        return place

    def _told(self, spots: _Spots) -> Place:
        lines = {spot.line for spot in spots}
        names = {self._index.codes[spot.code].name for spot in spots}
        line = lines.pop() if len(lines) == 1 else _UNKNOWN
        return Place(names.pop() if len(names) == 1 else "", line or None, max(self.depth, 0))

    def _left(self, spots: _Spots) -> None:
        """The running function gives control back, for good or until it is resumed."""
        self._suspended |= {spot for spot in spots if spot.line in self._index.codes[spot.code].resumes}
        if self._stack:
            self._stack.pop()
        self.ended = not self._stack

    def _called(self, raw: RawFrame) -> _Spots:
        found = set(self._index.named(raw.source))
        started = {
            _Spot(number, line, fresh=True)
            for number, code in enumerate(self._index.codes)
            for line in code.starts
            if line in found and code.name != "<module>"
        }
        if not started and not self._stack:
            started = {_Spot(0, line, fresh=True) for line in found & {1} if self._index.codes}
        started = self._narrow(started, raw)
        resumed = {spot for spot in self._suspended if spot.line in found}
        return frozenset(started | resumed)

    def _narrow(self, spots: set[_Spot], raw: RawFrame) -> set[_Spot]:
        """Of several functions whose first lines read alike, those that the arguments and the calling line fit."""
        fitting = {spot for spot in spots if set(self._code(spot).parameters) <= set(raw.locals)} or spots
        if len({spot.code for spot in fitting}) < 2 or not self._stack:
            return fitting
        callers = _lines(self._stack[-1])
        if len(callers) != 1:
            return fitting
        words = set(_WORD.findall(self._index.lines[next(iter(callers)) - 1]))
        meant = {spot for spot in fitting if self._code(spot).owner in words}
        return meant if len({spot.code for spot in meant}) == 1 else fitting

    def _ran(self, source: str) -> _Spots:
        """The spots after a line frame; after an exception it may be of a function further out."""
        if not self._stack:
            return frozenset()
        found = frozenset(self._index.named(source))
        levels = range(self.depth, -1, -1) if self._raised else (self.depth,)
        for level in levels:
            reached = frozenset(spot for spot in self._reachable(self._stack[level]) if spot.line in found)
            if reached:
                del self._stack[level + 1 :]
                self._stack[-1] = reached
                return reached
        return self._settle(found)

    def _stayed(self, source: str) -> _Spots:
        """The spots of a return or an exception: of the line that ran, or of one that the flow skips."""
        if not self._stack:
            return frozenset()
        found = frozenset(self._index.named(source))
        here = frozenset(spot for spot in self._stack[-1] if spot.line in found)
        reached = here or frozenset(spot for spot in self._reachable(self._stack[-1]) if spot.line in found)
        if not reached:
            return self._settle(found)
        self._stack[-1] = reached
        return reached

    def _settle(self, found: frozenset[int]) -> _Spots:
        """Where the flow leads to no such line: every line of the function that reads so, else an unknown one."""
        codes = {spot.code for spot in self._stack[-1]} or set(range(len(self._index.codes)))
        spots = {_Spot(code, line) for code in codes for line in found & self._index.codes[code].lines}
        self._stack[-1] = frozenset(spots or {_Spot(code, _UNKNOWN) for code in codes})
        return self._stack[-1]

    def _reachable(self, spots: _Spots) -> set[_Spot]:
        found = set()
        for spot in spots:
            code = self._code(spot)
            origins = code.starts if spot.fresh else (spot.line,) if spot.line else ()
            found |= {_Spot(spot.code, line) for origin in origins for line in self._next(code.name, origin)}
        return found

    def _next(self, name: str, line: int) -> frozenset[int]:
        if (name, line) not in self._after:
            self._after[name, line] = frozenset(self._successors(name, line))
        return self._after[name, line]

    def _code(self, spot: _Spot) -> Code:
        return self._index.codes[spot.code]


def _lines(spots: _Spots) -> frozenset[int]:
    return frozenset(spot.line for spot in spots if spot.line)
