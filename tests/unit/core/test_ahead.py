"""What is imagined while the policy thinks: when it is shown, what drops it, and that nothing is left running."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from cwm_agent.core.ledger import Ledger
from cwm_agent.errors import ModelUnavailable, SandboxError
from cwm_agent.events import (
    ActionProposed,
    AgentEvent,
    Interrupt,
    Noticed,
    PredictionScored,
    SetMode,
    TextWritten,
    ToolCall,
    TraceBegan,
    TraceEnded,
)
from cwm_agent.observations import Completed, Limits, Mode, Origin, TraceCall
from cwm_agent.protocols import Act, RecordedCall
from cwm_agent.settings import WorldSettings
from cwm_agent.testing import Answer, ScriptedWorld, Step
from tests.unit.core.stage import Stage, bash, opened
from tests.unit.core.test_foresight import FAILS, RAISES, RUN, TEST, TREE, ScriptedTracer, run_of

CALL = RecordedCall(
    file="a.py",
    function="f",
    module="a",
    qualname="f",
    line=1,
    depth=1,
    arguments={"x": "1"},
    expressions={"x": "1"},
    call="f(1)",
)
OTHER = "test_b.py::test_y"
THINKS = 0.15


def edit(old: str, new: str) -> Act:
    return Act(
        ToolCall("edit", f"a.py\n<<<<<<< SEARCH\n    return {old}\n=======\n    return {new}\n>>>>>>> REPLACE\n")
    )


BETTER = edit("x", "x + 1")


class Tracer(ScriptedTracer):
    """Remembers of which tests it was asked for the inputs."""

    def __init__(self) -> None:
        super().__init__(RAISES, [CALL])
        self.recorded: list[str] = []
        self.error: SandboxError | None = None

    async def inputs(self, identity: str, limits: Limits) -> tuple[RecordedCall, ...]:
        self.recorded.append(identity)
        if self.error is not None:
            raise self.error
        return await super().inputs(identity, limits)


def stage(
    tmp_path: Path,
    *steps: Step,
    dreams: Mapping[str, Answer] | None = None,
    mode: Mode = Mode.VERIFY,
    patience: float = 0.5,
) -> Stage:
    known = {"test_x()": Answer(frames=run_of("None")), "test_y()": Answer(frames=run_of("None"))}
    known |= {"f(1)": Answer(frames=run_of("3")), **(dreams or {})}
    on = Stage(
        list(steps),
        base={**TREE, "test_b.py": "def test_y():\n    pass\n"},
        mode=mode,
        more={
            "imagined": ScriptedWorld(known, Origin.IMAGINED),
            "imagines_commands": False,
            "imagines_calls": True,
            "tracer": Tracer(),
            "ledger": Ledger(tmp_path / "ledger.jsonl"),
            "world_limits": WorldSettings(patience=patience),
        },
    )
    on.answer("pytest", FAILS, outcome=Completed(1))
    on.answer(RUN, "1 passed in 0.01s\n")
    on.answer(f"pytest {OTHER}", "1 passed in 0.01s\n")
    on.world.script["f(1)"] = Answer(frames=run_of("2"))
    return on


def dream_of(on: Stage) -> ScriptedWorld:
    world = on.session._parts.imagined
    assert isinstance(world, ScriptedWorld)
    return world


def asked(on: Stage) -> list[str]:
    """What the imagined world was asked for, in order."""
    return [each.entry for each in dream_of(on).requests if isinstance(each, TraceCall)]


def told(found: Sequence[AgentEvent]) -> list[str]:
    words = []
    for each in found:
        match each:
            case ActionProposed(call=call):
                words.append(call.tool)
            case TraceBegan(origin=origin, subject=subject):
                words.append(f"{origin.value} {subject}")
            case PredictionScored(kind=kind):
                words.append(f"scored {kind}")
            case TextWritten(text=text):
                words.append(text)
    return words


async def test_what_an_edit_touched_is_imagined_while_the_policy_thinks(tmp_path: Path) -> None:
    thinks: list[Step] = [TextWritten("Hm, "), THINKS, TextWritten("so.")]
    on = stage(tmp_path, bash("pytest"), 0.05, BETTER, *thinks, bash(RUN))
    async with opened(on):
        await on.tell("go")
    assert told(on.session.history) == [
        "bash",
        f"real {TEST}",
        "edit",
        "Hm, ",
        "so.",
        "imagined f(1)",
        "real f(1)",
        "scored trace",
        "bash",
        f"imagined {TEST}",
        "scored test",
        f"real {TEST}",
        "scored trace",
    ]
    assert asked(on) == ["test_x()", "f(1)"], "the test was imagined while the policy thought, and not again"
    sources = [each.source for each in dream_of(on).requests if isinstance(each, TraceCall)]
    assert "x + 1" in sources[1]


async def test_the_inputs_of_a_failing_test_are_recorded_before_the_edit(tmp_path: Path) -> None:
    on = stage(tmp_path, bash("pytest"), THINKS, BETTER)
    async with opened(on):
        await on.tell("go")
    tracer = on.session._parts.tracer
    assert isinstance(tracer, Tracer)
    assert tracer.recorded == [TEST], "once, and the edited code was not run for it"


async def test_another_edit_drops_what_was_imagined_of_the_older_state(tmp_path: Path) -> None:
    slow = {"test_x()": Answer(frames=run_of("None"), delay=0.2), "f(1)": Answer(frames=run_of("3"))}
    on = stage(tmp_path, bash("pytest"), 0.05, BETTER, 0.05, edit("x + 1", "x + 2"), 0.4, dreams=slow)
    async with opened(on):
        await on.tell("go")
    assert asked(on) == ["test_x()", "test_x()", "f(1)"]
    real = [each for each in on.world.requests if isinstance(each, TraceCall)]
    assert ["x + 2" in each.source for each in real] == [True], "the older state is not asked for its facts"
    assert [each.subject for each in on.all(TraceBegan) if each.origin is Origin.IMAGINED] == ["f(1)"]
    assert len(on.all(PredictionScored)) == 1


async def test_what_the_action_needs_comes_before_what_only_waits(tmp_path: Path) -> None:
    """The call is under way when a test shall run: that is imagined at once, and the call begins anew behind it."""
    slow = {"f(1)": Answer(frames=run_of("3"), delay=0.2)}
    on = stage(tmp_path, bash("pytest"), 0.05, BETTER, 0.05, bash(f"pytest {OTHER}"), 0.5, dreams=slow)
    async with opened(on):
        await on.tell("go")
    assert asked(on) == ["test_x()", "f(1)", "test_y()", "f(1)"]
    assert [each.subject for each in on.all(PredictionScored) if each.kind == "trace"] == [OTHER, "f(1)"]


async def test_a_test_run_overtakes_what_is_still_open_of_tests(tmp_path: Path) -> None:
    """What ran may have told how the test ends: it is no prediction any more, and is made anew when it is wanted."""
    slow = {"test_x()": Answer(frames=run_of("None"), delay=0.2)}
    on = stage(tmp_path, bash("pytest"), 0.05, BETTER, 0.05, bash(f"pytest {OTHER}"), bash(RUN), dreams=slow)
    async with opened(on):
        await on.tell("go")
    assert asked(on)[:3] == ["test_x()", "test_y()", "test_x()"]
    assert [each.subject for each in on.all(PredictionScored) if each.kind == "test"] == [OTHER, TEST]


async def test_the_other_predicted_tests_are_traced_while_the_policy_thinks(tmp_path: Path) -> None:
    on = stage(tmp_path, bash("pytest test_a.py test_b.py"), TextWritten("Hm."), THINKS)
    on.answer("pytest test_a.py test_b.py", FAILS, outcome=Completed(1))
    async with opened(on):
        await on.tell("go")
    assert told(on.session.history) == [
        "bash",
        *(f"imagined {TEST}", f"imagined {OTHER}"),
        *("scored test", "scored test", f"real {TEST}", "scored trace"),
        "Hm.",
        *(f"real {OTHER}", "scored trace"),
    ]


async def test_a_world_model_that_breaks_is_noticed_once(tmp_path: Path) -> None:
    broken = Answer(error=ModelUnavailable("It is down."))
    on = stage(tmp_path, bash("pytest"), 0.05, BETTER, 0.1, dreams={"test_x()": broken, "f(1)": broken})
    async with opened(on):
        await on.tell("go")
        assert [each.text for each in on.all(Noticed)] == ["No prediction: It is down."]
        assert await on.tell("more") is not None


async def test_inputs_that_cannot_be_recorded_are_not_tried_again_and_again(tmp_path: Path) -> None:
    on = stage(tmp_path, bash("pytest"), 0.05, bash("ls"), 0.05, bash("ls"), 0.05, BETTER, 0.05)
    tracer = on.session._parts.tracer
    assert isinstance(tracer, Tracer)
    tracer.error = SandboxError("The trace ended in the middle.")
    async with opened(on):
        await on.tell("go")
    assert tracer.recorded == [TEST]
    assert [each.text for each in on.all(Noticed)] == ["No prediction: The trace ended in the middle."]


async def test_a_fault_of_our_own_in_the_background_does_not_end_the_turn(tmp_path: Path) -> None:
    on = stage(tmp_path, bash("pytest"), 0.05, BETTER, 0.1)
    on.world.script["f(1)"] = Answer(error=ValueError("odd"))
    async with opened(on):
        rested = await on.tell("go")
    assert rested is not None
    assert rested.status != "error"
    assert [each.text for each in on.all(Noticed)] == ["No prediction: ValueError: odd"]


SLOW = {"test_x()": Answer(frames=run_of("None"), delay=5.0)}


async def test_an_interrupt_ends_what_is_imagined_in_the_background(tmp_path: Path) -> None:
    on = stage(tmp_path, bash("pytest"), 0.05, BETTER, 5.0, dreams=SLOW)
    async with opened(on):
        task = asyncio.create_task(on.tell("go"))
        await until_imagining(on)
        await on.session.send(Interrupt())
        rested = await task
        assert rested is not None
        assert rested.status == "interrupted"
        assert not dream_of(on)._busy
    assert not on.all(PredictionScored)


async def test_another_mode_ends_it_and_the_policy_goes_on(tmp_path: Path) -> None:
    on = stage(tmp_path, bash("pytest"), 0.05, BETTER, 0.4, TextWritten("so"), dreams=SLOW)
    async with opened(on):
        task = asyncio.create_task(on.tell("go"))
        await until_imagining(on)
        await on.session.send(SetMode(Mode.REAL))
        assert not dream_of(on)._busy
        await task
        assert on.last(TextWritten).text == "so"
    assert not [each for each in on.all(TraceEnded) if each.origin is Origin.IMAGINED]


async def test_closing_the_session_ends_it(tmp_path: Path) -> None:
    on = stage(tmp_path, bash("pytest"), 0.05, BETTER, 5.0, dreams=SLOW)
    async with opened(on):
        task = asyncio.create_task(on.tell("go"))
        await until_imagining(on)
    await task
    assert len(asyncio.all_tasks()) == 1
    assert not dream_of(on)._busy


async def until_imagining(on: Stage) -> None:
    async with asyncio.timeout(5):
        while "test_x()" not in asked(on):  # noqa: ASYNC110 -- the double has no event for it
            await asyncio.sleep(0.01)


async def test_after_the_last_word_what_is_open_has_the_time_of_patience(tmp_path: Path) -> None:
    slow = {"test_x()": Answer(frames=run_of("None"), delay=5.0), "f(1)": Answer(frames=run_of("3"), delay=5.0)}
    on = stage(tmp_path, bash("pytest"), 0.05, BETTER, dreams=slow, patience=0.1)
    async with opened(on):
        began = asyncio.get_running_loop().time()
        await on.tell("go")
        assert asyncio.get_running_loop().time() - began < 2.0
    assert not on.all(PredictionScored)


@pytest.mark.parametrize("mode", [Mode.REAL, Mode.IMAGINED])
async def test_in_the_other_modes_nothing_is_done_in_the_background(tmp_path: Path, mode: Mode) -> None:
    on = stage(tmp_path, bash("pytest"), mode=Mode.REAL)
    on.policy._scripts.append([BETTER, 0.1])
    async with opened(on):
        await on.tell("go")
        before = len(on.world.requests)
        await on.tell(SetMode(mode), "go on")
    tracer = on.session._parts.tracer
    assert isinstance(tracer, Tracer)
    assert (tracer.recorded, on.world.requests[before:], asked(on)) == ([], [], [])


async def test_without_a_world_model_nothing_is_done_in_the_background() -> None:
    tracer = Tracer()
    on = Stage([bash("pytest"), 0.05, BETTER, 0.05], base=TREE, more={"tracer": tracer})
    on.answer("pytest", FAILS, outcome=Completed(1))
    async with opened(on):
        await on.tell("go")
    assert (tracer.recorded, tracer.asked) == ([], [TEST])


async def test_an_interrupt_after_the_last_word_leaves_the_answer_as_it_is(tmp_path: Path) -> None:
    on = stage(tmp_path, bash("pytest"), 0.05, BETTER, dreams=SLOW, patience=5.0)
    async with opened(on):
        task = asyncio.create_task(on.tell("go"))
        await until_imagining(on)
        await asyncio.sleep(0.05)
        await on.session.send(Interrupt())
        rested = await task
        assert rested is not None
        assert rested.status == "proposed"
        assert not dream_of(on)._busy
