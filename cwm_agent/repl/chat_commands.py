"""Slash commands in line mode."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from cwm_agent.commands import (
    COMMANDS,
    CONSULTED,
    SCREEN_ONLY,
    Consult,
    Name,
    as_typed,
    debugging,
    named_call,
    pinning,
    rollouts,
)
from cwm_agent.core import sessions
from cwm_agent.core.history import newest
from cwm_agent.core.session import Session
from cwm_agent.editor import edit_in_editor
from cwm_agent.errors import UsageError
from cwm_agent.events import (
    CheckpointMade,
    Compact,
    Rewind,
    SessionOpened,
    SetMode,
    SubmitPrompt,
    TestsReported,
    UndoApply,
    Unqueue,
    Unqueued,
)
from cwm_agent.observations import Mode, Origin
from cwm_agent.repl.chat_prompt import Prompt
from cwm_agent.repl.chat_review import review
from cwm_agent.text import printable
from cwm_agent.transcript import stats_in_words
from cwm_agent.workspace.diff import pair_renames, unified

_MODES = (Mode.REAL, Mode.VERIFY, Mode.IMAGINED)


class Leave(Exception):
    """The user wants to leave, and to take up `next_session` where that is not None."""

    def __init__(self, next_session: str | None = None) -> None:
        super().__init__()
        self.next_session = next_session


@dataclass(frozen=True)
class Desk:
    """What a command needs."""

    session: Session
    prompt: Prompt
    consult: Consult


async def carry_out(desk: Desk, name: Name, argument: str) -> None:  # noqa: C901  one match over the commands
    """Do what a command says; Leave at the end, errors from `errors` where it cannot be done."""
    if name in SCREEN_ONLY:
        raise UsageError(f"/{name} is a command of the full screen.", remedy="Open it with: cwm-agent")
    if name in CONSULTED:
        desk.prompt.write(await desk.consult(desk.session, name, argument))
        return
    match name:
        case "help":
            desk.prompt.write(_help())
        case "mode":
            await desk.session.send(SetMode(Mode(argument) if argument else _after(desk.session.mode)))
        case "diff":
            _diff(desk)
        case "tests":
            _tests(desk)
        case "trace":
            await desk.session.send(named_call("trace", argument))
        case "review":
            await review(desk.session, desk.prompt, everything=False)
        case "apply":
            await review(desk.session, desk.prompt, everything=True)
        case "compact":
            await desk.session.send(Compact())
        case "undo":
            await desk.session.send(UndoApply())
        case "unqueue":
            await _unqueue(desk)
        case "pin":
            await desk.session.send(pinning(desk.session.history))
        case "rewind":
            await _rewind(desk, argument)
        case "best-of":
            await _best_of(desk, argument)
        case "editor":
            await _edit(desk)
        case "debug":
            _debug(desk, argument)
        case "resume":
            await _resume(desk, argument)
        case "quit":
            raise Leave


def _after(mode: Mode) -> Mode:
    return _MODES[(_MODES.index(mode) + 1) % len(_MODES)]


def _help() -> str:
    known = [each for each in COMMANDS if each.name not in SCREEN_ONLY]
    lines = [f"/{each.name:<10} {each.does}" + (f": {each.takes}" if each.takes else "") for each in known]
    return "\n".join([*lines, "!COMMAND    run it in the sandbox", "@FILE       name a file; Tab completes it"])


def _diff(desk: Desk) -> None:
    found = desk.session.review()
    if found is None:
        desk.prompt.write("Nothing differs from your files.")
    else:
        desk.prompt.write(unified(pair_renames(found.changes)).decode("utf-8", "replace").rstrip("\n"))


def _tests(desk: Desk) -> None:
    """The runs of this session, the real ones and the imagined ones told apart."""
    reports = [event for event in desk.session.history if isinstance(event, TestsReported)]
    for each in reports[-10:]:
        badge = "◆ ran     " if each.origin is Origin.REAL else "◇ imagined"
        desk.prompt.write(f"{badge} {each.passed} passed, {each.failed} failed  {printable(each.command)}")
        for failure in each.failures:
            desk.prompt.write(f"           failed: {failure}")
    if not reports:
        desk.prompt.write("No test has run yet.")


async def _best_of(desk: Desk, argument: str) -> None:
    wanted = rollouts(argument)
    if wanted is None:
        raise UsageError("It does not say how many rollouts, and of what.", remedy="/best-of 4 fix the failing test")
    await desk.session.send(wanted)


async def _unqueue(desk: Desk) -> None:
    known = len(desk.session.history)
    await desk.session.send(Unqueue())
    taken = newest(desk.session.history[known:], Unqueued)
    if taken is not None:
        desk.prompt.put(as_typed(taken.request))


async def _rewind(desk: Desk, argument: str) -> None:
    made = [event for event in desk.session.history if isinstance(event, CheckpointMade)]
    if argument.isdecimal() and (int(argument) == 0 or any(each.checkpoint == int(argument) for each in made)):
        await desk.session.send(Rewind(int(argument)))
        return
    lines = [f"{each.checkpoint:>4}  {stats_in_words(each.files)}" for each in made]
    desk.prompt.write("\n".join(["Write /rewind and one of these numbers:", "   0  the start", *lines]))


async def _resume(desk: Desk, name: str) -> None:
    """Leave for another session; this one stays open where that one cannot be taken up."""
    if not name:
        desk.prompt.write(await desk.consult(desk.session, "sessions", ""))
        desk.prompt.write("Write /resume and the name of one of these; its beginning is enough.")
        return
    opened = next(event for event in desk.session.history if isinstance(event, SessionOpened))
    raise Leave(sessions.another(name, desk.session.identity, opened.repository).name)


async def _edit(desk: Desk) -> None:
    try:
        written = edit_in_editor(b"", ".md").decode("utf-8", "replace").strip()
    except OSError as error:
        raise UsageError(f"The editor could not be used: {error}") from error
    if written:
        await desk.session.send(SubmitPrompt(written))


def _debug(desk: Desk, argument: str) -> None:
    """The debugger's own prompt, until it is left; it works on the user's files as they are."""
    subprocess.run(debugging(argument, desk.session.mode), check=False)
