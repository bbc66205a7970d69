"""The Trace tab as rows: imagined left, real right, the frame in view marked, and its state below."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content

from cwm_agent.observations import Origin
from cwm_agent.traces.frames import Frame
from cwm_agent.tui.loupe import Loupe, Place
from cwm_agent.tui.render.board import empty
from cwm_agent.tui.render.rows import Row, clip, join, ours, spread, wrapped
from cwm_agent.views import parts, words
from cwm_agent.views.highlight import Highlighter
from cwm_agent.views.spans import Line, Piece, fit, middle, pad
from cwm_agent.views.steps import Change, Step

BAR: Line = (Piece("│", "line"),)
STATE_ROWS = 8
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
    title = content((Piece(" "), Piece(middle(traced.subject, width - len(which) - 4), "bold")))
    rows = [Row(spread(title, ours(which, "$faint"), width))]
    for run in traced.runs.values():
        left = (Piece(" "), *words.badge(run.origin))
        frames = words.count(len(run.frames), "frame")
        if run.outcome is None:
            tail: Line = (Piece(f"{frames} …", "quiet"),)
        else:
            tail = (*words.ending(run.trace, run.outcome, width - 30), Piece(f"   {frames}", "quiet"))
        rows.append(Row(spread(content((*left, Piece("  "), *tail)), Content(""), width - 1)))
    if traced.comparison is not None:
        found = traced.comparison
        sign = ours("✓ ", "$good") if found.exact else ours("≠ ", "$bad")
        rows += wrapped(ours(found.sentence, "$quiet"), width - 1, join(ours(" "), sign))[:3]
    return [*rows, Row(ours("─" * width, "$line"))]


def row(loupe: Loupe, place: Place, width: int, *, here: bool) -> Row:
    """One row of the frames, in one column or in two."""
    couple = place.couple
    cursor = Piece("▶" if here and not place.effect else " ", "lead")
    sides = loupe.sides
    if len(sides) == 1:
        line: Line = (cursor, *_cell(place, sides[0], width - 1))
    else:
        room = (width - 3) // 2
        mark = couple.mark()[0] if not place.effect else Piece(" ")
        left, right = (pad(_cell(place, side, room), room) for side in sides)
        line = (cursor, *left, Piece(mark.text, mark.role) if mark.text.strip() else BAR[0], *right)
    fill = "on $picked" if here else ""
    return Row(content(fit(line, width)), fill)


def _cell(place: Place, origin: Origin, room: int) -> Line:
    """What one world says in a row: the line of its frame, or what the line did."""
    couple = place.couple
    step = couple.of(origin)
    if step is None:
        return ()
    if not place.effect and not couple.late:
        frame = step.frame
        number = Piece(f"{frame.line or '?':>4}", "quiet")
        mark = Piece(parts.line_mark(step), "faint")
        return fit((number, mark, Piece(" "), *parts.source(step, _CODE)), room)
    told = _joined(couple.happened(origin, room - 7), room - 7)
    here = (Piece("← ", "bold bad"),) if couple.diverges and told else ()
    indent = (Piece("     "),) if here else (Piece("       "),)
    return fit((*indent, *here, *told), room)


def _joined(lines: Iterable[Line], room: int) -> Line:
    """Several changes in one line."""
    found: list[Piece] = []
    for line in lines:
        found += [*((Piece("  "),) if found else ()), *line]
    return fit(tuple(found), room)


def state(loupe: Loupe, width: int) -> list[Row]:
    """The whole state at the frame in view, in each world; what its last line changed is marked."""
    place = loupe.place
    if place is None:
        return []
    steps = [(side, place.couple.of(side)) for side in loupe.sides]
    room = width if len(steps) == 1 else (width - 3) // 2
    columns = [_column(loupe, side, step, room - 1) for side, step in steps]
    rows = [Row(_title(loupe, width))]
    for number in range(max(map(len, columns))):
        cut = [column[number] if number < len(column) else () for column in columns]
        line: Line = (Piece(" "), *cut[0])
        if len(cut) > 1:
            line = (Piece(" "), *pad(cut[0], room), *BAR, *cut[1])
        rows.append(Row(clip(content(line), width)))
    return rows


def _title(loupe: Loupe, width: int) -> Content:
    place = loupe.place
    assert place is not None
    frame = place.couple.step.frame
    where = f" {frame.function or 'frame'}" + (f", line {frame.line}" if frame.line else "")
    left = content((Piece("──", "line"), Piece(middle(where, width // 2), "quiet"), Piece(" ")))
    right = ours(f" frame {loupe.number + 1:,} of {loupe.length:,} ", "$faint")
    fill = ours("─" * max(0, width - left.cell_length - right.cell_length), "$line")
    return join(left, fill, right)


def _column(loupe: Loupe, origin: Origin, step: Step | None, room: int) -> list[Line]:
    if step is None:
        return [(Piece("no such frame", "faint"),)]
    lines = [_event(step.frame, room)] if step.frame.value is not None else []
    frame = loupe.with_locals(origin, step)
    known = {each.name: each for each in step.changes} if step.since is not None else {}
    other = loupe.other(origin)
    for name, value in frame.locals.items():
        differs = other is not None and other.get(name) != value
        each = known.get(name) or Change(name, None, value)
        line = parts.change(each, room - 2, argument=name not in known or each.before is not None, differs=differs)
        lines.append(line if name in known and each.before is None else (Piece("  "), *line))
    if len(lines) > STATE_ROWS:
        lines = [*lines[: STATE_ROWS - 1], (Piece(f"  and {len(lines) - STATE_ROWS + 1:,} more", "quiet"),)]
    return lines


def _event(frame: Frame, room: int) -> Line:
    raised = frame.event.value == "exception"
    sign = Piece("✗ " if raised else "↩ ", "bad" if raised else "quiet")
    return (sign, Piece(middle(frame.value or "", room - 2), "bold"))
