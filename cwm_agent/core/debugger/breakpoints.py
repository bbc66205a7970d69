"""Where to stop: breakpoints on lines and functions, and expressions whose value is watched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from cwm_agent.core.debugger.expressions import evaluate, holds
from cwm_agent.core.debugger.lines import same_file
from cwm_agent.core.debugger.stack import before
from cwm_agent.errors import UsageError
from cwm_agent.traces.frames import Frame, FrameKind
from cwm_agent.traces.grammar import HAS_LOCALS


class Breakpoint(Struct, frozen=True):
    """Stops before `line` of `file` runs, or where `function` is called; `condition` is an expression, or empty."""

    number: int
    file: str = ""
    line: int = 0
    function: str = ""
    condition: str = ""

    @property
    def place(self) -> str:
        """Where it is, in words."""
        return self.function or f"{self.file}:{self.line}"


class Hit(Struct, frozen=True):
    """Why a breakpoint or a watched expression stops here, in words."""

    text: str


class Change(Struct, frozen=True):
    """A watched expression that has another value now; None where it has none."""

    expression: str
    old: str | None
    new: str | None


class Breakpoints:
    """The breakpoints of a session, by number, and the watched expressions."""

    def __init__(self) -> None:
        self.all: dict[int, Breakpoint] = {}
        self.watched: list[str] = []
        self._number = 0

    def add(self, *, file: str = "", line: int = 0, function: str = "", condition: str = "") -> Breakpoint:
        """One more; the same place twice takes the new condition."""
        same = [each for each in self.all.values() if (each.file, each.line, each.function) == (file, line, function)]
        if same:
            made = Breakpoint(same[0].number, file, line, function, condition)
        else:
            self._number += 1
            made = Breakpoint(self._number, file, line, function, condition)
        self.all[made.number] = made
        return made

    def remove(self, number: int) -> Breakpoint:
        """Take one away; UsageError where there is none."""
        if number not in self.all:
            known = ", ".join(map(str, self.all))
            raise UsageError(f"There is no breakpoint {number}.", remedy=f"There are {known}." if known else "")
        return self.all.pop(number)

    def lines_in(self, path: str) -> frozenset[int]:
        """The lines of a file that have one."""
        return frozenset(each.line for each in self.all.values() if each.line and same_file(each.file, path))

    def hit(self, frame: Frame) -> Hit | None:
        """The first breakpoint that stops at this frame, in its words."""
        for each in self.all.values():
            if not _stands(each, frame):
                continue
            if not each.condition:
                return Hit(f"Breakpoint {each.number} at {each.place}.")
            try:
                if holds(each.condition, frame.locals):
                    return Hit(f"Breakpoint {each.number} at {each.place}: {each.condition}.")
            except UsageError as error:
                return Hit(f"Breakpoint {each.number} at {each.place}; its condition cannot be told: {error.message}")
        return None

    def changes(self, frames: Sequence[Frame], index: int) -> tuple[Change, ...]:
        """The watched expressions that changed from the frame before in the same call."""
        if not self.watched or frames[index].event not in HAS_LOCALS:
            return ()
        at = before(frames, index)
        if at is None:
            return ()
        found = []
        for expression in self.watched:
            old, new = _value(expression, frames[at].locals), _value(expression, frames[index].locals)
            if old != new:
                found.append(Change(expression, old, new))
        return tuple(found)


def _stands(breakpoint_: Breakpoint, frame: Frame) -> bool:
    if breakpoint_.function:
        return frame.event is FrameKind.CALL and frame.function == breakpoint_.function
    return frame.event in HAS_LOCALS and frame.line == breakpoint_.line and same_file(breakpoint_.file, frame.file)


def _value(expression: str, names: Mapping[str, str]) -> str | None:
    try:
        return evaluate(expression, names)
    except UsageError:
        return None
