"""Think, imagine, act: whole sessions over a real socket in the real sandbox."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cwm_agent.compose import House
from cwm_agent.containers.labels import SESSION
from cwm_agent.events import ActionBegan, ActionEnded, AgentEvent, PatchProposed, Rested, SubmitPrompt
from cwm_agent.observations import Mode
from cwm_agent.settings import Settings, WorldSettings
from cwm_agent.workspace.repository import Repository
from tests.e2e.conftest import Run, git
from tests.e2e.model_server import NAME
from tests.e2e.thinking_server import knows, thinking_server
from tests.unit.policies.chat_model import call, says

LETTERS = """\
def count(text, letter):
    n = 0
    for each in text:
        if each == letter:
            n += 1
    return n
"""
BUGGY = LETTERS.replace("==", "!=")
WORSE = LETTERS.replace("==", ">")
CHECK = 'from letters import count\n\n\ndef test_count():\n    assert count("bob", "b") == 2\n'
TEST = "test_letters.py::test_count"
FIX = "letters.py\n<<<<<<< SEARCH\n        if each != letter:\n=======\n        if each == letter:\n>>>>>>> REPLACE"
WORSE_FIX = FIX.replace("each ==", "each >")
BUG = {"letters.py": BUGGY, "test_letters.py": CHECK}
FIXED = {"letters.py": LETTERS, "test_letters.py": CHECK}
WORSENED = {"letters.py": WORSE, "test_letters.py": CHECK}
PYTEST = call("bash", f"python3 -m pytest -q {TEST}")
END = [call("bash", "git diff > /tmp/fix.patch"), call("submit", "/tmp/fix.patch"), says("The comparison was wrong.")]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    for name, text in BUG.items():
        (folder / name).write_text(text)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return folder


def events_of(run: Run, project: Path, url: str, **env: str) -> list[dict[str, Any]]:
    done = run(
        *("run", "test_count fails, please fix it", "--repo", str(project), "--mode", "verify"),
        *("--model-url", url, "--model", NAME, "--format", "stream-json"),
        env={"CWM_AGENT_HOME": str(project.parent / "home"), **env},
    )
    assert done.stdout, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def kinds(events: list[dict[str, Any]], *wanted: str) -> list[dict[str, Any]]:
    return [each for each in events if each.get("type") in wanted]


def test_a_surprise_is_found_while_the_model_thinks_and_told_with_its_next_answer(run: Run, project: Path) -> None:
    """The model errs in one call; that is imagined and run behind its thoughts, which last long enough."""
    expression = "count(text='bob', letter='b')"
    replies = [PYTEST, call("edit", FIX), PYTEST, *END]

    async def beliefs() -> list[Any]:
        return [
            await knows(FIXED, "test_letters.py", "test_count()"),
            await knows(FIXED, "letters.py", expression, {(5, "n"): "7"}),
        ]

    with thinking_server(replies, asyncio.run(beliefs()), quiet={1: 2.0, 2: 4.0}) as (url, seen):
        events = events_of(run, project, url)
    assert events[-1]["status"] == "fixed", events[-1]
    scored = {(each["subject"], each["kind"]): each for each in kinds(events, "prediction_scored")}
    surprise = scored[expression, "trace"]
    assert not surprise["came_true"]
    assert scored[TEST, "test"]["came_true"]
    assert scored[TEST, "trace"]["came_true"]
    proposed = [events.index(each) for each in kinds(events, "action_proposed")]
    assert proposed[1] < events.index(surprise) < proposed[2], "it was known before the next action"
    began = [
        (each["type"], each["origin"]) for each in events if each.get("trace") == surprise["trace"] and "origin" in each
    ]
    assert began.index(("trace_ended", "imagined")) < began.index(("trace_began", "real"))
    told = next(text for text in seen.decided if "Predicted wrongly" in text)
    assert f"{expression}: IMAGINED: " in told
    assert "; RAN: returns 2." in told
    imagined, real = [each for each in kinds(events, "action_ended") if each["action"] == 3]
    assert (imagined["origin"], real["origin"]) == ("imagined", "real")
    assert imagined["seconds"] < 0.5, "it was imagined before"


def test_what_is_thought_away_reaches_no_file(run: Run, project: Path) -> None:
    edits = [call("edit", WORSE_FIX), call("edit", FIX), call("edit", FIX)]
    replies = [PYTEST, PYTEST, *edits, PYTEST, PYTEST, *END]

    async def beliefs() -> list[Any]:
        states = (BUG, WORSENED, FIXED)
        return [await knows(files, "test_letters.py", "test_count()") for files in states]

    with thinking_server(replies, asyncio.run(beliefs())) as (url, seen):
        events = events_of(run, project, url, CWM_AGENT_WORLD__REFINE="2")
    result = events[-1]
    assert result["status"] == "fixed", result
    assert "each >" not in result["patch"]
    proposed = kinds(events, "action_proposed")
    assert [(each["call"]["tool"], each["draft"]) for each in proposed[:7]] == [
        *(("bash", True), ("bash", False)),
        *(("edit", True), ("edit", True), ("edit", False)),
        *(("bash", True), ("bash", False)),
    ]
    drafts = {each["action"] for each in proposed if each.get("draft")}
    ran = {each["action"] for each in kinds(events, "action_began") if each["origin"] == "real"}
    assert not drafts & ran
    assert [each["action"] for each in kinds(events, "checkpoint_made") if each["files"][0]["name"] == "letters.py"][
        :1
    ] == [5]
    told = [each["observation"] for each in kinds(events, "action_ended") if each["action"] in drafts]
    assert f"{TEST}: imagined to fail" in told[1]
    assert f"{TEST}: imagined to pass" in told[2]
    assert any("[IMAGINED: nothing was done or run." in text for text in seen.decided)


def container(session: str) -> str:
    listed = ["docker", "ps", "-q", "--filter", f"label={SESSION}={session}"]
    (found,) = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()
    return found


def inside(name: str, *command: str) -> str:
    done = subprocess.run(["docker", "exec", "-u", "0", name, *command], capture_output=True, text=True, check=True)
    return done.stdout


async def imagined_session(url: str, project: Path) -> tuple[tuple[AgentEvent, ...], dict[str, str]]:
    """A session from its opening to its rest, and what its container looks like then."""
    settings = Settings(mode=Mode.IMAGINED, model_url=url, model=NAME, world=WorldSettings(embedded=False))
    house = House(settings, Repository.open(project))
    try:
        session = await house.open(lambda _: None)
        await session.start()
        await session.send(SubmitPrompt("test_count fails, please fix it"))
        await session.idle()
        name = container(session.identity)
        state = {
            "files": inside(name, "find", "/workspace", "/tmp", "/home", "-not", "-path", "*/.git/*"),
            "processes": inside(name, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"),
            "letters.py": inside(name, "cat", "/workspace/letters.py"),
        }
        await session.aclose()
        return session.history, state
    finally:
        await house.aclose()


def test_in_imagined_mode_nothing_is_executed(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CWM_AGENT_HOME", str(tmp_path / "home"))
    (project / "requirements.txt").write_text("nothing-that-exists\n")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "needs")
    marks = "touch /workspace/marker; touch /tmp/marker; sleep 1000 &"
    replies = [call("bash", marks), PYTEST, call("edit", FIX), PYTEST, *END]
    guesses = ["[1] 42\n</output>", "</output>"]

    async def beliefs() -> list[Any]:
        return [await knows(files, "test_letters.py", "test_count()") for files in (BUG, FIXED)]

    with thinking_server(replies, asyncio.run(beliefs()), guesses) as (url, seen):
        history, state = asyncio.run(imagined_session(url, project))
    assert len(seen.guessed) == 2
    assert seen.traces
    assert "marker" not in state["files"]
    assert "pycache" not in state["files"]
    assert "fix.patch" not in state["files"]
    assert not any(word in state["processes"] for word in ("sleep", "pytest", "shelld")), state["processes"]
    assert state["letters.py"] == LETTERS, "edits apply to the snapshot"
    assert (project / "letters.py").read_text() == BUGGY
    ended = [each for each in history if isinstance(each, ActionEnded)]
    assert [each.origin.value for each in ended] == ["imagined", "imagined", "real", "imagined", "imagined", "real"]
    assert ended[0].observation == "[1] 42\n"
    assert f"FAILED {TEST}" in ended[1].observation
    assert "1 passed" in ended[3].observation
    assert [each.guessed for each in history if isinstance(each, ActionBegan)] == [
        True,
        False,
        False,
        False,
        True,
        False,
    ]
    (patch,) = [each for each in history if isinstance(each, PatchProposed)]
    assert ([each.name for each in patch.files], patch.verified) == (["letters.py"], False)
    rested = next(each for each in history if isinstance(each, Rested))
    assert rested.status == "proposed"
