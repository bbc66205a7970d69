"""What a session does for its user, told by its events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from cwm_agent.core import interrupt
from cwm_agent.core.session import NO_MODEL, Session
from cwm_agent.errors import ContainerDied, EngineUnavailable, SessionError
from cwm_agent.events import (
    ActionBegan,
    ActionEnded,
    ActionOutput,
    AgentEvent,
    ApplyPatch,
    CheckpointMade,
    Compact,
    Decision,
    HunksDeclined,
    Interrupt,
    ModeChanged,
    Noticed,
    PatchApplied,
    PatchProposed,
    PatchRefused,
    PatchUndone,
    PermissionSettled,
    Progressed,
    PromptAccepted,
    Rested,
    Rewind,
    Rewound,
    RunInSandbox,
    SessionClosed,
    SessionOpened,
    SetMode,
    SettlePermission,
    SubmitPrompt,
    TextWritten,
    ThoughtWritten,
    ToolCall,
    TraceBegan,
    TraceEntry,
    UndoApply,
    Unqueue,
    Unqueued,
)
from cwm_agent.events import TestsReported as Report
from cwm_agent.observations import Completed, LimitReached, Mode, Origin, Unreadable
from cwm_agent.protocols import Act, FinalAnswer, PolicyEvent
from cwm_agent.settings import LimitSettings
from cwm_agent.testing import Answer, ScriptedPolicy
from tests.unit.core.stage import TREE, Stage, bash, opened

DONE = FinalAnswer("Done.")


def accept(stage: Stage, *only: tuple[int, int], note: str = "") -> ApplyPatch:
    """Accept the hunks that are named (none: all) of the newest proposal, reject the others."""
    review = stage.session.review(stage.last(PatchProposed).checkpoint)
    assert review is not None
    places = [(f, h) for f, file in enumerate(review.files) for h in range(len(file.hunks))]
    decisions = [
        Decision(f, h, "accept") if not only or (f, h) in only else Decision(f, h, "reject", note) for f, h in places
    ]
    return ApplyPatch(stage.last(PatchProposed).checkpoint, tuple(decisions))


async def test_a_fix_whose_tests_pass_is_fixed() -> None:
    stage = Stage([ThoughtWritten("Hm."), bash("fix"), bash("pytest -q"), FinalAnswer("It was one.")])
    stage.writes("fix", "a.py", "x = 2\n")
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("fixed")
        proposed = stage.last(PatchProposed)
        assert proposed.verified
        assert proposed.summary == "It was one."
        assert [stat.name for stat in proposed.files] == ["a.py"]
        assert stage.last(TextWritten) == TextWritten("It was one.")


async def test_a_fix_without_a_test_run_after_it_is_only_proposed() -> None:
    stage = Stage([bash("pytest -q"), bash("fix"), DONE])
    stage.writes("fix", "a.py", "x = 2\n")
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("proposed")
        assert not stage.last(PatchProposed).verified


async def test_a_fix_whose_tests_fail_is_only_proposed() -> None:
    stage = Stage([bash("fix"), bash("pytest -q"), DONE])
    stage.writes("fix", "a.py", "x = 2\n")
    stage.answer("pytest -q", "FAILED\n", "1 failed, 2 passed in 0.1s\n", outcome=Completed(1))
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("proposed")


async def test_one_command_that_edits_and_tests_proves_nothing() -> None:
    stage = Stage([bash("fix && pytest -q"), DONE])
    stage.world.script["fix && pytest -q"] = Answer(
        ("3 passed in 0.1s\n",), effect=lambda: stage.files.put("a.py", "x = 2\n")
    )
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("proposed")


async def test_bytecode_that_a_test_run_writes_is_no_edit() -> None:
    stage = Stage([bash("fix"), bash("pytest -q"), DONE])
    stage.writes("fix", "a.py", "x = 2\n")
    stage.world.script["pytest -q"] = Answer(
        ("3 passed in 0.1s\n",), effect=lambda: stage.files.put("__pycache__/a.pyc", "\0")
    )
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("fixed")


async def test_an_imagined_pass_never_makes_a_patch_verified() -> None:
    stage = Stage(
        [
            Act(ToolCall("edit", "a.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE")),
            bash("pytest -q"),
            DONE,
        ],
        imagined={"pytest -q": "3 passed in 0.1s\n"},
        mode=Mode.IMAGINED,
    )
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("proposed")
        assert stage.last(Report).origin is Origin.IMAGINED
        assert not stage.last(PatchProposed).verified
        assert stage.world.requests == []
        assert stage.all(ActionBegan)[0].origin is Origin.REAL, "an edit is real in every mode"


async def test_a_question_is_answered_and_giving_up_is_said() -> None:
    async with opened(Stage([FinalAnswer("42")], [FinalAnswer("Nothing found.", "gave_up")])) as stage:
        assert await stage.tell("what?") == Rested("answered")
        assert await stage.tell("fix it") == Rested("no_patch")
        assert not stage.all(PatchProposed)


async def test_what_the_policy_has_said_is_not_said_twice() -> None:
    async with opened(Stage([TextWritten("All "), TextWritten("done."), FinalAnswer("All done.")])) as stage:
        await stage.tell("go")
        assert [event.text for event in stage.all(TextWritten)] == ["All ", "done."]


async def test_verify_imagines_first_and_keeps_both() -> None:
    stage = Stage([bash("pytest -q"), DONE], imagined={"pytest -q": "1 failed in 0.1s\n"})
    async with opened(stage):
        await stage.tell("test it")
        assert [event.origin for event in stage.all(ActionBegan)] == [Origin.IMAGINED, Origin.REAL]
        assert [event.observation for event in stage.all(ActionEnded)] == ["1 failed in 0.1s\n", "3 passed in 0.10s\n"]
        assert [event.failed for event in stage.all(Report)] == [1, 0]


async def test_a_prediction_that_fails_does_not_stop_the_real_run() -> None:
    stage = Stage([bash("pytest -q"), DONE], imagined={"pytest -q": Answer(error=EngineUnavailable("No server."))})
    async with opened(stage):
        assert await stage.tell("test it") == Rested("answered")
        assert [type(event.outcome) for event in stage.all(ActionEnded)] == [Unreadable, Completed]
        assert stage.last(Noticed).text == "No prediction: No server."


async def test_without_a_world_model_the_mode_acts_as_real_and_says_so_once() -> None:
    async with opened(Stage([bash("pytest -q"), bash("pytest -q"), DONE])) as stage:
        await stage.tell("test it")
        assert stage.all(ModeChanged) == [ModeChanged(Mode.VERIFY, NO_MODEL)]
        await stage.session.send(SetMode(Mode.REAL))
        assert stage.last(ModeChanged) == ModeChanged(Mode.REAL, "")
        assert {event.origin for event in stage.all(ActionBegan)} == {Origin.REAL}


async def test_an_unknown_tool_is_answered() -> None:
    async with opened(Stage([Act(ToolCall("fly", "away")), DONE])) as stage:
        await stage.tell("go")
        assert stage.last(ActionEnded).outcome == Completed(2)
        assert "bash, edit, create, submit" in stage.last(ActionEnded).observation


async def test_the_users_own_command_is_a_turn_that_the_policy_sees() -> None:
    async with opened(Stage([DONE])) as stage:
        assert await stage.tell(RunInSandbox("pytest -q")) == Rested("answered")
        assert stage.last(PromptAccepted) == PromptAccepted("!pytest -q")
        await stage.tell("now you")
        assert any(isinstance(e, ActionEnded) and "3 passed" in e.observation for e in stage.policy.seen[0])


async def test_what_is_sent_while_busy_waits_its_turn() -> None:
    stage = Stage([bash("slow"), FinalAnswer("one")], [FinalAnswer("two")])
    stage.answer("slow", "…", delay=0.05)
    async with opened(stage):
        await stage.tell("first", RunInSandbox("pytest -q"), "second")
        prompts = [e.text for e in stage.session.history if isinstance(e, PromptAccepted | TextWritten)]
        assert prompts == ["first", "one", "!pytest -q", "second", "two"]
        assert not stage.session.busy


async def until(stage: Stage, kind: type[AgentEvent]) -> None:
    async for event in stage.session.events():
        if isinstance(event, kind):
            return


async def test_an_interrupt_keeps_the_output_and_the_files() -> None:
    stage = Stage([bash("slow"), DONE], [DONE])
    stage.answer("slow", "begun\n", "never\n", delay=0.3)
    async with opened(stage):
        await stage.session.send(SubmitPrompt("go"))
        await until(stage, ActionOutput)
        stage.files.put("a.py", "half\n")
        assert await stage.tell(Interrupt()) == Rested("interrupted")
        ended = stage.last(ActionEnded)
        assert ended.observation == "begun\n[Stopped: the user interrupted this]\n"
        assert ended.outcome == Completed(130)
        assert stage.last(CheckpointMade).action == 1
        assert await stage.tell("again") == Rested("answered"), "the world and the session stay usable"


async def test_an_interrupt_stops_a_policy_that_thinks() -> None:
    async with opened(Stage([ThoughtWritten("Hm"), 60.0, DONE])) as stage:
        await stage.session.send(SubmitPrompt("go"))
        await until(stage, ThoughtWritten)
        assert await stage.tell(Interrupt()) == Rested("interrupted")


async def test_an_interrupt_right_behind_a_prompt_stops_it_and_one_at_rest_stops_nothing() -> None:
    async with opened(Stage([DONE])) as stage:
        await stage.tell(Interrupt())
        assert await stage.tell("go", Interrupt()) == Rested("interrupted")
        assert await stage.tell(Interrupt(), "go") == Rested("answered")


async def test_what_cannot_be_stopped_is_left_behind_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupt, "PATIENCE", 0.05)
    release = asyncio.Event()

    class Stubborn(ScriptedPolicy):
        async def decide(self, history: Sequence[AgentEvent]) -> AsyncIterator[PolicyEvent]:
            for _ in range(2):
                with contextlib.suppress(asyncio.CancelledError):
                    await release.wait()
            yield FinalAnswer("late")

    async with opened(Stage(policy=Stubborn())) as stage:
        assert await stage.tell("go", Interrupt()) == Rested("interrupted")
        assert "left behind" not in str(stage.all(Noticed)), "it had not begun"
        await stage.session.send(SubmitPrompt("go"))
        await asyncio.sleep(0.05)
        assert await stage.tell(Interrupt()) == Rested("interrupted")
        assert "left behind" in stage.last(Noticed).text
        release.set()
        await asyncio.sleep(0)


async def test_the_users_own_command_is_real_in_any_mode() -> None:
    async with opened(Stage(imagined={"pytest -q": "?"}, mode=Mode.IMAGINED)) as stage:
        await stage.tell(RunInSandbox("pytest -q"))
        assert [event.origin for event in stage.all(ActionBegan)] == [Origin.REAL]


async def test_the_turns_of_a_request_are_limited() -> None:
    stage = Stage([bash("pytest -q")] * 5, limits=LimitSettings(turns=2))
    async with opened(stage):
        rested = await stage.tell("go")
        assert rested is not None
        assert rested.status == "limit"
        assert len(stage.all(ActionEnded)) == 2
        assert "limits.turns" in stage.last(Noticed).remedy


@pytest.mark.parametrize("script", [[60.0], [bash("slow")]])
async def test_the_time_of_a_request_is_limited(script: list[float | Act]) -> None:
    stage = Stage(script, limits=LimitSettings(seconds=0.1))
    stage.answer("slow", "…", delay=60.0)
    async with opened(stage):
        rested = await stage.tell("go")
        assert rested is not None
        assert rested.status == "limit"


async def test_the_tokens_of_a_request_are_limited() -> None:
    stage = Stage([Progressed("context", 101, 100, "tokens"), DONE], limits=LimitSettings(tokens=100))
    async with opened(stage):
        rested = await stage.tell("go")
        assert rested is not None
        assert rested.status == "limit"


async def test_a_limit_of_one_command_is_told_to_the_policy() -> None:
    stage = Stage([bash("slow"), DONE])
    stage.answer("slow", "a\n", outcome=LimitReached("time", "it ran longer than 120 s"))
    async with opened(stage):
        await stage.tell("go")
        assert stage.last(ActionEnded).observation == "a\n[Stopped: it ran longer than 120 s]\n"


async def test_a_broken_world_is_words_and_the_session_goes_on() -> None:
    stage = Stage([bash("boom"), DONE], [DONE])
    stage.answer("boom", "part\n", error=EngineUnavailable("Docker does not answer.", remedy="Start it."))
    async with opened(stage):
        assert await stage.tell("go") == Rested("error", "Docker does not answer.")
        assert stage.last(Noticed) == Noticed("error", "Docker does not answer.", "Start it.")
        assert stage.last(ActionEnded).observation == "part\n[Docker does not answer.]\n"
        assert await stage.tell("again") == Rested("answered")


@pytest.mark.parametrize("fault", [ValueError("odd"), OSError(5, "Input/output error"), EngineUnavailable("gone")])
async def test_a_policy_that_fails_is_words(fault: Exception) -> None:
    async with opened(Stage([fault], [DONE])) as stage:
        rested = await stage.tell("go")
        assert rested is not None
        assert rested.status == "error"
        assert stage.last(Noticed).level == "error"
        assert await stage.tell("again") == Rested("answered")


@pytest.mark.parametrize("missing", ["", "The snapshot is gone."])
async def test_a_dead_container_is_replaced_and_lost_work_restored(missing: str) -> None:
    async def recover() -> str:
        if missing:
            stage.files.now = dict(stage.files.base)
        return missing

    stage = Stage([bash("fix"), bash("boom"), DONE], [bash("pytest -q"), DONE], recover=recover)
    stage.writes("fix", "a.py", "x = 2\n")
    stage.answer("boom", error=ContainerDied("The container is gone."))

    async with opened(stage):
        rested = await stage.tell("go")
        assert rested == Rested("error", "The container is gone.")
        assert stage.files.now[b"a.py"].content == b"x = 2\n"
        assert "A new sandbox stands" in stage.last(Noticed).text
        await stage.tell("go on")
        assert any(isinstance(e, Noticed) and "new sandbox" in e.text for e in stage.policy.seen[-1])
        assert stage.session.review() is not None


async def test_submit_proposes_and_names_what_the_patch_does_not() -> None:
    stage = Stage([bash("fix"), Act(ToolCall("submit", "p.diff")), FinalAnswer("Rounded too early.")])
    stage.answer("fix", effect=lambda: (stage.files.put("a.py", "x = 2\n"), stage.files.put("b.py", "")))
    stage.files.put("p.diff", "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n")
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("proposed")
        (proposed,) = stage.all(PatchProposed)
        assert "not named in the submitted patch: b.py, p.diff" in proposed.summary


async def test_a_submission_that_fails_proposes_nothing() -> None:
    async with opened(Stage([Act(ToolCall("submit", "no.diff")), DONE])) as stage:
        assert await stage.tell("fix it") == Rested("answered")
        assert not stage.all(PatchProposed)


async def test_rewind_brings_files_and_conversation_back() -> None:
    stage = Stage([bash("one"), bash("two"), FinalAnswer("First answer.")], [DONE])
    stage.writes("one", "a.py", "1\n")
    stage.writes("two", "a.py", "2\n")
    async with opened(stage):
        await stage.tell("go")
        await stage.tell(Rewind(1))
        assert stage.files.now[b"a.py"].content == b"1\n"
        assert stage.last(Rewound) == Rewound(1)
        await stage.tell("and now")
        seen = stage.policy.seen[-1]
        assert not any(isinstance(e, TextWritten) for e in seen)
        assert [e.checkpoint for e in seen if isinstance(e, CheckpointMade)] == [1]
        await stage.tell(Rewind(2))
        assert stage.files.now[b"a.py"].content == b"2\n", "what was left behind can be had again"
        await stage.tell(Rewind(0))
        assert stage.files.now == stage.files.base
        assert stage.session.review() is None


async def test_the_newest_request_that_waits_is_taken_back_and_never_begun() -> None:
    stage = Stage([bash("slow"), DONE])
    stage.answer("slow", "…", delay=0.2)
    stage.answer("kept", "kept\n")
    async with opened(stage):
        await stage.session.send(SubmitPrompt("go"))
        await until(stage, ActionBegan)
        for command in (RunInSandbox("kept"), SubmitPrompt("think again"), RunInSandbox("never")):
            await stage.session.send(command)
        await stage.session.send(TraceEntry("a.py", "f()"))
        await stage.tell(Unqueue(), Unqueue())
        assert [each.request for each in stage.all(Unqueued)] == [RunInSandbox("never"), SubmitPrompt("think again")]
        assert [each.text for each in stage.all(PromptAccepted)] == ["go", "!kept"]
        assert any("f()" in each.subject for each in stage.all(TraceBegan)), "what is no request stays"


async def test_what_has_begun_is_not_taken_back_and_the_user_is_told() -> None:
    stage = Stage([bash("slow"), DONE])
    stage.answer("slow", "…", delay=0.1)
    async with opened(stage):
        await stage.session.send(SubmitPrompt("go"))
        await until(stage, ActionBegan)
        await stage.session.send(Unqueue())
        told = stage.last(Noticed)
        assert (told.level, told.text) == ("info", "Nothing was taken back: no request waits.")
        assert told.remedy == "What has begun can only be stopped."
        assert await stage.session.idle() == Rested("answered")
        await stage.session.send(Unqueue())
        assert stage.last(Noticed).remedy == ""
        assert not stage.all(Unqueued)


async def test_an_interrupt_of_what_was_taken_back_does_not_stop_what_comes_after() -> None:
    ready = asyncio.Event()

    async def prepare(session: Session) -> None:
        await ready.wait()

    stage = Stage([DONE], more={"prepare": prepare})
    starting = asyncio.create_task(stage.session.start())
    await until(stage, SessionOpened)
    for command in (SubmitPrompt("one"), Interrupt(), Unqueue()):
        await stage.session.send(command)
    assert not stage.session.busy
    ready.set()
    await starting
    assert await stage.tell("two") == Rested("answered")
    assert [each.text for each in stage.all(PromptAccepted)] == ["two"]
    await stage.session.aclose()


async def test_rewind_interrupts_what_runs_and_keeps_the_queue() -> None:
    stage = Stage([bash("one"), bash("slow"), DONE], [FinalAnswer("second")])
    stage.writes("one", "a.py", "1\n")
    stage.answer("slow", "…", delay=60.0)
    async with opened(stage):
        await stage.session.send(SubmitPrompt("go"))
        await until(stage, CheckpointMade)
        await stage.tell("next", Rewind(0))
        kinds = [type(e) for e in stage.session.history if isinstance(e, PromptAccepted | Rested | Rewound)]
        assert kinds == [PromptAccepted, Rested, Rewound, PromptAccepted, Rested]
        assert stage.all(Rested)[0].status == "interrupted"


async def test_rewind_to_what_is_not_there_is_words() -> None:
    async with opened(Stage()) as stage:
        await stage.tell(Rewind(7))
        assert stage.last(Noticed).text == "There is no checkpoint 7."
        assert not stage.all(Rewound)


async def test_rewind_after_a_proof_is_no_proof() -> None:
    stage = Stage([bash("one"), bash("two"), bash("pytest -q"), DONE], [bash("three"), DONE])
    stage.writes("one", "a.py", "1\n")
    stage.writes("two", "a.py", "2\n")
    stage.writes("three", "c.py", "3\n")
    async with opened(stage):
        assert await stage.tell("go") == Rested("fixed")
        assert await stage.tell(Rewind(1), "go") == Rested("proposed")


async def test_accepted_hunks_reach_the_tree_and_undo_takes_them_back() -> None:
    stage = Stage([bash("fix"), DONE])
    stage.writes("fix", "a.py", "x = 2\n")
    before = dict(stage.workspace.tree)
    async with opened(stage):
        await stage.tell("fix it")
        await stage.tell(accept(stage))
        assert stage.last(PatchApplied).names == ("a.py",)
        assert stage.workspace.tree[b"a.py"].content == b"x = 2\n"
        assert stage.session.review() is None
        await stage.tell(UndoApply())
        assert stage.last(PatchUndone).receipt == stage.last(PatchApplied).receipt
        assert stage.workspace.tree == before
        assert stage.session.review() is not None
        await stage.tell(accept(stage))
        assert stage.workspace.tree[b"a.py"].content == b"x = 2\n"


async def test_a_second_patch_shows_only_what_the_tree_does_not_have() -> None:
    stage = Stage([bash("fix"), DONE], [bash("more"), DONE], [bash("back"), DONE])
    stage.writes("fix", "a.py", "x = 2\n")
    stage.writes("more", "c.py", "new\n")
    stage.answer("back", effect=lambda: (stage.files.put("a.py", "x = 1\n"), stage.files.remove("c.py")))
    async with opened(stage):
        await stage.tell("fix it")
        await stage.tell(accept(stage))
        await stage.tell("more")
        assert [stat.name for stat in stage.last(PatchProposed).files] == ["c.py"]
        await stage.tell(accept(stage))
        assert stage.workspace.tree == stage.files.now
        assert await stage.tell("take it back") == Rested("proposed")
        names = [(stat.name, stat.status) for stat in stage.last(PatchProposed).files]
        assert names == [("a.py", "modified"), ("c.py", "deleted")]
        await stage.tell(accept(stage))
        assert stage.workspace.tree == stage.files.base
        for _ in range(3):
            await stage.tell(UndoApply())
        assert stage.workspace.tree == stage.files.base
        await stage.tell(UndoApply())
        assert stage.last(Noticed).level == "warning"


async def test_a_part_is_applied_and_the_rest_is_told_to_the_policy() -> None:
    stage = Stage([bash("fix"), DONE], [bash("again"), DONE])
    two = TREE["b.py"].replace("one", "ONE").replace("last", "LAST")
    stage.writes("fix", "b.py", two)
    stage.writes("again", "b.py", two.replace("LAST", "last!"))
    async with opened(stage):
        await stage.tell("fix it")
        await stage.tell(accept(stage, (0, 0), note="keep the last line"))
        assert stage.workspace.tree[b"b.py"].content.decode() == TREE["b.py"].replace("one", "ONE")
        assert "keep the last line" in stage.last(HunksDeclined).text
        await stage.tell("again")
        assert any(isinstance(e, HunksDeclined) for e in stage.policy.seen[-1])
        review = stage.session.review()
        assert review is not None
        assert [len(file.hunks) for file in review.files] == [1], "the accepted hunk is not shown again"
        await stage.tell(accept(stage))
        assert stage.workspace.tree[b"b.py"].content.decode() == two.replace("LAST", "last!")


async def test_pressing_twice_applies_once() -> None:
    stage = Stage([bash("fix"), DONE])
    stage.writes("fix", "b.py", TREE["b.py"].replace("one", "ONE").replace("last", "LAST"))
    async with opened(stage):
        await stage.tell("fix it")
        command = accept(stage, (0, 0))
        await stage.tell(command, command)
        assert stage.workspace.tree[b"b.py"].content.decode() == TREE["b.py"].replace("one", "ONE")
        assert "Open the review again" in stage.last(PatchRefused).reason


async def test_a_tree_that_changed_is_merged_or_refused() -> None:
    stage = Stage([bash("fix"), DONE])
    stage.writes("fix", "b.py", TREE["b.py"].replace("one", "ONE"))
    async with opened(stage):
        await stage.tell("fix it")
        mine = TREE["b.py"].replace("one", "mine").encode()
        stage.workspace.tree[b"b.py"] = type(stage.workspace.tree[b"b.py"])(0o100644, mine)
        await stage.tell(accept(stage))
        assert stage.last(PatchRefused).names == ("b.py",)
        assert stage.workspace.tree[b"b.py"].content == mine
        both = TREE["b.py"].replace("last", "mine").encode()
        stage.workspace.tree[b"b.py"] = type(stage.workspace.tree[b"b.py"])(0o100644, both)
        await stage.tell(accept(stage))
        assert stage.last(PatchApplied).merged == ("b.py",)
        assert stage.workspace.tree[b"b.py"].content == both.replace(b"one", b"ONE")


@pytest.mark.parametrize("decision", [Decision(9, 0, "accept"), Decision(0, 9, "accept"), Decision(0, 0, "edit")])
async def test_a_decision_on_what_is_not_there_writes_nothing(decision: Decision) -> None:
    stage = Stage([bash("fix"), DONE])
    stage.writes("fix", "a.py", "x = 2\n")
    async with opened(stage):
        await stage.tell("fix it")
        await stage.tell(ApplyPatch(1, (decision,)))
        assert stage.all(PatchRefused)
        assert stage.workspace.tree == stage.files.base


async def test_the_user_is_asked_and_answers() -> None:
    async with opened(Stage()) as stage:
        asked = [asyncio.create_task(stage.session.ask("Install?", "pip install .")) for _ in range(3)]
        await asyncio.sleep(0)
        await stage.session.send(SettlePermission(1, allowed=True))
        await stage.session.send(SettlePermission(99, allowed=True))
        await stage.session.send(Interrupt())
        assert [await each for each in asked] == [True, False, False]
        assert [event.allowed for event in stage.all(PermissionSettled)] == [True, False, False]


async def test_closing_answers_no_stops_the_work_and_gives_everything_back() -> None:
    stage = Stage([60.0], imagined={})
    await stage.session.start()
    question = asyncio.create_task(stage.session.ask("Install?", ""))
    await stage.session.send(SubmitPrompt("go"))
    await stage.session.send(SubmitPrompt("and this"))
    await until(stage, PromptAccepted)
    await stage.session.aclose()
    await stage.session.aclose()
    assert await question is False
    assert stage.last(Rested) == Rested("interrupted")
    assert stage.session.history[-1] == SessionClosed()
    assert "Not begun" in stage.last(Noticed).text
    assert stage.dream is not None
    assert (stage.policy.closed, stage.world.closed, stage.dream.closed, stage.memory.closed) == (True,) * 4
    with pytest.raises(SessionError):
        await stage.session.send(SubmitPrompt("late"))


async def test_any_number_of_readers_see_the_same() -> None:
    stage = Stage([DONE])

    async def read() -> list[AgentEvent]:
        return [event async for event in stage.session.events()]

    early = [asyncio.create_task(read()) for _ in range(3)]
    async with opened(stage):
        await stage.tell("go")
        late = asyncio.create_task(read())
    for each in (*early, late):
        assert await each == list(stage.session.history)
    assert stage.memory.events == list(stage.session.history)


async def test_text_that_no_json_can_hold_is_made_sound() -> None:
    async with opened(Stage([DONE])) as stage:
        await stage.tell("fix \udcff it?")
        assert stage.last(PromptAccepted).text == "fix \ufffd it?"


async def test_what_was_mended_and_said_before_the_start_follows_the_opening() -> None:
    stage = Stage()
    stage.workspace.left_over = "A patch that was half applied was taken back."
    stage.session.notice("info", "The image was built.")
    async with opened(stage):
        said = [event.text for event in stage.all(Noticed)]
        assert said == ["The image was built.", "A patch that was half applied was taken back."]


async def test_a_full_disk_is_said_once_and_nothing_is_missing_afterwards() -> None:
    stage = Stage([bash("fix"), DONE])
    stage.writes("fix", "a.py", "x = 2\n")
    async with opened(stage):
        stage.memory.error = OSError(28, "No space left on device")
        await stage.tell("fix it")
        problems = [event.text for event in stage.all(Noticed) if event.level == "error"]
        assert len(problems) == 2, "one for the record, one for the checkpoint"
        assert stage.session.review() is not None
        stage.memory.error = None
        stage.session.notice("info", "There is room again.")
        assert stage.memory.events == list(stage.session.history)
        await stage.tell(RunInSandbox("fix"), Rewind(1))


def test_the_loop_fits_one_screen() -> None:
    source = (Path(__file__).parents[3] / "cwm_agent" / "core" / "loop.py").read_text(encoding="utf-8")
    start = source.index("    async def run(")
    assert source[start : source.index("    async def _decide(")].count("\n") < 40


async def test_a_policy_without_a_conversation_says_so_when_it_is_to_be_made_shorter() -> None:
    async with opened(Stage()) as on:
        await on.tell(Compact())
        assert on.last(Noticed).level == "error"
        assert "keeps no conversation" in on.last(Noticed).text
