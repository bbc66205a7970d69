"""What the debugger's prompt prints, as lines of styled pieces; every text of a program or a model is made safe."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from cwm_agent.core.debugger import looking
from cwm_agent.core.debugger.cursor import Arrival
from cwm_agent.core.debugger.engine import Debugger
from cwm_agent.core.debugger.lines import Listed
from cwm_agent.core.debugger.looking import Names, Row, Status
from cwm_agent.core.debugger.stack import changed
from cwm_agent.errors import UsageError
from cwm_agent.observations import Origin
from cwm_agent.text import printable_line
from cwm_agent.traces.frames import Basis, Frame, FrameKind
from cwm_agent.views.spans import Line, Piece, cells, code_line, middle

SIGN = {Origin.REAL: "◆", Origin.IMAGINED: "◇"}
BASIS = {
    Basis.FORCED: "the source tells it",
    Basis.CHOSEN: "the model chose it",
    Basis.FREE: "the model wrote it",
}
VALUE = 300
"""Characters of a value, unless it was asked for by name."""
ROW = 120
"""Cells of a row of the table where no terminal says how wide it is."""


def speaker(speakers: Sequence[Origin], *, edited: bool = False) -> str:
    """`◆ real`, `◇ imagined` or `◇◆ both`."""
    word = speakers[0].value if len(speakers) == 1 else "both"
    return f"{signs(speakers)} {word}{', edited' if edited else ''}"


def signs(speakers: Sequence[Origin]) -> str:
    """The marks of the worlds that speak."""
    return "".join(SIGN[origin] for origin in speakers)


def role(speakers: Sequence[Origin]) -> str:
    """The colour of a claim: as real only what ran."""
    return "real" if Origin.REAL in speakers else "imagined"


def head(status: Status) -> str:
    """`frame 3/15  f.py:3  count  depth 0`."""
    known = f"{status.known}{'' if status.complete else '+'}"
    where = f"{status.file}:{status.line if status.line else '?'}"
    named = f"  in {status.function}" if status.function else ""
    return printable_line(f"frame {status.number}/{known}  {where}{named}  depth {status.depth}")


def position(debugger: Debugger) -> list[Line]:
    """Where the cursor stands: the worlds, the line, and what is new in the state."""
    status = looking.status(debugger)
    frames = looking.pair(debugger)
    frame = debugger.frame
    mark, color = signs(status.speakers), role(status.speakers)
    alone = "" if len(debugger.run.tapes) == len(frames) else f"  ({status.speakers[0].value} alone)"
    edited = "  (edited run)" if status.edited else ""
    first = (Piece(mark, f"bold {color}"), Piece(f" {head(status)}  {frame.event.value}{alone}{edited}", "quiet"))
    number = str(frame.line) if frame.line else "?"
    second = (Piece(f"{number:>5} ", "quiet"), Piece("-> ", f"bold {color}"), Piece(code_line(frame.source), "bold"))
    return [first, second, *_news(debugger)]


def _news(debugger: Debugger) -> list[Line]:
    """The value of a return or an exception, or the locals that changed; both worlds where they differ."""
    told = {}
    for tape in debugger.run.tapes:
        index = debugger.run.moment(debugger.cursor.index).of(tape.origin)
        if index is not None:
            told[tape.origin] = _new_of(tape.frames, index, over=index in tape.over)
    if len(set(map(tuple, told.values()))) == 1:
        return [_claim(looking.speakers(debugger), text) for text in next(iter(told.values()))]
    return [_claim((origin,), text) for origin, texts in told.items() for text in texts or ["nothing changed"]]


def _new_of(frames: Sequence[Frame], index: int, *, over: bool) -> list[str]:
    frame = frames[index]
    match frame.event:
        case FrameKind.RETURN:
            straight = "  (imagined straight from the call)" if over else ""
            return [f"returns {middle(frame.value or 'None', VALUE)}{straight}"]
        case FrameKind.EXCEPTION:
            return [f"raises {middle(frame.value or 'an exception', VALUE)}"]
    return [f"{printable_line(name)} = {middle(frame.locals[name], VALUE)}" for name in changed(frames, index)]


def _claim(origins: Sequence[Origin], text: str) -> Line:
    return (Piece("      "), Piece(signs(origins), role(origins)), Piece(f" {text}"))


def arrival(debugger: Debugger, arrived: Arrival) -> list[Line]:
    """The end of a move: what there is to say, watched values that changed, and the position."""
    notes = [note(text) for text in arrived.notes]
    watched = [
        (Piece("watch ", "quiet"), Piece(f"{each.expression}: {_or_none(each.old)} → {_or_none(each.new)}"))
        for each in arrived.changes
    ]
    return [*notes, *watched, *position(debugger)]


def _or_none(value: str | None) -> str:
    return "(none)" if value is None else middle(value, VALUE)


def note(text: str) -> Line:
    """A sentence of the debugger's own."""
    return (Piece(printable_line(text), "warn"),)


def values(found: dict[Origin, str | UsageError]) -> list[Line]:
    """An expression's value: once where the worlds agree, else once for each."""
    if len({str(each) for each in found.values()}) == 1:
        return [_value(tuple(found), next(iter(found.values())))]
    return [_value((origin,), each) for origin, each in found.items()]


def _value(origins: Sequence[Origin], value: str | UsageError) -> Line:
    if isinstance(value, UsageError):
        return (Piece(printable_line(" ".join(str(value).split("\n"))), "bad"),)
    return (Piece(signs(origins), role(origins)), Piece(f" {printable_line(value)}"))


