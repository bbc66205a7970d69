"""The trace debugger at a prompt: the front end of `cwm-agent debug`."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from cwm_agent.core.debugger.engine import Debugger
from cwm_agent.errors import CwmAgentError
from cwm_agent.observations import Completed, LimitReached
from cwm_agent.repl import debugger_text as text
from cwm_agent.repl.debugger_commands import COMMANDS, do
from cwm_agent.repl.debugger_desk import Desk, Quit, Said
from cwm_agent.repl.debugger_lines import Lines
from cwm_agent.text import printable
from cwm_agent.views.spans import Piece

T = TypeVar("T")
DONE, NOTHING, WRONG, LIMIT, INTERRUPTED = 0, 1, 2, 4, 130
_PATIENCE = 1.0
"""Seconds after which a person is told that something is under way."""


class _Prompt(Protocol):
    async def read(self) -> str: ...

    def write(self, said: Said) -> None: ...


async def run(debugger: Debugger, *, history_file: Path | None) -> int:
    """Debug until the user leaves; the exit code. Errors of the worlds at the start are raised, later ones are said."""
    desk = Desk(debugger)
    interactive = _is_interactive()
    prompt = _prompt(desk, history_file, interactive=interactive)
    try:
        if not await _worked(debugger, debugger.start(), prompt if interactive else None):
            prompt.write(_nothing(debugger))
            return _code(debugger)
        prompt.write(_welcome(debugger))
        await _converse(desk, prompt, interactive=interactive)
    finally:
        await debugger.aclose()
    return DONE


async def _converse(desk: Desk, prompt: _Prompt, *, interactive: bool) -> None:
    again = ""
    while True:
        try:
            line = (await prompt.read()).strip()
        except EOFError:
            return
        except KeyboardInterrupt:
            again = ""
            continue
        line = line or (again if interactive else "")
        if not line or line.startswith("#"):
            continue
        command = COMMANDS.get(line.split()[0])
        again = line if command and command.moves else ""
        try:
            said = await _worked(desk.debugger, do(desk, line), prompt if interactive else None)
            prompt.write([*(text.note(each) for each in desk.debugger.news()), *said])
        except Quit:
            return
        except CwmAgentError as error:
            prompt.write([(Piece(printable(each), "bad"),) for each in str(error).split("\n")])


async def _worked(debugger: Debugger, work: Awaitable[T], prompt: _Prompt | None) -> T:
    """The result of `work`, while Ctrl-C stops what a world is doing for it; says so where it takes long."""
    debugger.ready()
    task = asyncio.ensure_future(work)
    with _interrupting(debugger):
        done, _ = await asyncio.wait({task}, timeout=_PATIENCE)
        if not done and prompt is not None:
            prompt.write([(Piece("… Ctrl-C stops this and keeps what came.", "quiet"),)])
        return await task


@contextmanager
def _interrupting(debugger: Debugger) -> Iterator[None]:
    """Ctrl-C is meant for the world, not for the program."""
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGINT)
    try:
        loop.add_signal_handler(signal.SIGINT, debugger.interrupt)
    except (NotImplementedError, RuntimeError, ValueError):
        yield  # not the main thread
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)


def _is_interactive() -> bool:
    return bool(sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty())


def _prompt(desk: Desk, history_file: Path | None, *, interactive: bool) -> _Prompt:
    if not interactive:
        return Lines(desk)
    from cwm_agent.repl.debugger_screen import Screen

    return Screen(desk, history_file)


def _welcome(debugger: Debugger) -> Said:
    head = (Piece(f"{debugger.entry}", "bold"), Piece("  `help` lists the commands, `quit` leaves.", "quiet"))
    return [head, *(text.note(each) for each in (*debugger.news(), *debugger.early())), *text.position(debugger)]


def _nothing(debugger: Debugger) -> Said:
    """Why there is no frame at all, and what the program said."""
    written = printable(debugger.output()).strip("\n")
    lines: Said = [(Piece(each),) for each in written.split("\n")] if written else []
    reason = debugger.notes() or ("The run has no frames.",)
    return [*lines, (Piece(f"Nothing was traced of {debugger.entry}.", "bad"),), *(text.note(each) for each in reason)]


def _code(debugger: Debugger) -> int:
    """The exit code where there is nothing to debug."""
    for tape in debugger.run.tapes:
        match tape.outcome:
            case LimitReached():
                return LIMIT
            case Completed(exit_code=code) if code == WRONG:
                return WRONG
    return INTERRUPTED if any(tape.cut for tape in debugger.run.tapes) else NOTHING
