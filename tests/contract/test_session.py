"""A whole session on a real container: tools, checkpoints, interrupt, a container that dies, and taking it up again."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import Image
from cwm_agent.containers.sandbox import Sandbox
from cwm_agent.core.parts import SessionParts
from cwm_agent.core.record import Record, read
from cwm_agent.core.session import Session
from cwm_agent.events import (
    ActionEnded,
    ActionOutput,
    ApplyPatch,
    CheckpointMade,
    Interrupt,
    Noticed,
    PatchApplied,
    PatchProposed,
    Rested,
    Rewind,
    SessionResumed,
    SubmitPrompt,
    ToolCall,
)
from cwm_agent.events import TestsReported as Report
from cwm_agent.observations import Completed, Limits, Mode
from cwm_agent.protocols import Act, FinalAnswer
from cwm_agent.settings import LimitSettings, SandboxSettings
from cwm_agent.testing import ScriptedPolicy, Step
from cwm_agent.tools import all_tools
from cwm_agent.workspace.local import LocalWorkspace
from cwm_agent.workspace.repository import Repository
from cwm_agent.worlds.real import RealWorld
from tests.unit.core.grammar import check

E = TypeVar("E")
DONE = FinalAnswer("Done.")
FIX = Act(ToolCall("edit", "a.py\n<<<<<<< SEARCH\n    return a - b\n=======\n    return a + b\n>>>>>>> REPLACE"))
RUN = Act(ToolCall("bash", "python3 -m pytest -q"))


def bash(command: str) -> Act:
    return Act(ToolCall("bash", command))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("CWM_AGENT_HOME", str(tmp_path / "home"))
    root = tmp_path / "project"
    root.mkdir()
    (root / "a.py").write_text("def add(a, b):\n    return a - b\n")
    (root / "test_a.py").write_text("from a import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return Repository.open(root, create=True)


class Open:
    """An open session with its sandbox."""

    def __init__(self, session: Session, sandbox: Sandbox) -> None:
        self.session = session
        self.sandbox = sandbox

    async def tell(self, *commands: object) -> Rested | None:
        for command in commands:
            await self.session.send(SubmitPrompt(command) if isinstance(command, str) else command)  # type: ignore[arg-type]
        return await asyncio.wait_for(self.session.idle(), 60)

    def last(self, kind: type[E]) -> E:
        return [event for event in self.session.history if isinstance(event, kind)][-1]

    async def until_printed(self, text: str) -> None:
        async for event in self.session.events():
            if isinstance(event, ActionOutput) and text in event.text:
                return


@asynccontextmanager
async def opened(
    engine: Engine, image: Image, repository: Repository, folder: Path, *scripts: list[Step]
) -> AsyncIterator[Open]:
    """The session with everything real but the policy."""
    record = Record(folder)
    sandbox = await Sandbox.open(engine, image, repository, SandboxSettings(memory="512m"), session=folder.name)
    parts = SessionParts(
        identity=folder.name,
        repository=repository.root,
        policy=ScriptedPolicy(*scripts),
        real=RealWorld(sandbox.shell),
        imagined=None,
        files=sandbox.files,
        tools=all_tools(),
        workspace=LocalWorkspace(Path(repository.root), repository.branch),
        recorder=record,
        action_limits=Limits(seconds=30.0),
        loop_limits=LimitSettings(),
        version="0",
        recover_sandbox=sandbox.recover,
    )
    session = Session(parts=parts, mode=Mode.REAL, recorded=record.recorded.events, lost=record.lost)
    try:
        await session.start()
        yield Open(session, sandbox)
    finally:
        await session.aclose()
        await sandbox.aclose()
    check(session.history)
    check(read(folder).events)


async def test_a_bug_is_fixed_proved_reviewed_and_applied(
    engine: Engine, image: Image, repository: Repository, tmp_path: Path
) -> None:
    async with opened(engine, image, repository, tmp_path / "s1", [RUN, FIX, RUN, DONE]) as it:
        assert await it.tell("fix it") == Rested("fixed")
        assert it.last(Report).passed == 1
        proposed = it.last(PatchProposed)
        assert [stat.name for stat in proposed.files] == ["a.py"]
        review = it.session.review(proposed.checkpoint)
        assert review is not None
        await it.tell(ApplyPatch(proposed.checkpoint, review.accept_all()))
        assert it.last(PatchApplied).names == ("a.py",)
    assert "a + b" in (Path(repository.root) / "a.py").read_text()


async def test_an_interrupt_keeps_output_and_files_and_rewind_brings_them_back(
    engine: Engine, image: Image, repository: Repository, tmp_path: Path
) -> None:
    script: list[list[Step]] = [
        [bash("echo x > new.txt; echo begun; sleep 60"), DONE],
        [bash("ls; echo $((6*7))"), DONE],
    ]
    async with opened(engine, image, repository, tmp_path / "s1", *script) as it:
        await it.session.send(SubmitPrompt("go"))
        await it.until_printed("begun")
        assert await it.tell(Interrupt()) == Rested("interrupted")
        assert it.last(ActionEnded).observation.startswith("begun\n")
        assert [stat.name for stat in it.last(CheckpointMade).files] == ["new.txt"]
        await it.tell(Rewind(0))
        await it.tell("again")
        assert it.last(ActionEnded).observation == "a.py\ntest_a.py\n42\n"


async def test_a_container_that_dies_is_replaced_and_the_session_goes_on(
    engine: Engine, image: Image, repository: Repository, tmp_path: Path
) -> None:
    script: list[list[Step]] = [[FIX, bash("echo y > y.txt; echo begun; sleep 60"), DONE], [RUN, DONE]]
    async with opened(engine, image, repository, tmp_path / "s1", *script) as it:
        await it.session.send(SubmitPrompt("go"))
        await it.until_printed("begun")
        kill = ["docker", "kill", it.sandbox._container.id]
        await asyncio.to_thread(subprocess.run, kill, check=True, capture_output=True)
        rested = await asyncio.wait_for(it.session.idle(), 60)
        assert rested is not None
        assert rested.status == "error"
        assert "new sandbox" in it.last(Noticed).text
        assert [stat.name for stat in it.last(CheckpointMade).files] == ["a.py", "y.txt"]
        await it.tell("go on")
        assert it.last(ActionEnded).outcome == Completed(0)
        assert it.last(Report).failed == 0


async def test_a_session_is_taken_up_in_a_fresh_sandbox(
    engine: Engine, image: Image, repository: Repository, tmp_path: Path
) -> None:
    async with opened(engine, image, repository, tmp_path / "s1", [FIX, bash("mkdir d; echo n > d/n"), DONE]) as it:
        assert await it.tell("fix it") == Rested("proposed")
    (Path(repository.root) / "test_a.py").write_text(
        "from a import add\n\n\ndef test_add():\n    assert add(2, 2) == 4\n"
    )
    async with opened(engine, image, repository, tmp_path / "s1", [RUN, DONE]) as it:
        assert it.last(SessionResumed).lost == ""
        await it.tell("run the tests")
        assert it.last(Report).passed == 1
        review = it.session.review()
        assert review is not None
        assert [file.stat.name for file in review.files] == ["a.py", "d/n"]
