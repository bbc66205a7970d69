"""Imagined mode, guessed outputs and drafts: what is imagined by which means, and that nothing is done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cwm_agent import events
from cwm_agent.core.drafts import Drafts
from cwm_agent.core.ledger import Ledger
from cwm_agent.errors import SandboxError
from cwm_agent.events import (
    ActionBegan,
    ActionEnded,
    ActionProposed,
    AgentEvent,
    CheckpointMade,
    PatchProposed,
    PredictionScored,
    Rewind,
    SetMode,
    ToolCall,
)
from cwm_agent.observations import Completed, Finished, Limits, Mode, Origin, OutputWritten, TraceCall, WorldEvent
from cwm_agent.policies.conversation.reading import Answered, read
from cwm_agent.protocols import Act, Guesser
from cwm_agent.settings import WorldSettings
from cwm_agent.testing import Answer, MemoryFiles, ScriptedWorld, Step, tree
from cwm_agent.workspace.changes import REGULAR, ChangeSet, Entry
from tests.unit.core.stage import Stage, bash, opened
from tests.unit.core.test_ahead import BETTER, CALL, edit
from tests.unit.core.test_foresight import FAILS, RAISES, RUN, TEST, TREE, ScriptedTracer, run_of

SUBMIT = Act(ToolCall("submit", "/tmp/fix.patch"))


class Guesses:
    """Guesses the same of every command, and remembers of which."""

    def __init__(self, output: str = "guess\n") -> None:
        self.output = output
        self.calls: list[ToolCall] = []

    async def guess(self, history: Sequence[AgentEvent], call: ToolCall, limits: Limits) -> AsyncIterator[WorldEvent]:
        last = next(event for event in reversed(history) if isinstance(event, ActionProposed))
        assert last.call == call
        self.calls.append(call)
        self.history = tuple(history)
        yield OutputWritten(self.output)
        yield Finished(Completed(0))


_: Guesser = Guesses()


def stage(tmp_path: Path, *steps: Step, mode: Mode = Mode.IMAGINED, guesses: bool = True, **settings: Any) -> Stage:
    known = {"test_x()": Answer(frames=RAISES), "f(1)": Answer(frames=run_of("3"))}
    on = Stage(
        list(steps),
        base=TREE,
        mode=mode,
        more={
            "imagined": ScriptedWorld(known, Origin.IMAGINED),
            "imagines_commands": False,
            "imagines_calls": True,
            "tracer": ScriptedTracer(RAISES, [CALL]),
            "ledger": Ledger(tmp_path / "ledger.jsonl"),
            "guesser": Guesses() if guesses else None,
            "world_limits": WorldSettings(patience=0.5, **settings),
        },
    )
    on.answer("pytest", FAILS, outcome=Completed(1))
    on.answer("ls", "a.py\ntest_a.py\n")
    on.answer(RUN, "1 passed in 0.01s\n")
    on.world.script["f(1)"] = Answer(frames=run_of("2"))
    return on


def runs(on: Stage) -> list[tuple[int, str, bool]]:
    """Each run of an action: its number, its origin, whether it is a guess."""
    return [(each.action, each.origin.value, each.guessed) for each in on.all(ActionBegan)]


async def test_in_imagined_mode_nothing_runs_and_everything_is_marked(tmp_path: Path) -> None:
    on = stage(tmp_path, bash("ls"), bash(RUN), BETTER, bash(RUN), bash("git diff > /tmp/fix.patch"), SUBMIT)
    async with opened(on):
        rested = await on.tell("go")
    assert runs(on) == [
        (1, "imagined", True),
        (2, "imagined", False),
        (3, "real", False),
        (4, "imagined", False),
        (5, "imagined", True),
        (6, "real", False),
    ]
    assert on.world.requests == []
    assert on.session._parts.tracer.asked == []  # type: ignore[union-attr]
    assert on.files.now[b"a.py"].content == b"def f(x):\n    return x + 1\n", "edits apply to the snapshot"
    assert b"/tmp/fix.patch" not in on.files.now
    assert "+    return x + 1" in on.last(ActionEnded).observation
    patch = on.last(PatchProposed)
    assert ([each.name for each in patch.files], patch.verified) == (["a.py"], False)
    assert rested is not None
    assert rested.status == "proposed"


async def test_what_was_imagined_to_fail_is_known_to_the_next_run(tmp_path: Path) -> None:
    on = stage(tmp_path, bash(RUN), bash("pytest"), guesses=False)
    async with opened(on):
        await on.tell("go")
    assert [each.failures for each in on.all(events.TestsReported)] == [(TEST,), (TEST,)]


async def test_a_model_that_does_not_converse_says_that_it_cannot(tmp_path: Path) -> None:
    on = stage(tmp_path, bash("ls"), bash("pytest test_a.py"), guesses=False)
    async with opened(on):
        await on.tell("go")
    first, second = on.all(ActionEnded)
    assert first.observation.count("\n") == 1
    assert "imagines tests and calls, and no other commands" in first.observation
    assert f"FAILED {TEST}" in second.observation
    assert on.world.requests == []


async def test_what_was_rewound_is_not_part_of_a_guess(tmp_path: Path) -> None:
    on = stage(tmp_path, BETTER)
    on.policy._scripts.append([bash("ls")])
    async with opened(on):
        for command in ("go", Rewind(0), "go on"):
            await on.tell(command)
    assert on.all(CheckpointMade)
    guesser = on.session._parts.guesser
    assert isinstance(guesser, Guesses)
    assert not [event for event in guesser.history if isinstance(event, CheckpointMade)]


async def test_a_submission_without_a_change_is_refused(tmp_path: Path) -> None:
    on = stage(tmp_path, SUBMIT)
    async with opened(on):
        await on.tell("go")
    assert "no change" in on.last(ActionEnded).observation
    assert not on.all(PatchProposed)


async def test_what_prepares_runs_only_once_something_may_run(tmp_path: Path) -> None:
    prepared: list[Mode] = []

    async def prepare(session: Any) -> None:
        prepared.append(session.mode)

    on = stage(tmp_path)
    object.__setattr__(on.session._parts, "prepare", prepare)
    on.session._prepared = False
    async with opened(on):
        await on.session.send(SetMode(Mode.IMAGINED))
        assert prepared == []
        await on.session.send(SetMode(Mode.REAL))
        await on.session.idle()
        await on.session.send(SetMode(Mode.VERIFY))
        await on.session.idle()
    assert prepared == [Mode.REAL]


async def test_verify_guesses_commands_where_it_is_told_to(tmp_path: Path) -> None:
    on = stage(tmp_path, bash("ls"), mode=Mode.VERIFY, commands=True)
    async with opened(on):
        await on.tell("go")
    assert runs(on) == [(1, "imagined", True), (1, "real", False)]
    scored = on.last(PredictionScored)
    assert (scored.kind, scored.subject, scored.predicted, scored.fact) == ("output", "ls", "guess", "a.py")
    assert not scored.came_true
    assert [each.kind for each in Ledger(tmp_path / "ledger.jsonl").read()] == ["output"]
    answered = [each for each in read(on.session.history) if isinstance(each, Answered)]
    assert [(each.observation, each.imagined, each.notes) for each in answered] == [("a.py\ntest_a.py\n", False, ())]


async def test_a_guess_that_came_true_is_scored_so(tmp_path: Path) -> None:
    on = stage(tmp_path, bash("ls"), mode=Mode.VERIFY, commands=True)
    on.session._parts.guesser.output = "a.py\ntest_a.py\n\n"  # type: ignore[union-attr]
    async with opened(on):
        await on.tell("go")
    assert on.last(PredictionScored).came_true


async def test_verify_guesses_nothing_by_itself(tmp_path: Path) -> None:
    on = stage(tmp_path, bash("ls"), mode=Mode.VERIFY)
    async with opened(on):
        await on.tell("go")
    assert runs(on) == [(1, "real", False)]


def drafts(on: Stage) -> list[tuple[str, bool]]:
    return [
        (each.call.content.splitlines()[0] if each.call.tool == "bash" else each.call.tool, each.draft)
        for each in on.all(ActionProposed)
    ]


async def test_an_edit_is_thought_over_before_it_is_made(tmp_path: Path) -> None:
    worse = edit("x", "x + 7")
    on = stage(tmp_path, bash("pytest"), 0.05, worse, BETTER, BETTER, mode=Mode.VERIFY, refine=3)
    async with opened(on):
        await on.tell("go")
    assert drafts(on) == [("pytest", False), ("edit", True), ("edit", True), ("edit", False)]
    first, second = (each for each in on.all(ActionEnded) if each.origin is Origin.IMAGINED)
    assert "x + 7" in first.observation
    assert f"{TEST}: imagined to fail" in first.observation
    assert "f(1): imagined, returns 3" in second.observation
    assert [each.action for each in on.all(CheckpointMade)] == [4]
    assert on.files.now[b"a.py"].content == b"def f(x):\n    return x + 1\n"
    asked = [each for each in on.world.requests if isinstance(each, TraceCall)]
    assert not any("x + 7" in each.source for each in asked), "what was thought away is not run either"
    dreamt = [each for each in on.session._parts.imagined.requests if isinstance(each, TraceCall)]  # type: ignore[union-attr]
    assert any("x + 7" in each.source for each in dreamt)
    answers = [each for each in read(on.session.history) if isinstance(each, Answered)]
    assert [(each.draft, each.imagined) for each in answers] == [
        (False, False),
        (True, True),
        (True, True),
        (False, False),
    ]


async def test_the_rounds_have_a_limit(tmp_path: Path) -> None:
    on = stage(tmp_path, edit("x", "x + 7"), edit("x", "x + 8"), edit("x", "x + 9"), mode=Mode.VERIFY, refine=2)
    async with opened(on):
        await on.tell("go")
    assert [draft for _, draft in drafts(on)] == [True, True, False]
    assert b"x + 9" in on.files.now[b"a.py"].content


async def test_a_command_that_is_thought_over_is_imagined_once(tmp_path: Path) -> None:
    on = stage(tmp_path, bash(RUN), bash(RUN), mode=Mode.VERIFY, refine=1)
    async with opened(on):
        await on.tell("go")
    assert drafts(on) == [(RUN, True), (RUN, False)]
    assert runs(on) == [(1, "imagined", False), (2, "imagined", False), (2, "real", False)]
    dreamt = [each.entry for each in on.session._parts.imagined.requests if isinstance(each, TraceCall)]  # type: ignore[union-attr]
    assert dreamt == ["test_x()"]
    assert [each.kind for each in on.all(PredictionScored)] == ["test", "trace"]


async def test_what_cannot_be_imagined_is_done_at_once(tmp_path: Path) -> None:
    on = stage(tmp_path, bash("ls"), SUBMIT, mode=Mode.VERIFY, refine=3)
    async with opened(on):
        await on.tell("go")
    assert [draft for _, draft in drafts(on)] == [False, False]


@pytest.mark.parametrize(("mode", "revises"), [(Mode.REAL, True), (Mode.VERIFY, False)])
async def test_nothing_is_drafted_where_nobody_thinks_again(tmp_path: Path, mode: Mode, revises: bool) -> None:
    on = stage(tmp_path, BETTER, mode=mode, refine=3)
    object.__setattr__(on.session._parts, "revises", revises)
    async with opened(on):
        await on.tell("go")
    assert drafts(on) == [("edit", False)]


async def test_drafts_lie_over_the_files_until_they_are_cleared() -> None:
    files = MemoryFiles(tree({"a.py": "1\n", "d/b.py": "2\n"}))
    over = Drafts(files)
    await over.write(b"a.py", Entry(REGULAR, b"3\n"))
    await over.write(b"n.py", Entry(REGULAR, b"4\n"))
    assert ((await over.read(b"a.py")).content, (await files.read(b"a.py")).content) == (b"3\n", b"1\n")
    assert await over.is_directory(b"d")
    found = (await over.changes()).changes
    assert [(each.path, each.old is None) for each in found] == [(b"a.py", False), (b"n.py", True)]
    with pytest.raises(SandboxError):
        await over.restore(ChangeSet())
    over.clear()
    assert (await over.read(b"a.py")).content == b"1\n"
    assert not await over.changes()
