"""The list of sessions, with the keyboard alone, on records on disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from cwm_agent.core import sessions
from cwm_agent.core.record import Record
from cwm_agent.events import CheckpointMade, FileStat, PromptAccepted, Rested, SessionOpened
from cwm_agent.observations import Mode
from cwm_agent.tui.app import CwmApp
from cwm_agent.tui.picture import Remark
from cwm_agent.tui.screens.sessions import SessionsScreen
from cwm_agent.workspace.changes import REGULAR, Change, ChangeSet, Entry
from tests.tui.stories import OPENED, ReplaySession, app_of, settled

REPOSITORY = OPENED.repository


def recorded(name: str, prompt: str, status: Any, at: float, repository: str = REPOSITORY) -> Path:
    record = Record(sessions.sessions_folder() / name, clock=lambda: at)
    record.append(SessionOpened(name, repository, "main", "forager", Mode.VERIFY, None, "0"))
    record.append(PromptAccepted(prompt))
    record.keep(1, ChangeSet((Change(b"a.py", None, Entry(REGULAR, b"x = 1\n")),)))
    record.append(CheckpointMade(1, 1, (FileStat("a.py", "added", 1, 0),)))
    record.append(Rested(status))
    record.close()
    return sessions.sessions_folder() / name


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CWM_AGENT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    recorded("20260301-100000-aaaa", "test_refund_keeps_the_cent fails", "fixed", 1_772_359_200.0)
    recorded("20260302-110000-bbbb", "why is the total wrong?", "interrupted", 1_772_449_200.0)
    recorded("20260303-120000-cccc", "elsewhere", "fixed", 1_772_539_200.0, "/home/you/other")


async def opened(pilot: Pilot[None]) -> SessionsScreen:
    await settled(pilot)
    await pilot.press(*"/sessions", "enter")
    await settled(pilot)
    assert isinstance(pilot.app.screen, SessionsScreen)
    return pilot.app.screen


def shown(screen: SessionsScreen) -> str:
    return "\n".join(row.content.plain for row in screen._list.lay_out(70))


async def test_it_lists_those_of_this_repository_newest_first_and_takes_one_up() -> None:
    async with (app := app_of(ReplaySession([OPENED]))).run_test() as pilot:
        screen = await opened(pilot)
        lines = shown(screen)
        assert lines.index("why is the total wrong?") < lines.index("test_refund_keeps_the_cent")
        assert "elsewhere" not in lines
        await pilot.press("down", "enter")
        await settled(pilot)
    assert app.next_session == "20260301-100000-aaaa"


async def test_escape_stays_here() -> None:
    async with (app := app_of(ReplaySession([OPENED]))).run_test() as pilot:
        await opened(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert app.is_running
    assert app.next_session is None


async def test_rename_fork_and_export(tmp_path: Path) -> None:
    async with app_of(ReplaySession([OPENED])).run_test() as pilot:
        screen = await opened(pilot)
        await pilot.press("r", *"totals", "enter")
        assert "totals" in shown(screen)
        await pilot.press("f")
        assert "fork of totals" in shown(screen)
        place = tmp_path / "out.patch"
        await pilot.press("x")
        screen.query_one("NoteInput").value = str(place)  # type: ignore[attr-defined]
        await pilot.press("enter")
        assert "Written:" in shown(screen)
        assert b"+x = 1" in place.read_bytes()
        await pilot.press("x")
        screen.query_one("NoteInput").value = str(place)  # type: ignore[attr-defined]
        await pilot.press("enter")
        assert "File exists" in shown(screen), "an export never replaces a file"
    assert len(sessions.list_sessions()) == 4


async def test_enter_after_a_fork_takes_the_copy_up() -> None:
    async with (app := app_of(ReplaySession([OPENED]))).run_test() as pilot:
        screen = await opened(pilot)
        before = {each.identity for each in sessions.list_sessions()}
        await pilot.press("down", "f")
        assert "fork of test_refund_keeps_the_cent fails" in shown(screen)
        await pilot.press("enter")
        await settled(pilot)
    (made,) = {each.identity for each in sessions.list_sessions()} - before
    assert app.next_session == made


async def test_one_that_is_open_elsewhere_is_not_taken_up() -> None:
    writer = Record(sessions.sessions_folder() / "20260302-110000-bbbb")
    async with (app := app_of(ReplaySession([OPENED]))).run_test() as pilot:
        screen = await opened(pilot)
        await pilot.press("enter")
        assert "open in another process" in shown(screen)
        assert app.is_running
    writer.close()


async def test_resume_leaves_for_the_session_that_its_name_begins() -> None:
    async with (app := app_of(ReplaySession([OPENED]))).run_test() as pilot:
        await settled(pilot)
        await pilot.press(*"/resume 20260301", "enter")
        await settled(pilot)
    assert app.next_session == "20260301-100000-aaaa"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nobody", "There is no session 'nobody'."),
        ("2026030", "Several sessions begin with '2026030'"),
        ("s1", "is the session that is open here"),
        ("20260303", "is of another repository: /home/you/other"),
        ("20260302", "is open in another process (pid"),
    ],
)
async def test_resume_of_what_cannot_be_taken_up_stays_in_the_session_and_says_why(name: str, why: str) -> None:
    recorded("s1", "this one", "fixed", 1_772_539_300.0)
    writer = Record(sessions.sessions_folder() / "20260302-110000-bbbb")
    session = ReplaySession([OPENED])
    async with (app := app_of(session)).run_test(size=(160, 36)) as pilot:
        await settled(pilot)
        await pilot.press(*f"/resume {name}", "enter")
        await settled(pilot)
        errors = [block for block in app.picture.blocks if isinstance(block, Remark)]
        assert [block.kind for block in errors] == ["error"]
        assert why in errors[0].text
        assert app.session is session
        assert app.next_session is None
    writer.close()


@pytest.mark.parametrize(("size", "theme"), [((80, 24), "dark"), ((120, 36), "light")])
def test_picture(snap_compare: Callable[..., bool], size: tuple[int, int], theme: str) -> None:
    sessions.rename(sessions.sessions_folder() / "20260301-100000-aaaa", "the refund that lost a cent")

    async def show(pilot: Pilot[None]) -> None:
        assert isinstance(pilot.app, CwmApp)
        await opened(pilot)

    assert snap_compare(app_of(ReplaySession([OPENED]), theme=f"cwm-{theme}"), terminal_size=size, run_before=show)
