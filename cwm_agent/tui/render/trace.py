"""The Trace tab as rows: imagined left, real right, the frame in view marked, and its state below."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content

from cwm_agent.observations import Origin
from cwm_agent.traces.compare import normalised
from cwm_agent.traces.frames import Frame, FrameKind
from cwm_agent.tui.loupe import Loupe, Place
from cwm_agent.tui.render.board import empty
from cwm_agent.tui.render.rows import Row, join, ours, spread, wrapped
from cwm_agent.views import names, parts, words
from cwm_agent.views.highlight import Highlighter
from cwm_agent.views.spans import Line, Piece, cells, fit, middle, pad
from cwm_agent.views.steps import Change, Step

STATE_ROWS = 9
EFFECT = 9
"""Cells before what a line did."""
DIVERGES: Line = (Piece(" ◀ first divergence", "bold bad"),)
SHORTLY: Line = (Piece(" ◀ first", "bold bad"),)
_PLAIN = {"bold", "italic"}
_CODE = Highlighter()


def content(line: Line) -> Content:
    """A line of the views in the colours of the theme."""
    return join(*(ours(piece.text, _style(piece.role)) for piece in line))


def _style(role: str) -> str:
    return " ".join(word if word in _PLAIN else f"${word}" for word in role.split())


def head(loupe: Loupe, width: int) -> list[Row]:
    """What is traced, by which worlds, how it ended, and how the two compare."""
    traced = loupe.traced
    if traced is None:
        return empty("Nothing was traced yet. /trace path.py::f(1, 2) traces a call.", width)
    which = f"{loupe.chosen + 1} of {loupe.count} " if loupe.count > 1 else ""
    title = content((Piece(" "), Piece(names.subject(traced.subject, width - len(which) - 4), "bold")))
    rows = [Row(spread(title, ours(which, "$faint"), width))]
    for run in traced.runs.values():
        left: Line = (Piece(" "), *words.badge(run.origin), Piece("  "))
        frames = words.count(len(run.frames), "frame")
        room = width - cells(left) - len(frames) - 3
        ending: Line = (Piece("…", "quiet"),) if run.outcome is None else words.ending(run.trace, run.outcome, room)
        rows.append(Row(spread(content((*left, *ending)), ours(f"{frames} ", "$quiet"), width)))
    if traced.comparison is not None:
        found = traced.comparison
        sign = ours("✓ ", "$good") if found.exact else ours("≠ ", "$bad")
        rows += wrapped(ours(found.sentence, "$quiet"), width - 1, join(ours(" "), sign))
    return [*rows, Row(ours("─" * width, "$line"))]


def row(loupe: Loupe, place: Place, width: int, *, here: bool) -> Row:
    """One row of the frames. What both worlds say stands once; what they say otherwise stands left and right."""
    couple = place.couple
    if place.effect:
        return Row(content(_effects(loupe, place, width)))
    step = couple.step
    mark = " " if couple.imagined is None else parts.line_mark(couple.imagined)
    sign = couple.mark() if len(loupe.sides) > 1 else (_sign(loupe.sides[0]),)
    cursor = Piece("▶" if here else " ", "lead")
    number = Piece(f"{step.frame.line or '?':>4}", "quiet")
    line = (cursor, *sign, number, Piece(f"{mark} ", "faint"), *parts.source(step, _CODE))
    if couple.diverges:
        words_ = DIVERGES if cells(line) + cells(DIVERGES) <= width else SHORTLY
        line = (*pad(line, width - cells(words_) - 1), *words_)
    return Row(content(fit(line, width)), "on $picked" if here else "")


def _sign(origin: Origin) -> Piece:
    return Piece(words.SIGN[origin], words.ROLE[origin])


def _effects(loupe: Loupe, place: Place, width: int) -> Line:
    """What a line did, under the line; a world that says it alone has its sign before it."""
    couple = place.couple
    signed = len(loupe.sides) > 1 and couple.differs
    here = DIVERGES if couple.diverges and couple.late and place.sides[-1] is Origin.REAL else ()
    room = (width - EFFECT) // len(place.sides) - 2
    line: Line = (Piece(" " * (EFFECT - 4)), Piece("⤷   " if couple.late else "    ", "faint"))
    for number, side in enumerate(place.sides):
        last = number == len(place.sides) - 1
        mine = room - cells(here) if last else room
        told = _joined(couple.happened(side, mine), mine)
        sign = (_sign(side), Piece(" ")) if signed else ()
        line = (*line, *sign, *(told if last else pad(told, mine)))
    return fit((*line, *here), width)


def _joined(lines: Iterable[Line], room: int) -> Line:
    """Several changes in one line."""
    found: list[Piece] = []
    for line in lines:
        found += [*((Piece("  "),) if found else ()), *line]
    return fit(tuple(found), room)


def state(loupe: Loupe, width: int) -> list[Row]:
    """The whole state at the frame in view; what its last line changed is marked, and what the worlds say otherwise."""
    place = loupe.place
    if place is None:
        return []
    told = {side: step for side in loupe.sides if (step := place.couple.of(side)) is not None}
    frames = {side: loupe.with_locals(side, step) for side, step in told.items()}
    rows = [_title(loupe, width)]
    step = place.couple.step
    if step.frame.value is not None:
        rows += _values(loupe, told, width)
    names = dict.fromkeys(name for frame in reversed(frames.values()) for name in frame.locals)
    rows += [line for name in names for line in _local(loupe, name, told, frames, width)]
    if len(rows) > STATE_ROWS:
        rows = [*rows[: STATE_ROWS - 1], (Piece(f"   and {len(rows) - STATE_ROWS + 1:,} more", "quiet"),)]
    return [Row(content(fit(line, width))) for line in rows]


def _values(loupe: Loupe, told: dict[Origin, Step], width: int) -> list[Line]:
    """What was returned or raised."""
    agree = len({normalised(step.frame.value or "") for step in told.values()}) == 1
    sides = list(told)[-1:] if agree else list(told)
    room = _room(loupe, sides, width)
    said: dict[Origin, Line] = {}
    for side in sides:
        raised = told[side].frame.event is FrameKind.EXCEPTION
        sign = Piece("✗ " if raised else "↩ ", "bad" if raised else "quiet")
        said[side] = (sign, Piece(middle(told[side].frame.value or "", room), "bold" if agree else "bold bad"))
    return _beside(loupe, said, width)


def _local(loupe: Loupe, name: str, told: dict[Origin, Step], frames: dict[Origin, Frame], width: int) -> list[Line]:
    """One name: once where the worlds agree, else what each says."""
    values = {side: frame.locals.get(name) for side, frame in frames.items()}
    agree = len({None if value is None else normalised(value) for value in values.values()}) == 1
    sides = list(told)[-1:] if agree else list(told)
    room = _room(loupe, sides, width)
    said: dict[Origin, Line] = {}
    for side in sides:
        value = values[side]
        known = {each.name: each for each in told[side].changes} if told[side].since is not None else {}
        if value is None:
            said[side] = (Piece("  "), Piece(middle(name, room // 2), "quiet"), Piece(" is not there", "bold bad"))
            continue
        new = name in known and known[name].before is None
        line = parts.change(known.get(name) or Change(name, None, value), room, argument=not new, differs=not agree)
        said[side] = line if new else (Piece("  "), *line)
    return _beside(loupe, said, width)


def _room(loupe: Loupe, sides: list[Origin], width: int) -> int:
    """Cells of a value of the state, without the signs before it."""
    return (width if loupe.narrow else width // len(sides)) - 7


def _beside(loupe: Loupe, said: dict[Origin, Line], width: int) -> list[Line]:
    """Once without a sign where there is one line for all, else each with its sign, beside each other or below."""
    if len(said) == 1:
        return [(Piece("  "), *line) for line in said.values()]
    signed = [(_sign(side), Piece(" "), *line) for side, line in said.items()]
    if loupe.narrow:
        return list(signed)
    return [(*pad(signed[0], width // 2), *signed[1])]


def _title(loupe: Loupe, width: int) -> Line:
    frame = loupe.place.couple.step.frame if loupe.place else None
    line = f", line {frame.line} " if frame and frame.line else " "
    name = names.short(frame.function or "frame", max(8, width // 2 - len(line) - 1)) if frame else ""
    left = (Piece("──", "line"), Piece(f" {name}{line}" if frame else "", "quiet"))
    right = (Piece(f" frame {loupe.number + 1:,} of {loupe.length:,} ", "faint"),)
    return (*left, Piece("─" * max(0, width - cells(left) - cells(right)), "line"), *right)
