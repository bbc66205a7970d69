"""The commands that show something, change a local, or save the run as a test."""

from __future__ import annotations

import re

from cwm_agent.core.debugger import looking, moves
from cwm_agent.core.debugger.expressions import check
from cwm_agent.core.debugger.lines import AROUND, text_of
from cwm_agent.errors import UsageError
from cwm_agent.repl import debugger_save
from cwm_agent.repl import debugger_text as text
from cwm_agent.repl.debugger_desk import Desk, Handler, Said, number
from cwm_agent.text import printable
from cwm_agent.views.spans import Piece

_SET = re.compile(r"([^\W\d]\w*)\s*=(?!=)\s*(.+)", re.DOTALL)


async def watch(desk: Desk, argument: str) -> Said:
    """Watch an expression, or show those that are watched."""
    watched = desk.debugger.breakpoints.watched
    if argument and check(argument) not in watched:
        watched.append(check(argument))
    if not watched:
        return [text.note("Nothing is watched.")]
    lines: Said = []
    for expression in [check(argument)] if argument else watched:
        lines.append((Piece("watch ", "quiet"), Piece(expression)))
        lines += text.values(looking.value(desk.debugger, expression))
    return lines


async def unwatch(desk: Desk, argument: str) -> Said:
    """Watch one no longer, or none."""
    watched = desk.debugger.breakpoints.watched
    if argument and argument not in watched:
        raise UsageError(f"{argument} is not watched.", remedy=f"Watched: {', '.join(watched)}." if watched else "")
    watched[:] = [each for each in watched if argument and each != argument]
    return [text.note(f"Watched: {', '.join(watched)}." if watched else "Nothing is watched.")]


async def print_(desk: Desk, argument: str) -> Said:
    """An expression's value in each world."""
    if not argument:
        return await locals_(desk, "")
    return text.values(looking.value(desk.debugger, argument))


async def locals_(desk: Desk, _argument: str) -> Said:
    """All locals of the call that is looked at."""
    return text.local_values(looking.names(desk.debugger))


async def list_(desk: Desk, argument: str) -> Said:
    """Lines of source."""
    first, last = _range(desk, argument)
    lines = looking.source(desk.debugger, first, last)
    if not lines:
        return [text.note("There are no more lines.")]
    desk.listed = lines[-1].number
    return text.listing(lines)


def _range(desk: Desk, argument: str) -> tuple[int | None, int | None]:
    """The lines that `list` shows: around the current one, further on, around a line, or from one to another."""
    if argument == "." or (not argument and desk.listed is None):
        return None, None
    if not argument:
        return (desk.listed or 0) + 1, (desk.listed or 0) + 1 + 2 * AROUND
    start, comma, end = argument.partition(",")
    first = number(start.strip())
    if not comma:
        return max(first - AROUND, 1), first + AROUND
    last = number(end.strip())
    return first, last if last >= first else first + last - 1


async def long_list(desk: Desk, _argument: str) -> Said:
    """The source of the function that is looked at."""
    level = looking.levels(desk.debugger)[-1 - desk.cursor.up]
    source = text_of(level.file or desk.debugger.path, desk.debugger.texts, desk.debugger.run.frames)
    first, last = source.function_around(level.line or 1) or (1, len(source.lines))
    return text.listing(looking.source(desk.debugger, first, last))


async def where(desk: Desk, _argument: str) -> Said:
    """The call stack."""
    return text.calls(desk.debugger)


def look(sign: int) -> Handler:
    """The command that looks so many calls further out (1) or in (-1)."""

    async def run(desk: Desk, argument: str) -> Said:
        moves.look_out(desk.cursor, sign * number(argument, 1))
        return text.calls(desk.debugger)

    return run


async def trace(desk: Desk, argument: str) -> Said:
    """The frames so far."""
    rows = looking.rows(desk.debugger)
    return text.table(rows[-number(argument) :] if argument else rows)


async def info(desk: Desk, _argument: str) -> Said:
    """Which world speaks, and on what basis."""
    return text.information(desk.debugger)


async def output(desk: Desk, _argument: str) -> Said:
    """What the program wrote."""
    written = printable(desk.debugger.output()).rstrip("\n")
    if not written:
        return [text.note("The program wrote nothing.")]
    return [(Piece(line.expandtabs(8)),) for line in written.split("\n")]


async def set_(desk: Desk, argument: str) -> Said:
    """Change a local and imagine on."""
    found = _SET.fullmatch(argument)
    if found is None:
        raise UsageError("`set` takes a name and a value.", remedy="For example: `set n = 3`.")
    return text.arrival(desk.debugger, await desk.debugger.what_if(found[1], found[2]))


async def save(desk: Desk, argument: str) -> Said:
    """Write a test."""
    path, name = debugger_save.save(desk.debugger, argument)
    return [text.note(f"{name} is in {path}.")]


async def reset(desk: Desk, _argument: str) -> Said:
    """Back to the beginning of the unedited run."""
    return text.arrival(desk.debugger, await desk.debugger.reset())
