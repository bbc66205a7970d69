"""The commands that move, and those that say where moves stop."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from cwm_agent.core.debugger import moves
from cwm_agent.core.debugger.cursor import Arrival, Cursor, Reason
from cwm_agent.core.debugger.engine import Debugger
from cwm_agent.core.debugger.expressions import check
from cwm_agent.core.debugger.lines import text_of
from cwm_agent.errors import UsageError
from cwm_agent.repl import debugger_text as text
from cwm_agent.repl.debugger_desk import Desk, Handler, Said, number
from cwm_agent.views.spans import Line, Piece

_CONDITION = re.compile(r"\s+if\s+|\s*,\s*(?=\S)")


async def _repeat(desk: Desk, argument: str, move: Callable[[Cursor], Awaitable[Arrival]]) -> Said:
    """So many moves; the first that does not get where it wants is the last."""
    notes: list[Line] = []
    for left in range(number(argument, 1) - 1, -1, -1):
        before = desk.cursor.index
        arrived = await move(desk.cursor)
        if not left or desk.cursor.index == before or arrived.reason is not Reason.THERE:
            return [*notes, *text.arrival(desk.debugger, arrived)]
        notes += [text.note(each) for each in arrived.notes]
    return notes


def forward(move: Callable[[Cursor], Awaitable[Arrival]]) -> Handler:
    """The command that makes this move, once or as often as its argument says."""

    async def run(desk: Desk, argument: str) -> Said:
        return await _repeat(desk, argument, move)

    return run


def backward(move: Callable[[Cursor], Arrival]) -> Handler:
    """The same for a move that asks no world."""

    async def once(cursor: Cursor) -> Arrival:
        return move(cursor)

    return forward(once)


async def until(desk: Desk, argument: str) -> Said:
    """Out of a loop, or to a line."""
    line = number(argument) if argument else None
    return text.arrival(desk.debugger, await moves.until(desk.cursor, line))


async def goto(desk: Desk, argument: str) -> Said:
    """To a line or a frame."""
    kind, _, rest = argument.partition(" ")
    if kind in ("frame", "f", "line"):
        argument = rest.strip()
    if kind in ("frame", "f"):
        return text.arrival(desk.debugger, await moves.goto_frame(desk.cursor, number(argument)))
    arrived = await moves.goto_line(desk.cursor, desk.debugger.text, number(argument))
    return text.arrival(desk.debugger, arrived)


async def break_(desk: Desk, argument: str) -> Said:
    """Set a breakpoint on a line or a function, or list them all."""
    debugger = desk.debugger
    if not argument:
        return _breakpoints(debugger)
    place, condition = (*_CONDITION.split(argument, maxsplit=1), "")[:2]
    condition = check(condition) if condition else ""
    file, _, last = place.rpartition(":")
    if last.isdecimal():
        line = number(last)
        source = text_of(file, debugger.texts, debugger.run.frames) if file else debugger.text
        if source.reachable and line not in source.reachable:
            after = min((each for each in source.reachable if each > line), default=None)
            near = f"The next line with code is {after}." if after else ""
            raise UsageError(f"Line {line} of {source.path} is never reached: no function has code there.", remedy=near)
        made = debugger.breakpoints.add(file=source.path, line=line, condition=condition)
    else:
        if not any(each.starts_of(place) for each in debugger.texts.values()):
            raise UsageError(f"There is no function {place}.", remedy="Name a line or a function: `break 12`.")
        made = debugger.breakpoints.add(function=place, condition=condition)
    return [(Piece(f"Breakpoint {made.number} at {made.place}{f', if {condition}' if condition else ''}."),)]


def _breakpoints(debugger: Debugger) -> Said:
    found = [
        (Piece(f"{each.number:>3}  {each.place}{f'  if {each.condition}' if each.condition else ''}"),)
        for each in debugger.breakpoints.all.values()
    ]
    return list(found) or [text.note("There are no breakpoints.")]


async def delete(desk: Desk, argument: str) -> Said:
    """Delete some breakpoints, or all."""
    points = desk.debugger.breakpoints
    if argument in ("", "all"):
        count = len(points.all)
        points.all.clear()
        return [text.note(f"{count} deleted.")]
    removed = [points.remove(number(each)) for each in argument.split()]
    return [text.note(f"Breakpoint {each.number} at {each.place} deleted.") for each in removed]
