"""Every line of the help pages: its keys are pressed, and do what it says. A line without a test here fails."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from msgspec import Struct
from textual.command import CommandPalette
from textual.pilot import Pilot

from cwm_agent.events import (
    AgentEvent,
    ApplyPatch,
    ImagineHunk,
    ImagineOn,
    Interrupt,
    PinTrace,
    RunInSandbox,
    SetMode,
    SubmitPrompt,
    UndoApply,
    Unqueue,
)
from cwm_agent.observations import Mode
from cwm_agent.tui.screens.confirm import ConfirmScreen
from cwm_agent.tui.screens.help import KEYS, REVIEW_KEYS, TRACE_KEYS
from cwm_agent.tui.screens.main import MainScreen
from cwm_agent.tui.screens.note import EditScreen
from cwm_agent.tui.screens.review import ReviewScreen
from cwm_agent.tui.screens.rewind import RewindScreen
from cwm_agent.tui.screens.source import SourceScreen
from cwm_agent.tui.widgets.bars import Queue
from cwm_agent.tui.widgets.conversation import Conversation
from cwm_agent.tui.widgets.hunk_run import HunkRunView
from cwm_agent.tui.widgets.panel import Panel
from cwm_agent.tui.widgets.prompt import Prompt
from cwm_agent.tui.widgets.trace import TraceTab
from tests.tui.hunk_story import WITH_MODEL
from tests.tui.stories import FAILED, OPENED, READY, SEARCHING, TRACED, ReplaySession, app_of, settled, wide_review

See = Callable[[Pilot[None]], object]
FILES = ("tally/ledger.py", "tests/test_ledger.py")


class Case(Struct, frozen=True):
    """A story, and keys with what is to be seen after each of them; the value is compared."""

    story: list[AgentEvent]
    steps: tuple[tuple[tuple[str, ...], See, object], ...]


def told(pilot: Pilot[None]) -> object:
    return pilot.app.session.told


def screen(pilot: Pilot[None]) -> object:
    return type(pilot.app.screen)


def typed(pilot: Pilot[None]) -> object:
    return pilot.app.screen.query_one(Prompt).text


def frame(pilot: Pilot[None]) -> object:
    return pilot.app.screen.query_one(TraceTab).loupe.number


def tab(pilot: Pilot[None]) -> object:
    return pilot.app.screen.query_one(Panel).tab


def place(pilot: Pilot[None]) -> object:
    return pilot.app.screen.desk.place


def verdict(pilot: Pilot[None]) -> object:
    """What was decided on the hunk that the review began with."""
    return pilot.app.screen.desk.state(2, 0)


def scrolled(selector: type | str) -> See:
    return lambda pilot: pilot.app.screen.query_one(selector).scroll_offset.y > 0


def heights(pilot: Pilot[None]) -> object:
    return pilot.app.screen.query_one(Conversation).virtual_size.height > 30


def panel(pilot: Pilot[None]) -> object:
    return pilot.app.screen.query_one(Panel).display


def waiting(pilot: Pilot[None]) -> object:
    return pilot.app.screen.query_one(Queue).render().plain


def side_by_side(pilot: Pilot[None]) -> object:
    return pilot.app.screen.query_one("HunkList").side_by_side


def imagined_run(pilot: Pilot[None]) -> object:
    return pilot.app.screen.query_one(HunkRunView).display


MAIN: dict[str, Case] = {
    "Enter ^S": Case(
        SEARCHING,
        (
            (("a", "enter"), told, [SubmitPrompt("a")]),
            (("b", "ctrl+s"), told, [SubmitPrompt("a"), SubmitPrompt("b")]),
            ((), waiting, "⋯ next  a\n⋯ next  b"),
        ),
    ),
    "^J": Case([OPENED], ((("a", "ctrl+j", "b"), typed, "a\nb"),)),
    "↑ ↓": Case([OPENED], ((("a", "enter", "b", "enter", "up", "up"), typed, "a"), (("down",), typed, "b"))),
    "↑": Case(SEARCHING, ((("a", "enter", "up"), told, [SubmitPrompt("a"), Unqueue()]),)),
    "^G": Case([OPENED], ((("a", "ctrl+g"), typed, "a\nfrom the editor"),)),
    "Esc": Case(SEARCHING, ((("escape",), told, [Interrupt()]),)),
    "Esc Esc": Case(READY, ((("escape", "escape"), screen, RewindScreen),)),
    "^T": Case([OPENED], ((("ctrl+t",), told, [SetMode(Mode.IMAGINED)]),)),
    "^R": Case(READY, ((("ctrl+r",), screen, ReviewScreen),)),
    "^O": Case(READY, (((), panel, True), (("ctrl+o",), panel, False), (("ctrl+o",), panel, True))),
    "^Y": Case(READY, ((("ctrl+y",), lambda pilot: pilot.app.clipboard[:10], "refunds.py"),)),
    "^P": Case(READY, ((("ctrl+p",), screen, CommandPalette),)),
    "^Q": Case(READY, ((("ctrl+q",), screen, ConfirmScreen),)),
    "PgUp PgDn": Case(
        [*READY, *READY[1:], *READY[1:]],
        (
            (("pageup", "pageup", "pageup", "pageup"), scrolled(Conversation), False),
            (("pagedown",), scrolled(Conversation), True),
        ),
    ),
    "Tab": Case(FAILED, ((("tab",), lambda pilot: type(pilot.app.focused), Conversation),)),
    "": Case(FAILED, (((), heights, False), (("tab", "up", "enter"), heights, True))),
    "!command": Case([OPENED], ((("!", "l", "s", "enter"), told, [RunInSandbox("ls")]),)),
    "@file": Case([OPENED], ((("@", "l", "e", "d"), lambda _: None, None), (("tab",), typed, "@tally/ledger.py "))),
}
TRACE: dict[str, Case] = {
    "1 2 3 4": Case(
        TRACED,
        (
            (("2",), tab, "tests"),
            (("3",), tab, "diff"),
            (("4",), tab, "shell"),
            (("right_square_bracket",), tab, "trace"),
            (("left_square_bracket",), tab, "shell"),
            (("1",), tab, "trace"),
        ),
    ),
    "← → ↑ ↓": Case(
        TRACED, ((("home", "right", "down", "right"), frame, 3), (("left",), frame, 2), (("up",), frame, 1))
    ),
    "o O u": Case(TRACED, ((("home", "o"), frame, 1), (("O",), frame, 0), (("u",), frame, 8))),
    "PgUp PgDn": Case(
        TRACED, ((("home", "pagedown"), frame, 8), (("pageup",), frame, 0), (("end",), frame, 8), (("home",), frame, 0))
    ),
    "d": Case(TRACED, ((("home", "d"), frame, 3),)),
    "/ n": Case(TRACED, ((("home", "slash", *"2.000", "enter"), frame, 1), (("n",), frame, 2))),
    "e": Case(
        TRACED,
        ((("d", "right", "e", "enter"), lambda pilot: type(pilot.app.session.told[0]), ImagineOn),),
    ),
    "t": Case(TRACED, ((("t",), told, [PinTrace(2)]), (("comma", "t"), told, [PinTrace(2), PinTrace(1)]))),
    "Enter": Case(TRACED, ((("d", "enter"), screen, SourceScreen),)),
    ", .": Case(
        TRACED,
        (
            (("comma",), lambda pilot: pilot.app.screen.query_one(TraceTab).loupe.traced.number, 1),
            (("full_stop",), lambda pilot: pilot.app.screen.query_one(TraceTab).loupe.traced.number, 2),
        ),
    ),
}
REVIEW: dict[str, Case] = {
    "j k ↑ ↓": Case(
        READY,
        ((("j",), place, (2, 1)), (("k",), place, (2, 0)), (("down",), place, (2, 1)), (("up",), place, (2, 0))),
    ),
    "Tab ← →": Case(READY, ((("tab",), place, (3, 0)), (("left",), place, (2, 0)), (("right",), place, (3, 0)))),
    "PgUp PgDn": Case(READY, ((("pagedown",), scrolled("HunkList"), True), (("pageup",), scrolled("HunkList"), False))),
    "a": Case(READY, ((("a",), verdict, "accept"),)),
    "r": Case(READY, ((("r",), verdict, "reject"),)),
    "n": Case(READY, ((("n", *"no", "enter"), lambda pilot: pilot.app.screen.desk.decision(2, 0).note, "no"),)),
    "e": Case(READY, ((("e",), screen, EditScreen),)),
    "^G": Case(READY, ((("ctrl+g",), verdict, "edit"),)),
    "Space": Case(READY, ((("space",), verdict, "accept"), (("space",), verdict, "undecided"))),
    "A R": Case(
        READY,
        (
            (("A",), lambda pilot: pilot.app.screen.desk.file_state(2), "accept"),
            (("R",), lambda pilot: pilot.app.screen.desk.file_state(2), "reject"),
        ),
    ),
    "i": Case(
        WITH_MODEL,
        (
            (("i",), told, [ImagineHunk(1, 2, 0)]),
            ((), imagined_run, True),
            (("i",), imagined_run, False),
        ),
    ),
    "s": Case(READY, ((("s",), side_by_side, True), (("s",), side_by_side, False))),
    "Enter": Case(
        READY,
        (
            (("A", "enter"), told, []),
            (("enter",), lambda pilot: type(pilot.app.session.told[0]), ApplyPatch),
        ),
    ),
    "u": Case(
        READY,
        ((("A", "enter", "enter", "u"), lambda pilot: pilot.app.session.told[1:], [UndoApply()]),),
    ),
    "Esc": Case(READY, ((("escape",), screen, MainScreen),)),
}
PAGES = {
    "main": ((), KEYS, MAIN, (78, 24)),
    "panel": ((*"/trace", "enter"), TRACE_KEYS, TRACE, (120, 36)),
    "review": (("ctrl+r", "tab", "tab"), REVIEW_KEYS, REVIEW, (120, 20)),
}


@pytest.mark.parametrize("page", PAGES)
def test_every_line_of_the_help_has_a_test(page: str) -> None:
    _, lines, cases, _ = PAGES[page]
    assert [key for key, _ in lines] == list(cases)


@pytest.mark.parametrize(("page", "line"), [(page, line) for page, (_, _, cases, _) in PAGES.items() for line in cases])
async def test_the_key_does_what_the_help_says(
    page: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf "\\nfrom the editor" >> "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(editor))
    before, _, cases, size = PAGES[page]
    if line == "^O":
        size = (120, 36)
    app = app_of(ReplaySession(cases[line].story, wide_review()), files=lambda: FILES)
    monkeypatch.setattr(app, "suspend", nullcontext)  # there is no terminal to hand to the editor
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press(*before)
        await settled(pilot)
        for keys, see, expected in cases[line].steps:
            await pilot.press(*keys)
            if listing := [worker for worker in app.workers if worker.group == "files"]:
                await app.workers.wait_for_complete(listing)
            await settled(pilot)
            assert see(pilot) == expected, keys
