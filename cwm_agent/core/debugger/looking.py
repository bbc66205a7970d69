"""What there is to see where the cursor stands, as values: the position, the locals, the stack, the frames so far."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from cwm_agent.core.debugger.engine import Debugger
from cwm_agent.core.debugger.expressions import evaluate
from cwm_agent.core.debugger.lines import AROUND, Listed, text_of
from cwm_agent.core.debugger.stack import Level, changed, stack
from cwm_agent.core.debugger.tape import Tape
from cwm_agent.errors import UsageError
from cwm_agent.observations import Origin
from cwm_agent.traces.compare import same_line, same_locals
from cwm_agent.traces.frames import Basis, Frame
from cwm_agent.traces.grammar import HAS_LOCALS


class Status(Struct, frozen=True):
    """One line's worth: who speaks, and where. `number` counts from 1; `complete`: `known` is all there will be.

    `speakers` are the worlds that have a frame here; `edited`: the run goes on from a state that the user made.
    """

    speakers: tuple[Origin, ...]
    number: int
    known: int
    complete: bool
    file: str
    line: int | None
    depth: int
    function: str
    edited: bool


class Names(Struct, frozen=True):
    """The locals of one call in one world. `late`: they are those of its line before, for this frame has none."""

    origin: Origin
    values: Mapping[str, str]
    basis: Mapping[str, Basis]
    late: bool


class Row(Struct, frozen=True):
    """A frame of the table, the real one where there are two: what is new in it.

    `agrees` is None where only one world speaks, and `guess` the imagined frame beside a real one. `over`: a return
    that was imagined straight from its call.
    """

    number: int
    here: bool
    speakers: tuple[Origin, ...]
    frame: Frame
    changed: tuple[str, ...]
    agrees: bool | None = None
    guess: Frame | None = None
    over: bool = False


def speakers(debugger: Debugger) -> tuple[Origin, ...]:
    """The worlds that have a frame under the cursor."""
    return tuple(tape.origin for tape, _ in _sides(debugger, debugger.cursor.index))


def status(debugger: Debugger) -> Status:
    """Where the cursor stands."""
    frame, run = debugger.frame, debugger.run
    return Status(
        speakers=speakers(debugger),
        number=debugger.cursor.index + 1,
        known=len(run.frames),
        complete=run.ended,
        file=frame.file or debugger.path,
        line=frame.line,
        depth=frame.depth,
        function=frame.function,
        edited=bool(debugger.edits),
    )


def pair(debugger: Debugger) -> dict[Origin, Frame]:
    """The frame under the cursor in each world that has one."""
    return {tape.origin: tape.frames[at] for tape, at in _sides(debugger, debugger.cursor.index)}


def levels(debugger: Debugger) -> tuple[Level, ...]:
    """The calls that are under way, the outermost first."""
    return stack(debugger.run.frames, debugger.cursor.index)


def names(debugger: Debugger) -> tuple[Names, ...]:
    """The locals of the call that the user looks at, in each world that has a frame here."""
    found = []
    for tape, at in _sides(debugger, debugger.cursor.index):
        calls = stack(tape.frames, at)
        level = calls[max(len(calls) - 1 - debugger.cursor.up, 0)]
        frame = None if level.shown is None else tape.frames[level.shown]
        values, basis = (frame.locals, frame.basis) if frame else ({}, {})
        late = level.shown != level.last or debugger.cursor.up > 0
        found.append(Names(tape.origin, values, basis, late))
    return tuple(found)


def value(debugger: Debugger, expression: str) -> dict[Origin, str | UsageError]:
    """What an expression is in each world that has a frame here: its repr, or why it has none."""
    found: dict[Origin, str | UsageError] = {}
    for each in names(debugger):
        try:
            found[each.origin] = evaluate(expression, each.values)
        except UsageError as error:
            found[each.origin] = error
    return found


def source(debugger: Debugger, first: int | None = None, last: int | None = None) -> tuple[Listed, ...]:
    """Lines of the file that the user looks at: those around the current one, or from first to last."""
    level = levels(debugger)[-1 - debugger.cursor.up]
    file, line = level.file or debugger.path, level.line
    text = text_of(file, debugger.texts, debugger.run.frames)
    if first is None:
        first, last = (line or 1) - AROUND, (line or 1) + AROUND
    return text.listing(first, first if last is None else last, line, debugger.breakpoints.lines_in(file))


def rows(debugger: Debugger) -> tuple[Row, ...]:
    """Every frame that is known."""
    return tuple(_row(debugger, at) for at in range(len(debugger.run.frames)))


def _row(debugger: Debugger, at: int) -> Row:
    sides = _sides(debugger, at)
    tape, index = sides[-1]
    frame = tape.frames[index]
    names_ = changed(tape.frames, index) if frame.event in HAS_LOCALS else ()
    return Row(
        number=at + 1,
        here=at == debugger.cursor.index,
        speakers=tuple(tape.origin for tape, _ in sides),
        frame=frame,
        changed=names_,
        agrees=None if len(debugger.run.tapes) < 2 else _agrees(sides),
        guess=sides[0][0].frames[sides[0][1]] if len(sides) > 1 else None,
        over=index in tape.over,
    )


def _agrees(sides: tuple[tuple[Tape, int], ...]) -> bool:
    if len(sides) < 2:
        return False
    guess, fact = (tape.frames[at] for tape, at in sides)
    same = guess.event is fact.event and same_line(guess, fact) and same_locals(guess, fact)
    return same and (guess.value or "") == (fact.value or "")


def _sides(debugger: Debugger, index: int) -> tuple[tuple[Tape, int], ...]:
    """The tapes that have a frame at a moment, and its index in each; the imagined one first."""
    moment = debugger.run.moment(index)
    found = ((tape, moment.of(tape.origin)) for tape in debugger.run.tapes)
    return tuple((tape, at) for tape, at in found if at is not None)