def local_values(found: Sequence[Names]) -> list[Line]:
    """All locals, one a line, with the basis of imagined ones; both worlds where they differ."""
    lines: list[Line] = []
    if any(each.late for each in found):
        lines.append((Piece("as they were before the line ran:", "quiet"),))
    for name in dict.fromkeys(name for each in found for name in each.values):
        told = [each.values.get(name) for each in found]
        if len(set(told)) == 1:
            lines.append(_local(found, name, told[0]))
        else:
            lines += [_local([each], name, value) for each, value in zip(found, told, strict=True)]
    return lines or [(Piece("There are no locals here.", "quiet"),)]


def _local(sides: Sequence[Names], name: str, value: str | None) -> Line:
    origins = [each.origin for each in sides]
    basis = next((each.basis[name] for each in sides if name in each.basis), None)
    shown = "(not there)" if value is None else middle(value, VALUE)
    mark = Piece(signs(origins), role(origins))
    end = (Piece(f"   {BASIS[basis]}", "faint"),) if basis is not None and Origin.REAL not in origins else ()
    return (mark, Piece(f" {printable_line(name)} = {shown}"), *end)


def listing(lines: Sequence[Listed]) -> list[Line]:
    """Lines of source: `->` the current one, `B` a breakpoint."""
    return [
        (
            Piece(f"{line.number:>5} ", "quiet"),
            Piece("B" if line.breakpoint else " ", "bad"),
            Piece("->" if line.current else "  ", "bold lead"),
            Piece(f" {code_line(line.text)}", "bold" if line.current else ""),
        )
        for line in lines
    ]


def calls(debugger: Debugger) -> list[Line]:
    """The call stack, the outermost first, the one that is looked at marked."""
    levels = looking.levels(debugger)
    looked = len(levels) - 1 - debugger.cursor.up
    return [
        (
            Piece("> " if at == looked else "  ", "bold lead"),
            Piece(printable_line(f"{level.file or debugger.path}:{level.line or '?'}  {level.function or '?'}")),
            Piece(f"  {code_line(debugger.run.frames[level.last].source).strip()}", "quiet"),
        )
        for at, level in enumerate(levels)
    ]


def table(rows: Sequence[Row]) -> list[Line]:
    """Every frame that is known, one a row."""
    width, room = len(str(len(rows))), max(shutil.get_terminal_size((ROW, 24)).columns, 60)
    return [_row(row, width, room) for row in rows]


def _row(row: Row, width: int, most: int) -> Line:
    frame = row.frame
    differs = "≠" if row.agrees is False else " "
    first = (
        Piece("> " if row.here else "  ", "bold lead"),
        Piece(f"{row.number:>{width}} ", "quiet"),
        Piece(f"{signs(row.speakers):<2}", role(row.speakers)),
        Piece(f"{differs} ", "bad"),
        Piece(f"{frame.event.value:<9} {frame.line or '?':>4}  ", "quiet"),
        Piece("  " * min(frame.depth, 12) + code_line(frame.source).strip()),
    )
    news = _differences(row) or ", ".join(f"{name} = {frame.locals[name]}" for name in row.changed) or frame.value or ""
    news += "  (straight from its call)" if row.over else ""
    if not news:
        return first
    room = max(most - cells(first) - 3, 20)
    return (*first, Piece("   "), Piece(middle(news, room), "quiet"))


def _differences(row: Row) -> str:
    """What the two worlds say, where they differ: `m: ◇ 3 ◆ 2`."""
    guess, fact = row.guess, row.frame
    if guess is None or row.agrees is not False:
        return ""
    told = [(name, guess.locals.get(name), fact.locals.get(name)) for name in {**fact.locals, **guess.locals}]
    if guess.value != fact.value:
        told.append((fact.event.value, guess.value, fact.value))
    shown = [f"{name}: ◇ {_or_none(one)} ◆ {_or_none(other)}" for name, one, other in told if one != other]
    return ", ".join(shown)


def information(debugger: Debugger) -> list[Line]:
    """Which world speaks, where, on what basis, and how the run ended."""
    status, frame = looking.status(debugger), debugger.frame
    said = speaker(status.speakers, edited=status.edited)
    lines: list[Line] = [
        (Piece(said, f"bold {role(status.speakers)}"), Piece(f"  {debugger.entry}  {head(status)}")),
    ]
    lines += [
        (Piece(f"edited at frame {edit.frame + 1}: {edit.name} was {middle(edit.old, 80)}, is {middle(edit.new, 80)}"),)
        for edit in debugger.edits
    ]
    guess = looking.pair(debugger).get(Origin.IMAGINED)
    if guess is not None:
        lines += _bases(guess)
    compared = debugger.run.comparison
    if compared is not None:
        lines.append((Piece(printable_line(compared.sentence)),))
    if not frame.line:
        lines.append(note("Where this frame stands in the source is not certain, so it has no line number."))
    return [*lines, *(note(text) for text in debugger.notes())]


def _bases(frame: Frame) -> list[Line]:
    """What each part of an imagined frame rests on."""
    found: list[Line] = []
    for basis, meaning in BASIS.items():
        parts = [printable_line(name) for name, each in frame.basis.items() if each is basis]
        if parts:
            found.append((Piece(f"{basis.value} ({meaning}): ", "quiet"), Piece(", ".join(parts))))
    return found
