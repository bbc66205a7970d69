"""Random policies, worlds, users and moments: the grammar holds, nothing hangs, and the record is the history."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cwm_agent.core.history import place, visible
from cwm_agent.errors import ContainerDied, EngineUnavailable, LimitError
from cwm_agent.events import (
    ActionOutput,
    AgentEvent,
    ApplyPatch,
    Decision,
    Interrupt,
    Progressed,
    Rewind,
    RunInSandbox,
    SetMode,
    SettlePermission,
    SubmitPrompt,
    TextWritten,
    ThoughtWritten,
    ToolCall,
    UndoApply,
    Unqueue,
    UserCommand,
)
from cwm_agent.observations import Completed, LimitReached, Mode, Unreadable
from cwm_agent.protocols import Act, FinalAnswer
from cwm_agent.settings import LimitSettings
from cwm_agent.testing import Answer, Step
from tests.unit.core.grammar import check
from tests.unit.core.stage import Stage, bash

COMMANDS = ("write a", "write b", "remove a", "pytest -q", "fail", "slow", "flood", "dies", "breaks", "unknown")
EDIT = Act(ToolCall("edit", "a.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 5\n>>>>>>> REPLACE"))
decisions = st.builds(Decision, st.integers(0, 1), st.integers(0, 1), st.sampled_from(["accept", "reject"]))
steps: st.SearchStrategy[Step] = st.one_of(
    st.sampled_from(COMMANDS).map(bash),
    st.sampled_from(
        [EDIT, Act(ToolCall("create", "n.py\n1")), Act(ToolCall("submit", "n.py")), Act(ToolCall("?", ""))]
    ),
    st.sampled_from([ThoughtWritten("hm"), TextWritten("so"), Progressed("tried", 1, None, "candidates"), 0.002]),
    st.sampled_from([FinalAnswer("Done."), FinalAnswer("", "gave_up")]),
    st.sampled_from([EngineUnavailable("gone"), LimitError("enough"), ValueError("odd"), OSError(5, "io")]),
)
commands: st.SearchStrategy[UserCommand] = st.one_of(
    st.sampled_from(["go", "!", "\udcff"]).map(SubmitPrompt),
    st.sampled_from(COMMANDS).map(RunInSandbox),
    st.just(Interrupt()),
    st.just(Unqueue()),
    st.sampled_from(Mode).map(SetMode),
    st.builds(ApplyPatch, st.integers(0, 3), st.lists(decisions, max_size=3).map(tuple)),
    st.just(UndoApply()),
    st.integers(0, 4).map(Rewind),
    st.builds(SettlePermission, st.integers(1, 2), st.booleans()),
)
plans = st.lists(st.tuples(commands, st.sampled_from([0.0, 0.0, 0.001, 0.004, None])), max_size=8)


def scripted(stage: Stage) -> None:
    stage.writes("write a", "a.py", "x = 2\n")
    stage.writes("write b", "b.py", "y\n", delay=0.001)
    stage.answer("remove a", effect=lambda: stage.files.remove("a.py"))
    stage.answer("fail", "1 failed in 0.1s\n", outcome=Completed(1))
    stage.answer("slow", "a", "b", "c", delay=0.003, notice="It is slow.")
    stage.answer("flood", "x" * 100, outcome=LimitReached("output"))
    stage.answer("dies", "part", error=ContainerDied("The container is gone."))
    stage.answer("breaks", error=OSError(5, "io"))


async def play(stage: Stage, plan: Sequence[tuple[UserCommand, float | None]], asked: int) -> None:
    """Send the commands at their moments (None: at rest), close, and look at what is left."""
    await stage.session.start()
    questions = [asyncio.create_task(stage.session.ask("May I?", "")) for _ in range(asked)]
    for command, wait in plan:
        await stage.session.send(command)
        if wait is None and not questions:
            await stage.session.idle()
        else:
            await asyncio.sleep(wait or 0.0)
    await stage.session.aclose()
    await asyncio.gather(*questions)
    history = stage.session.history
    check(history)
    assert joined(stage.memory.events) == joined(history)
    assert not stage.session.busy
    assert visible(history)[-1] == history[-1]
    assert place(history) in stage.memory.checkpoints
    assert len(asyncio.all_tasks()) == 1, "nothing is left running"


def joined(events: Sequence[AgentEvent]) -> list[AgentEvent]:
    """With the pieces of each stream as one."""
    found: list[AgentEvent] = []
    for event in events:
        last = found[-1] if found else None
        if isinstance(event, ThoughtWritten | TextWritten) and type(last) is type(event):
            found[-1] = type(event)(last.text + event.text)  # type: ignore[union-attr]
        elif isinstance(event, ActionOutput) and isinstance(last, ActionOutput):
            found[-1] = ActionOutput(event.action, event.origin, last.text + event.text)
        else:
            found.append(event)
    return found


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    scripts=st.lists(st.lists(steps, max_size=5), max_size=4),
    plan=plans,
    dream=st.booleans(),
    recovers=st.sampled_from([None, "", "Gone."]),
    asked=st.integers(0, 2),
)
def test_whatever_happens_the_order_of_events_holds(
    scripts: list[list[Step]],
    plan: list[tuple[UserCommand, float | None]],
    dream: bool,
    recovers: str | None,
    asked: int,
) -> None:
    async def run() -> None:
        async def recover() -> str:
            if recovers:
                stage.files.now = dict(stage.files.base)
            return recovers or ""

        stage = Stage(
            *scripts,
            imagined={
                "pytest -q": "1 passed in 0.1s\n",
                "slow": Answer(outcome=Unreadable("", "nonsense"), delay=0.002),
            }
            if dream
            else None,
            limits=LimitSettings(turns=4, seconds=5.0),
            recover=None if recovers is None else recover,
        )
        scripted(stage)
        async with asyncio.timeout(20):
            await play(stage, plan, asked)

    asyncio.run(run())
