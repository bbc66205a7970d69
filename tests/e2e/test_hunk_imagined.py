"""`i` of the review, whole: the small model of the package, the real sandbox, a repair of the forager."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from cwm_agent.compose import House
from cwm_agent.containers.labels import SESSION
from cwm_agent.core.history import newest
from cwm_agent.core.session import Session
from cwm_agent.events import (
    CheckpointMade,
    Decision,
    FramesReached,
    HunkImagined,
    ImagineHunk,
    PatchProposed,
    PredictionScored,
    Rested,
    SubmitPrompt,
    TraceBegan,
    TraceEntry,
)
from cwm_agent.observations import Mode, Origin
from cwm_agent.settings import Settings
from cwm_agent.traces.frames import Frame
from cwm_agent.tui.app import CwmApp
from cwm_agent.tui.widgets.hunk_run import HunkRunView
from cwm_agent.workspace.repository import Repository
from tests.e2e.conftest import git

CLAMP = """\
with open("/tmp/marks", "a") as marks:
    marks.write("x")


def clamp(value, low, high):
    if value < low:
        return low
    if value < high:
        return high
    return value
"""
CHECK = """\
from clamp import clamp


def test_low():
    assert clamp(0, 1, 5) == 1


def test_high():
    assert clamp(7, 1, 5) == 5


def test_between():
    assert clamp(3, 1, 5) == 3
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CWM_AGENT_HOME", str(tmp_path / "home"))
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "clamp.py").write_text(CLAMP)
    (folder / "test_clamp.py").write_text(CHECK)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return folder


def marks(session: Session) -> int:
    """How often the module was executed in the sandbox."""
    listed = ["docker", "ps", "-q", "--filter", f"label={SESSION}={session.identity}"]
    (name,) = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()
    read = ["docker", "exec", "-u", "0", name, "cat", "/tmp/marks"]
    return len(subprocess.run(read, capture_output=True, text=True, check=True).stdout)


def frames_of(session: Session, answer: HunkImagined) -> list[Frame]:
    wanted = (answer.trace, Origin.IMAGINED)
    batches = [each for each in session.history if isinstance(each, FramesReached)]
    return [frame for each in batches if (each.trace, each.origin) == wanted for frame in each.frames]


async def imagined(session: Session, *decisions: Decision) -> HunkImagined:
    """The answer for the first hunk; nothing was executed for it, and no file changed."""
    proposed = newest(session.history, PatchProposed)
    assert proposed is not None
    before, began = marks(session), len(session.history)
    await session.send(ImagineHunk(proposed.checkpoint, 0, 0, decisions))
    await session.idle()
    assert marks(session) == before
    fresh = session.history[began:]
    assert all(each.origin is Origin.IMAGINED for each in fresh if isinstance(each, TraceBegan))
    assert not any(isinstance(each, CheckpointMade | PredictionScored) for each in fresh)
    answer = newest(fresh, HunkImagined)
    assert answer is not None
    return answer


async def repaired(session: Session) -> None:
    await session.start()
    await session.send(SubmitPrompt("test_high fails, please fix it"))
    await session.idle()
    rested = newest(session.history, Rested)
    assert rested is not None
    assert rested.status == "fixed"


async def by_hand(project: Path) -> None:
    """In `real` mode, where nothing was imagined before and no input was recorded."""
    house = House(Settings(mode=Mode.REAL), Repository.open(project))
    try:
        session = await house.open(lambda _: None)
        await repaired(session)
        answer = await imagined(session)
        assert (answer.call, answer.known) == ("clamp(value=7, low=1, high=5)", "called by test_clamp.py::test_high")
        assert (answer.path, answer.lines, answer.before) == ("clamp.py", (8, 8), "returns 7")
        frames = frames_of(session, answer)
        assert frames[0].locals == {"value": "7", "low": "1", "high": "5"}
        assert all(frame.basis for frame in frames), "a real frame tells no basis"
        edited = await imagined(session, Decision(0, 0, "edit", edited=b"    if value > high + 0:\n"))
        seen = {frame.source for frame in frames_of(session, edited)}
        assert edited.trace != answer.trace
        assert not seen & {"    if value > high:", "    if value < high:"}, "it is imagined on the user's own line"
        executed = marks(session)
        await session.send(TraceEntry("clamp.py", answer.call))
        await session.idle()
        assert marks(session) > executed, "what runs leaves a mark"
        again = await imagined(session)
        ran = newest(session.history, TraceBegan)
        assert ran is not None
        assert (again.call, again.real) == (answer.call, ran.trace)
        await session.aclose()
    finally:
        await house.aclose()


def test_nothing_is_executed_for_it(project: Path) -> None:
    asyncio.run(by_hand(project))


async def on_screen(project: Path) -> list[str]:
    """The rows below the hunk, after ^R and i."""
    house = House(Settings(mode=Mode.VERIFY), Repository.open(project))
    app = CwmApp(house.open, title="project", branch="main", alert="off")
    try:
        async with app.run_test(size=(120, 36)) as pilot:
            async with asyncio.timeout(120):
                while app.picture.box != "ready":
                    await pilot.pause(0.1)
                await pilot.press(*"test_high fails", "enter")
                while app.picture.rested is None:
                    await pilot.pause(0.1)
                await pilot.press("ctrl+r", "i")
                view = app.screen.query_one(HunkRunView)
                while view.run is None or not view.run.over:
                    await pilot.pause(0.1)
            await pilot.pause()
            rows = [view.row_at(y) for y in range(view.virtual_size.height)]
            return [row.content.plain.rstrip() for row in rows if row is not None]
    finally:
        await house.aclose()


def test_a_user_sees_it_below_the_hunk(project: Path) -> None:
    rows = asyncio.run(on_screen(project))
    assert rows[0] == " ◇ imagined by cwm-nano  called by test_clamp.py::test_high"
    assert rows[1] == " clamp(value=7, low=1, high=5)"
    assert rows[2].startswith(" ◇ IMAGINED  ")
    before = next(row for row in rows if row.startswith(" before ◆ returns 7"))
    assert "→  with this hunk ◇ " in before
