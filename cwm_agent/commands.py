"""Slash commands: what they are called, how they are completed and read, and the nearest to one that is not known."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from cwm_agent.errors import UsageError
from cwm_agent.events import AgentEvent, PinTrace, RunInSandbox, SubmitPrompt, TraceBegan, TraceEntry, UserRequest
from cwm_agent.observations import Mode

if TYPE_CHECKING:
    from cwm_agent.core.session import Session

Name = Literal[
    "help",
    "mode",
    "review",
    "trace",
    "tests",
    "diff",
    "shell",
    "apply",
    "undo",
    "unqueue",
    "pin",
    "rewind",
    "best-of",
    "debug",
    "model",
    "context",
    "compact",
    "ledger",
    "sessions",
    "resume",
    "export",
    "doctor",
    "theme",
    "copy",
    "editor",
    "quit",
]


class Command(Struct, frozen=True):
    """One command: `key` is what does the same, `values` are the arguments that it takes.

    `takes` shows the form of an argument that can be anything.
    """

    name: Name
    does: str
    key: str = ""
    values: tuple[str, ...] = ()
    takes: str = ""


COMMANDS: tuple[Command, ...] = (
    Command("help", "keys and commands", "F1"),
    Command(
        "mode",
        "real, verify or imagined",
        "^T",
        ("real", "verify", "imagined"),
    ),
    Command("review", "the patch, hunk by hunk", "^R"),
    Command("trace", "a call, step by step", "^O", takes="path.py::f(1, 2)"),
    Command("tests", "what the test runs said", "^O"),
    Command("diff", "all that was changed", "^O"),
    Command("shell", "what the sandbox printed", "^O"),
    Command("apply", "review, then write it", "^R"),
    Command("undo", "take the last patch back"),
    Command("unqueue", "take back what waits", "↑"),
    Command("pin", "last traced call as a test", "t"),
    Command("rewind", "go back to a checkpoint", "Esc Esc"),
    Command("best-of", "the best of some patches", takes="4 fix the failing test"),
    Command("debug", "step through a call", takes="path.py::f(1, 2)"),
    Command("model", "who decides, who imagines"),
    Command("context", "how full the context is"),
    Command("compact", "make the context shorter"),
    Command("ledger", "how predictions fared"),
    Command("sessions", "those of this repository"),
    Command("resume", "take up another session", takes="the session's name"),
    Command("export", "talk or patch, to a file", takes="markdown|patch FILE"),
    Command("doctor", "is all here that is needed"),
    Command("theme", "dark, light or ansi", "", ("dark", "light", "ansi")),
    Command("copy", "copy the last answer", "^Y"),
    Command("editor", "write in your $EDITOR", "^G"),
    Command("quit", "leave", "^Q"),
)
CONSULTED: frozenset[Name] = frozenset({"model", "context", "ledger", "sessions", "export", "doctor"})
"""Commands that are answered by a text, whichever front end they were typed in."""
SCREEN_ONLY: frozenset[Name] = frozenset({"shell", "theme", "copy"})
"""Commands for which a screen is needed."""
Consult = Callable[["Session", Name, str], Awaitable[str]]
"""Answers a command of CONSULTED with its argument, in plain lines; what is wrong is raised from `errors`."""
_DIGITS = 6
_BY_NAME = {command.name: command for command in COMMANDS}


class Call(Struct, frozen=True):
    """A command as the user typed it."""

    command: Command
    argument: str = ""


class Unknown(Struct, frozen=True):
    """What begins with a slash and is no command: one line that says so, with the nearest one."""

    hint: str


def parse(text: str) -> Call | Unknown:
    """Read a line that begins with a slash."""
    word, _, argument = text.strip().removeprefix("/").partition(" ")
    argument = argument.strip()
    command = _BY_NAME.get(word.lower())  # type: ignore[call-overload] # any word may be asked for
    if command is None:
        near = get_close_matches(word.lower(), list(_BY_NAME), n=1, cutoff=0.4)
        return Unknown(f"There is no /{word}." + (f" Did you mean /{near[0]}?" if near else " F1 lists the commands."))
    if argument and not command.takes and argument not in command.values:
        takes = f"takes {', '.join(command.values)}" if command.values else "takes no argument"
        return Unknown(f"/{command.name} {takes}.")
    if command.name == "best-of" and argument and rollouts(argument) is None:
        return Unknown(f"/best-of takes a number and a request: /best-of {command.takes}")
    return Call(command, argument)


def pinning(history: Sequence[AgentEvent]) -> PinTrace:
    """Pins the trace that began last; UsageError where nothing was traced yet."""
    for event in reversed(history):
        if isinstance(event, TraceBegan):
            return PinTrace(event.trace)
    raise UsageError("Nothing was traced yet.", remedy="Trace a call first: /trace path.py::f(1, 2)")


def rollouts(argument: str) -> SubmitPrompt | None:
    """What `/best-of` asks for: a number and a request; None where it is not that."""
    number, _, text = argument.partition(" ")
    if not (number.isascii() and number.isdigit() and len(number) < _DIGITS and text.strip()):
        return None
    return SubmitPrompt(text.strip(), int(number))


def split_call(typed: str) -> tuple[str, str]:
    """The file and the call in it that `path.py::f(1, 2)` names; either is empty where it is not there."""
    path, sign, call = typed.partition("::")
    return (path.strip(), call.strip()) if sign and "(" not in path else ("", typed.strip())


def named_call(name: Name, argument: str) -> TraceEntry:
    """The call that a command is to deal with; UsageError where its argument is none of a file."""
    path, entry = split_call(argument)
    if not path or not entry:
        remedy = f"Name a call of a file: /{name} {_BY_NAME[name].takes}"
        raise UsageError(f"It does not say what to {name}.", remedy=remedy)
    return TraceEntry(path, entry)


def debugging(argument: str, mode: Mode) -> list[str]:
    """The debugger's command line for the call that is named; UsageError where none is."""
    call = named_call("debug", argument)
    return [sys.executable, "-m", "cwm_agent", "debug", call.path, f"--call={call.entry}", "--mode", mode.value]


def as_typed(request: UserRequest) -> str:
    """A request as the user writes it."""
    if isinstance(request, RunInSandbox):
        return f"!{request.command}"
    return request.text if request.best_of == 1 else f"/best-of {request.best_of} {request.text}"


def completions(text: str) -> tuple[tuple[str, str], ...]:
    """What the input could become, and what it would do; empty where nothing is to be completed."""
    if not text.startswith("/") or "\n" in text:
        return ()
    word, space, argument = text[1:].partition(" ")
    if space:
        command = _BY_NAME.get(word)  # type: ignore[call-overload] # any word may be asked for
        values = command.values if command else ()
        return tuple((f"/{word} {value}", "") for value in values if value.startswith(argument) and value != argument)
    starting = [command for command in COMMANDS if command.name.startswith(word)]
    inside = [command for command in COMMANDS if word in command.name and command not in starting]
    return tuple((f"/{command.name}", command.does) for command in (*starting, *inside))
