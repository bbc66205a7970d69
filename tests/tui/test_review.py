"""The review screen, hunk by hunk, as a user presses through it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import TextArea

from cwm_agent.events import ApplyPatch, Decision, UndoApply
from cwm_agent.tui.screens.help import HelpScreen
from cwm_agent.tui.screens.main import MainScreen
from cwm_agent.tui.screens.note import EditScreen
from cwm_agent.tui.screens.review import ReviewScreen
from cwm_agent.workspace.review import Review
from tests.tui.stories import READY, ReplaySession, app_of, review, settled, wide_review


@asynccontextmanager
async def reviewing(
    patch: Review | None = None, size: tuple[int, int] = (120, 36), refuses: str = ""
) -> AsyncIterator[tuple[Pilot[None], ReplaySession]]:
    session = ReplaySession(READY, patch or review())
    session.refuses = refuses
    async with app_of(session).run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+r")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ReviewScreen)
        yield pilot, session


def bar(pilot: Pilot[None]) -> str:
    return pilot.app.screen.query_one("#state").render().plain.strip()


def shown(pilot: Pilot[None]) -> str:
    view = pilot.app.screen.query_one("HunkList")
    return "\n".join(view.render_line(y).text.rstrip() for y in range(view.size.height))


async def test_nothing_is_accepted_until_it_is() -> None:
    async with reviewing() as (pilot, session):
        assert bar(pilot) == "0 of 2 hunks accepted   2 undecided, not accepted"
        await pilot.press("enter")
        assert "Nothing is decided yet" in bar(pilot)
        await pilot.press("enter", "enter")
        assert session.told == []


async def test_accept_one_reject_one_and_apply() -> None:
    async with reviewing() as (pilot, session):
        await pilot.press("a", "r")
        assert bar(pilot) == "1 of 2 hunks accepted   1 rejected"
        await pilot.press("enter")
        assert bar(pilot).startswith("Write 1 hunk in 1 file to your tree; 1 hunk left out?")
        assert session.told == [], "one question stands before anything is written"
        await pilot.press("enter")
        await settled(pilot)
        assert session.told == [ApplyPatch(1, (Decision(0, 0, "accept"), Decision(0, 1, "reject")))]
        assert bar(pilot).startswith("✓ Applied to payments/refunds.py.")


async def test_escape_takes_the_question_back_and_then_leaves() -> None:
    async with reviewing() as (pilot, session):
        await pilot.press("A", "enter", "escape")
        assert bar(pilot) == "2 of 2 hunks accepted"
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(pilot.app.screen, MainScreen)
        assert session.told == []


async def test_moving_takes_the_question_back() -> None:
    async with reviewing() as (pilot, session):
        await pilot.press("a", "enter", "k", "enter")
        await settled(pilot)
        assert session.told == []


async def test_reject_with_a_note_whose_letters_are_no_commands() -> None:
    async with reviewing() as (pilot, session):
        await pilot.press("n", *"rA s u", "enter")
        await settled(pilot)
        assert "note: rA s u" in shown(pilot)
        await pilot.press("j", "a", "enter", "enter")
        await settled(pilot)
        assert session.told == [ApplyPatch(1, (Decision(0, 0, "reject", "rA s u"), Decision(0, 1, "accept")))]


async def test_a_review_that_is_left_keeps_what_was_decided_and_noted() -> None:
    async with reviewing() as (pilot, session):
        await pilot.press("n", *"keep cents", "enter", "escape")
        await settled(pilot)
        await pilot.press("ctrl+r")
        await settled(pilot)
        assert bar(pilot) == "0 of 2 hunks accepted   1 rejected   1 undecided, not accepted"
        assert "note: keep cents" in shown(pilot)
        await pilot.press("escape")
        await pilot.press(*"/apply", "enter")
        await settled(pilot)
        assert "note: keep cents" in shown(pilot), "what was decided before is not accepted by a command either"
        assert session.told == []


async def test_rejections_alone_go_back_once_and_the_review_says_so() -> None:
    async with reviewing() as (pilot, session):
        await pilot.press("R", "enter")
        assert bar(pilot).startswith("Apply nothing and send the rejections back?")
        await pilot.press("enter")
        await settled(pilot)
        assert bar(pilot).startswith("Sent back: the agent reads it with your next request.")
        await pilot.press("enter", "enter")
        await settled(pilot)
        assert len(session.told) == 1
        await pilot.press("escape", "ctrl+r")
        await settled(pilot)
        await pilot.press("k", "a", "enter")
        assert bar(pilot).startswith("Write 1 hunk in 1 file"), "another decision is another matter"


async def test_a_note_that_is_given_up_decides_nothing() -> None:
    async with reviewing() as (pilot, _):
        await pilot.press("n", *"abc", "escape")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ReviewScreen)
        assert bar(pilot) == "0 of 2 hunks accepted   2 undecided, not accepted"


async def test_edit_the_new_lines_of_a_hunk() -> None:
    async with reviewing() as (pilot, session):
        await pilot.press("e")
        await settled(pilot)
        assert isinstance(pilot.app.screen, EditScreen)
        area = pilot.app.screen.query_one(TextArea)
        area.text = area.text.replace("ROUND_HALF_UP", "ROUND_UP")
        await pilot.press("ctrl+s")
        await settled(pilot)
        assert "ROUND_UP" in shown(pilot)
        assert "accepted as edited" in shown(pilot)
        await pilot.press("enter", "enter")
        await settled(pilot)
        edited = b"        total += amount\n    return total.quantize(CENT, ROUND_UP)\n"
        assert session.told == [ApplyPatch(1, (Decision(0, 0, "edit", edited=edited),))]


async def test_an_edit_that_is_left_changes_nothing() -> None:
    async with reviewing() as (pilot, _):
        await pilot.press("e")
        await settled(pilot)
        await pilot.press("x", "escape")
        await settled(pilot)
        assert bar(pilot) == "0 of 2 hunks accepted   2 undecided, not accepted"


async def test_space_toggles_and_capitals_decide_the_whole_file() -> None:
    async with reviewing() as (pilot, _):
        await pilot.press("space")
        assert bar(pilot).startswith("1 of 2 hunks accepted")
        await pilot.press("space")
        assert bar(pilot).startswith("0 of 2 hunks accepted")
        await pilot.press("A")
        assert bar(pilot) == "2 of 2 hunks accepted"
        await pilot.press("R")
        assert bar(pilot) == "0 of 2 hunks accepted   2 rejected"


async def test_tab_goes_from_file_to_file_and_files_without_lines_have_one_hunk() -> None:
    async with reviewing(wide_review()) as (pilot, session):
        assert "tools run or obey this file" in shown(pilot)
        await pilot.press("tab")
        assert "4 bytes → 6 bytes" in shown(pilot)
        await pilot.press("a", "tab")
        assert "644 → 755" in shown(pilot)
        await pilot.press("e")
        assert "no lines to edit" in bar(pilot)
        await pilot.press("a", "enter", "enter")
        await settled(pilot)
        assert session.told == [ApplyPatch(1, (Decision(1, 0, "accept"), Decision(3, 0, "accept")))]


async def test_what_the_eye_would_not_see_is_shown() -> None:
    async with reviewing(wide_review()) as (pilot, _):
        await pilot.press("tab", "tab", "tab", "tab")
        text = shown(pilot)
        assert "<U+202E>" in text, "an override of the writing direction"
        assert "→" in text, "a tab"
        assert "␍" in text, "a carriage return"
        assert "no newline at the end" in text
        await pilot.press("e")
        await settled(pilot)
        assert "cannot be edited here" in bar(pilot)


async def test_split_shows_both_sides() -> None:
    async with reviewing() as (pilot, _):
        await pilot.press("s")
        row = next(line for line in shown(pilot).splitlines() if "HALF_UP" in line)
        assert "return total  " in row.split("│")[0]
        assert ".quantize(CENT, ROUND_HALF_UP)" in row.split("│")[1]


async def test_a_refusal_is_shown_with_its_reason() -> None:
    async with reviewing(refuses="payments/refunds.py changed since") as (pilot, _):
        await pilot.press("A", "enter", "enter")
        await settled(pilot)
        assert bar(pilot).startswith("✗ Not applied: payments/refunds.py changed since")


async def test_undo_takes_the_last_apply_back() -> None:
    async with reviewing() as (pilot, session):
        await pilot.press("u")
        assert "Nothing was applied yet" in bar(pilot)
        await pilot.press("A", "enter", "enter")
        await settled(pilot)
        await pilot.press("u")
        await settled(pilot)
        assert session.told[-1] == UndoApply()
        assert bar(pilot).startswith("✓ Undone: payments/refunds.py as before.")


async def test_apply_command_accepts_what_shows_all_that_it_does_and_still_asks() -> None:
    session = ReplaySession(READY, wide_review())
    async with app_of(session).run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press(*"/apply", "enter")
        await settled(pilot)
        assert bar(pilot).startswith("Write 2 hunks in 1 file to your tree; 4 hunks left out?")
        await pilot.press("enter")
        await settled(pilot)
        told = session.told[-1]
        assert isinstance(told, ApplyPatch)
        assert [each.file for each in told.decisions if each.verdict == "accept"] == [2, 2]


async def test_help_names_the_keys_of_the_review() -> None:
    async with reviewing(size=(80, 24)) as (pilot, _):
        await pilot.press("f1")
        await settled(pilot)
        assert isinstance(pilot.app.screen, HelpScreen)
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ReviewScreen)


async def test_there_is_no_review_without_a_patch() -> None:
    session = ReplaySession(READY[:2])
    async with app_of(session).run_test() as pilot:
        await settled(pilot)
        await pilot.press("ctrl+r")
        await settled(pilot)
        assert isinstance(pilot.app.screen, MainScreen)


async def test_the_users_editor_writes_the_hunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nprintf '    return 0\\r\\n' > \"$1\"\n")
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(editor))
    from cwm_agent.editor import edit_in_editor

    assert edit_in_editor(b"before\n", ".py") == b"    return 0\r\n"
    editor.write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(OSError, match="exit code 3"):
        edit_in_editor(b"before\n", ".py")
