"""The words that the debugger's prompt understands, each with what it does and one line of help."""

from __future__ import annotations

import difflib

from msgspec import Struct

from cwm_agent.core.debugger import looking, moves
from cwm_agent.core.debugger.expressions import check
from cwm_agent.errors import UsageError
from cwm_agent.repl import debugger_moving as moving
from cwm_agent.repl import debugger_showing as showing
from cwm_agent.repl import debugger_text as text
from cwm_agent.repl.debugger_desk import Desk, Handler, Quit, Said
from cwm_agent.views.spans import Piece


class Command(Struct, frozen=True):
    """`words` are its name and abbreviations; `takes` says what completes its argument.

    `moves`: an empty line does it again.
    """

    words: tuple[str, ...]
    usage: str
    help: str
    run: Handler
    takes: str = ""
    moves: bool = False


async def do(desk: Desk, line: str) -> Said:
    """Carry one line out; UsageError for one that means nothing, Quit at the end."""
    word, _, argument = line.strip().partition(" ")
    command = COMMANDS.get(word)
    if command is None:
        return _expression(desk, line.strip(), word)
    if command.words[0] != "list":
        desk.listed = None
    return await command.run(desk, argument.strip())


def _expression(desk: Desk, line: str, word: str) -> Said:
    """A line that is no command is an expression, as in pdb."""
    near = difflib.get_close_matches(word, [name for name in COMMANDS if len(name) > 2], 1)
    remedy = f"Did you mean `{near[0]}`?" if near else "`help` lists the commands."
    unknown = UsageError(f"No command `{word}`, and no expression over the locals here.", remedy=remedy)
    try:
        check(line)
    except UsageError:
        raise unknown from None
    found = looking.value(desk.debugger, line)
    if all(isinstance(each, UsageError) for each in found.values()):
        raise unknown
    return text.values(found)


async def _help(_desk: Desk, argument: str) -> Said:
    if argument and argument not in COMMANDS:
        raise UsageError(f"No command `{argument}`.", remedy="`help` lists them.")
    chosen = [COMMANDS[argument]] if argument else ALL
    width = max(len(_title(each)) for each in chosen)
    lines: Said = [(Piece(f"{_title(each):<{width}}", "bold"), Piece(f"  {each.help}")) for each in chosen]
    if argument:
        return lines
    return [*lines, *((Piece(line, "quiet"),) for line in _LEGEND)]


def _title(command: Command) -> str:
    short = [word for word in command.words[1:] if len(word) < 4]
    return ", ".join([command.usage, *short])


async def _quit(_desk: Desk, _argument: str) -> Said:
    raise Quit


_LEGEND = (
    "◆ ran: it happened.  ◇ imagined: a world model's guess, nothing was run.",
    "Anything else is computed as `print` does. Ctrl-C stops imagining and keeps what came, Ctrl-D quits.",
)
ALL: tuple[Command, ...] = (
    Command(("step", "s"), "step [N]", "go to the next frame, into calls", moving.forward(moves.step), moves=True),
    Command(
        ("next", "n"), "next [N]", "go to the next line here, over calls", moving.forward(moves.step_over), moves=True
    ),
    Command(("out", "o", "r", "return", "finish"), "out", "leave this call", moving.forward(moves.out), moves=True),
    Command(("until", "unt"), "until [LINE]", "go to a later line, or to the return", moving.until, "line", moves=True),
    Command(
        ("continue", "c", "cont", "run"),
        "continue",
        "go on to a breakpoint, a changed watched value, the first divergence, or the end",
        moving.forward(moves.go_on),
        moves=True,
    ),
    Command(
        ("goto", "g", "jump", "j"), "goto LINE | goto frame N", "go where the line is next reached", moving.goto, "line"
    ),
    Command(("back", "bk", "rstep", "rs"), "back [N]", "go back a frame", moving.backward(moves.back), moves=True),
    Command(
        ("rnext", "rn"), "rnext [N]", "go back a line here, over calls", moving.backward(moves.back_over), moves=True
    ),
    Command(
        ("rout", "ro"), "rout", "go back to the caller, before this call", moving.backward(moves.back_out), moves=True
    ),
    Command(("rcontinue", "rc"), "rcontinue", "go back to a breakpoint", moving.backward(moves.back_on), moves=True),
    Command(("first",), "first", "go to the first frame", moving.backward(moves.first)),
    Command(("last",), "last", "go to the last frame, past breakpoints", moving.forward(moves.last)),
    Command(
        ("diverge", "div"), "diverge", "go to the first frame where the worlds differ", moving.forward(moves.diverge)
    ),
    Command(
        ("break", "b"),
        "break [LINE | FUNCTION] [if CONDITION]",
        "set a breakpoint, or list them",
        moving.break_,
        "place",
    ),
    Command(
        ("delete", "clear", "cl", "del"), "delete [N …]", "delete breakpoints, or all", moving.delete, "breakpoint"
    ),
    Command(("watch", "display"), "watch [EXPR]", "show and stop where this changes", showing.watch, "name"),
    Command(("unwatch", "undisplay"), "unwatch [EXPR]", "watch this no longer, or nothing", showing.unwatch, "watched"),
    Command(
        ("print", "p", "pp"), "print [EXPR]", "compute over the locals; alone, all of them", showing.print_, "name"
    ),
    Command(("locals", "a", "args", "vars"), "locals", "all locals and what they rest on", showing.locals_),
    Command(("list", "l"), "list [LINE[,LAST]]", "the source around here; again, further on", showing.list_, "line"),
    Command(("ll", "longlist"), "ll", "the source of this function", showing.long_list),
    Command(("where", "w", "bt", "backtrace"), "where", "the calls that are under way", showing.where),
    Command(("up", "u"), "up [N]", "look at the caller's locals", showing.look(1)),
    Command(("down", "d"), "down [N]", "look at the called function's locals", showing.look(-1)),
    Command(("trace", "t"), "trace [N]", "the frames so far, or the last N of them", showing.trace),
    Command(("info", "i", "status"), "info", "which world speaks, where, and on what basis", showing.info),
    Command(("output",), "output", "what the program wrote", showing.output),
    Command(("set",), "set NAME = VALUE", "what if: change a local and imagine on from here", showing.set_, "name"),
    Command(("save",), "save [FILE]", "write this call as a pytest test", showing.save, "file"),
    Command(("reset",), "reset", "the first frame of the run without edits", showing.reset),
    Command(("help", "h", "?"), "help [COMMAND]", "this list", _help, "command"),
    Command(("quit", "q", "exit"), "quit", "leave", _quit),
)
"""Every command, in the order of the help."""
COMMANDS = {word: command for command in ALL for word in command.words}
