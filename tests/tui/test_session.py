"""The main job against a real core session: the worlds and the policy are scripted, everything between is not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from textual.pilot import Pilot

from cwm_agent.core.parts import SessionParts
from cwm_agent.core.session import Session
from cwm_agent.errors import ContainerDied, EngineUnavailable
from cwm_agent.events import PatchApplied, PromptAccepted, Rested, SubmitPrompt, TextWritten, ToolCall, Unqueued
from cwm_agent.observations import Completed, Limits, Mode
from cwm_agent.protocols import Act, FinalAnswer
from cwm_agent.settings import LimitSettings
from cwm_agent.testing import (
    Answer,
    MemoryFiles,
    MemoryRecorder,
    MemoryWorkspace,
    ScriptedPolicy,
    ScriptedWorld,
    Step,
    tree,
)
from cwm_agent.tools.bash import Bash
from cwm_agent.tools.edit import Edit
from cwm_agent.tui.app import CwmApp
from cwm_agent.tui.picture import Remark
from cwm_agent.tui.screens.main import MainScreen
from cwm_agent.tui.screens.review import ReviewScreen
from cwm_agent.tui.widgets.bars import KeyBar, Queue
from cwm_agent.tui.widgets.prompt import Prompt
from tests.tui.stories import EDIT, FAILING, NEW, OLD, OPENED, PASSING, Clock, ReplaySession, app_of, settled

FILE = b"payments/refunds.py"
TAIL = OLD.rpartition(b"def label")[2]


class Bench:
    """A session on doubles, and the application on it."""

    def __init__(self, *scripts: list[Step], world: dict[str, Answer | str] | None = None) -> None:
        base = tree({FILE.decode(): OLD})
        self.files = MemoryFiles(base)
        self.workspace = MemoryWorkspace(base)
        self.policy = ScriptedPolicy(*scripts)
        self.world = ScriptedWorld(world or {})
        self.session = Session(
            parts=SessionParts(
                identity="s1",
                repository="/home/you/payments",
                policy=self.policy,
                real=self.world,
                imagined=None,
                files=self.files,
                tools=[Bash(), Edit()],
                workspace=self.workspace,
                recorder=MemoryRecorder(),
                action_limits=Limits(),
                loop_limits=LimitSettings(),
                version="0",
            ),
            mode=Mode.VERIFY,
        )
        self.clock = Clock()
        self.app = CwmApp(self._open, title="payments", branch="main", clock=self.clock, now=lambda: "14:02")

    async def _open(self, report: Callable[..., None]) -> Session:
        return self.session

    @property
    def user_file(self) -> bytes:
        return self.workspace.tree[FILE].content


async def until(pilot: Pilot[None], holds: Callable[[], object]) -> None:
    """Wait for what must come true; fails after ten seconds."""
    async with asyncio.timeout(10):
        while not holds():
            await pilot.pause(0.01)
    await pilot.pause()
    if isinstance(pilot.app.screen, MainScreen):
        pilot.app.screen.repaint()


def fixing() -> list[Step]:
    return [
        Act(ToolCall("bash", "pytest -q")),
        Act(ToolCall("edit", EDIT)),
        Act(ToolCall("bash", "sh label.sh")),
        Act(ToolCall("bash", "pytest -q tests")),
        TextWritten("It rounded every amount."),
        FinalAnswer("It rounded every amount."),
    ]


def bench_for_the_fix() -> Bench:
    files: list[MemoryFiles] = []
    world: dict[str, Answer | str] = {
        "pytest -q": Answer((FAILING,), Completed(1)),
        "sh label.sh": Answer(effect=lambda: files[0].put(FILE.decode(), NEW.decode())),
        "pytest -q tests": Answer((PASSING,)),
    }
    bench = Bench(fixing(), world=world)
    files.append(bench.files)
    return bench


async def ask(pilot: Pilot[None], bench: Bench, words: str = "fix it") -> None:
    await until(pilot, lambda: bench.app.picture.opened)
    await pilot.press(*words, "enter")


def bench_at_work() -> Bench:
    """A session whose first request takes until it is stopped."""
    return Bench([Act(ToolCall("bash", "slow"))], world={"slow": Answer(("begun\n",), delay=60.0)})


async def test_what_waits_is_taken_back_into_the_input_the_newest_first_and_never_begun() -> None:
    bench = bench_at_work()
    async with bench.app.run_test(size=(80, 24)) as pilot:
        await ask(pilot, bench)
        await until(pilot, lambda: bench.app.picture.working)
        for words in ("and the fee", "!ls", "/best-of 4 or so"):
            await pilot.press(*words, "enter")
        queue, prompt = pilot.app.screen.query_one(Queue), pilot.app.screen.query_one(Prompt)
        await until(pilot, lambda: bench.app.picture.waiting == ("and the fee", "!ls"))
        await pilot.press("up")
        await until(pilot, lambda: prompt.text == "!ls")
        assert queue.render().plain == "⋯ next  and the fee"
        assert "↑ take back" in pilot.app.screen.query_one(KeyBar).render().plain
        await pilot.press("up")
        assert prompt.text == "!ls", "only an empty input takes one back"
        await pilot.press("end", " ", "p", "enter")
        await until(pilot, lambda: bench.app.picture.waiting == ("and the fee", "!ls p"))
        for _ in range(2):  # two presses before the first is answered
            prompt.post_message(Prompt.TakesBack())
        await until(pilot, lambda: prompt.text == "and the fee\n!ls p")
        assert not queue.display
        assert "↑" not in pilot.app.screen.query_one(KeyBar).render().plain
        await pilot.press("escape")
        await until(pilot, lambda: bench.app.picture.rested)
        asked = [each.text for each in bench.session.history if isinstance(each, PromptAccepted)]
        assert asked == ["fix it"]


async def test_what_begins_before_it_is_taken_back_goes_on_and_the_user_is_told() -> None:
    bench = bench_at_work()
    async with bench.app.run_test(size=(80, 24)) as pilot:
        await ask(pilot, bench)
        await until(pilot, lambda: bench.app.picture.working)
        await pilot.press(*"/unqueue", "enter")
        await until(pilot, lambda: isinstance(bench.app.picture.blocks[-1], Remark))
        assert bench.app.picture.blocks[-1].text == "Nothing was taken back: no request waits."
        assert pilot.app.screen.query_one(Prompt).text == ""
        assert bench.app.picture.working
        await pilot.press("escape")


async def test_what_a_record_says_was_taken_back_does_not_come_into_the_input() -> None:
    session = ReplaySession([OPENED, PromptAccepted("go"), Unqueued(SubmitPrompt("and more")), Rested("answered")])
    async with app_of(session).run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert pilot.app.screen.query_one(Prompt).text == ""


async def test_from_the_request_to_the_applied_patch_and_back() -> None:
    bench = bench_for_the_fix()
    async with bench.app.run_test(size=(120, 36)) as pilot:
        await ask(pilot, bench)
        await until(pilot, lambda: bench.app.picture.rested)
        assert bench.app.picture.rested == Rested("fixed")
        assert bench.app.picture.proposal is not None
        assert bench.user_file == OLD, "nothing reaches the tree before it was reviewed"

        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(bench.app.screen, ReviewScreen))
        await pilot.press("a", "n", *"no blanks please", "enter")
        await pilot.press("enter", "enter")
        await until(pilot, lambda: bench.app.picture.applied)
        assert b"ROUND_HALF_UP)" in bench.user_file
        assert bench.user_file.endswith(TAIL), "the rejected hunk is not in the tree"

        await pilot.press("u")
        await until(pilot, lambda: not bench.app.picture.applied)
        assert bench.user_file == OLD
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(bench.app.screen, MainScreen))

    assert bench.policy.closed
    assert bench.world.closed


async def test_the_note_reaches_the_policy_with_the_next_request() -> None:
    bench = bench_for_the_fix()
    async with bench.app.run_test(size=(120, 36)) as pilot:
        await ask(pilot, bench)
        await until(pilot, lambda: bench.app.picture.rested)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(bench.app.screen, ReviewScreen))
        await pilot.press("a", "n", *"no blanks please", "enter", "enter", "enter")
        await until(pilot, lambda: any(isinstance(each, PatchApplied) for each in bench.session.history))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(bench.app.screen, MainScreen))
        asked = len(bench.policy.seen)
        await pilot.press(*"go on", "enter")
        await until(pilot, lambda: len(bench.policy.seen) > asked)
        assert "no blanks please" in repr(bench.policy.seen[-1])


async def test_escape_interrupts_a_command_and_keeps_what_it_printed() -> None:
    bench = Bench(
        [Act(ToolCall("bash", "slow")), FinalAnswer("never")],
        world={"slow": Answer(("first line\n", *("x\n" for _ in range(1000))), delay=0.05)},
    )
    async with bench.app.run_test(size=(90, 30)) as pilot:
        await ask(pilot, bench)
        await until(pilot, lambda: bench.app.picture.shell and bench.app.picture.shell[-1].runs[-1].output)
        await pilot.press("escape")
        await until(pilot, lambda: bench.app.picture.rested)
        assert bench.app.picture.rested.status == "interrupted"
        assert "first line" in bench.app.picture.shell[-1].runs[-1].output.text()
        assert bench.app.code == 130


async def test_rewind_brings_the_snapshot_back() -> None:
    bench = bench_for_the_fix()
    async with bench.app.run_test(size=(120, 36)) as pilot:
        await ask(pilot, bench)
        await until(pilot, lambda: bench.app.picture.rested)
        assert len(bench.app.picture.checkpoints) == 2
        await pilot.press("escape", "escape", "up", "up", "enter")
        await until(pilot, lambda: not bench.app.picture.checkpoints)
        assert not await bench.files.changes()
        assert bench.app.picture.proposal is None


async def test_the_users_own_command_runs_in_the_sandbox() -> None:
    bench = Bench(world={"ls": "refunds.py\n"})
    async with bench.app.run_test(size=(90, 30)) as pilot:
        await ask(pilot, bench, "!ls")
        await until(pilot, lambda: bench.app.picture.rested)
        assert bench.app.picture.shell[-1].runs[-1].output.text() == "refunds.py\n"


async def test_a_question_is_answered_from_the_keyboard() -> None:
    bench = Bench()
    async with bench.app.run_test(size=(90, 30)) as pilot:
        await until(pilot, lambda: bench.app.picture.opened)
        answer: Awaitable[bool] = asyncio.ensure_future(bench.session.ask("Install?", "pip install -r req.txt"))
        await until(pilot, lambda: bench.app.picture.question)
        bench.clock.at += 1
        await pilot.press("y")
        assert await asyncio.wait_for(answer, 5) is True


async def test_a_mode_that_acts_as_another_says_so() -> None:
    bench = Bench()
    async with bench.app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: bench.app.picture.opened)
        assert "◐ VERIFY → real, no world model" in bench.app.screen.query_one("Header").render().plain
        await pilot.press("ctrl+t", "ctrl+t")
        await until(pilot, lambda: bench.session.mode is Mode.REAL and bench.app.picture.mode is Mode.REAL)
        assert "→" not in bench.app.screen.query_one("Header").render().plain


async def test_a_dead_container_is_a_line_not_a_traceback() -> None:
    bench = Bench(
        [Act(ToolCall("bash", "boom")), FinalAnswer("never")],
        world={"boom": Answer(error=ContainerDied("The container is gone.", remedy="Ask again."))},
    )
    async with bench.app.run_test(size=(90, 30)) as pilot:
        await ask(pilot, bench)
        await until(pilot, lambda: bench.app.picture.rested)
        assert bench.app.picture.rested.status == "error"
        assert bench.app.is_running


async def test_a_session_that_cannot_be_opened_leaves_a_usable_screen_and_its_exit_code() -> None:
    async def refused(report: Callable[..., None]) -> Session:
        raise EngineUnavailable("No container engine answers.", remedy="Start Docker.")

    app = CwmApp(refused, title="payments", branch="main", clock=Clock())
    async with app.run_test(size=(90, 30)) as pilot:
        await until(pilot, lambda: app.picture.box == "failed")
        assert app.code == 3
        await pilot.press("ctrl+q")
        await pilot.pause()
    assert app.return_code == 3


async def test_a_fault_of_our_own_is_a_line_too() -> None:
    async def broken(report: Callable[..., None]) -> Session:
        raise RuntimeError("\x1b[2Jboom")

    app = CwmApp(broken, title="payments", branch="main", clock=Clock())
    async with app.run_test(size=(90, 30)) as pilot:
        await until(pilot, lambda: app.picture.box == "failed")
        assert app.is_running
        assert app.code == 1
