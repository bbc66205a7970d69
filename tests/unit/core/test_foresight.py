"""What is imagined by rule, in which order, and how it is scored: on scripted worlds that answer with frames."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest

from cwm_agent import events
from cwm_agent.core.ledger import Ledger
from cwm_agent.events import (
    ActionBegan,
    AgentEvent,
    FramesReached,
    ImagineOn,
    Noticed,
    PredictionScored,
    SubmitPrompt,
    ToolCall,
    TraceBegan,
    TraceEnded,
    TraceEntry,
)
from cwm_agent.observations import (
    Completed,
    Finished,
    FrameReached,
    LimitReached,
    Limits,
    Mode,
    Origin,
    TraceCall,
    Unreadable,
    WorldEvent,
)
from cwm_agent.protocols import Act, RecordedCall
from cwm_agent.testing import Answer, ScriptedWorld
from cwm_agent.traces.frames import Frame, FrameKind
from tests.unit.core.stage import Stage, bash, opened

TEST = "test_a.py::test_x"
TREE = {"a.py": "def f(x):\n    return x\n", "test_a.py": "from a import f\n\n\ndef test_x():\n    assert f(1) == 2\n"}
RUN = f"pytest {TEST}"
FAILS = f"=== short test summary info ===\nFAILED {TEST} - assert 1 == 2\n1 failed in 0.01s\n"


def frame(event: FrameKind, value: str | None = None, **locals_: str) -> Frame:
    return Frame(
        event=event, file="a.py", function="f", line=1, depth=0, source="def f(x):", locals=locals_, value=value
    )


def run_of(value: str, x: str = "1") -> tuple[Frame, ...]:
    return frame(FrameKind.CALL, x=x), frame(FrameKind.RETURN, value)


RAISES = (
    frame(FrameKind.CALL),
    frame(FrameKind.EXCEPTION, "AssertionError: assert 1 == 2"),
    frame(FrameKind.RETURN, "None"),
)


class ScriptedTracer:
    """Traces any test with these frames; `calls` are the inputs."""

    def __init__(self, frames: Sequence[Frame] = (), calls: Sequence[RecordedCall] = ()) -> None:
        self.frames = tuple(frames)
        self.calls = tuple(calls)
        self.asked: list[str] = []

    async def test(self, identity: str, limits: Limits) -> AsyncIterator[WorldEvent]:
        self.asked.append(identity)
        for each in self.frames:
            yield FrameReached(each)
        yield Finished(Completed(1))

    async def inputs(self, identity: str, limits: Limits) -> tuple[RecordedCall, ...]:
        return self.calls


class ScriptedDreamer:
    """Goes on from any state with these frames."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.frames = tuple(frames)
        self.so_far: tuple[Frame, ...] = ()

    async def imagine_on(
        self, request: TraceCall, so_far: Sequence[Frame], limits: Limits, *, then: FrameKind | None = None
    ) -> AsyncIterator[WorldEvent]:
        self.so_far = tuple(so_far)
        for each in self.frames:
            yield FrameReached(each)
        yield Finished(Completed(0))


def stage(
    tmp_path: Path,
    dream: Answer,
    *,
    tracer: ScriptedTracer | None = None,
    mode: Mode = Mode.VERIFY,
    acts: Sequence[Act] = (),
    dreamer: ScriptedDreamer | None = None,
    entry: str = "test_x()",
) -> Stage:
    world = ScriptedWorld({entry: dream}, Origin.IMAGINED)
    return Stage(
        acts or [bash(RUN)],
        base=TREE,
        mode=mode,
        more={
            "imagined": world,
            "imagines_commands": False,
            "imagines_calls": True,
            "tracer": tracer or ScriptedTracer(RAISES),
            "dreamer": dreamer,
            "ledger": Ledger(tmp_path / "ledger.jsonl"),
            "world_model": "tiny",
        },
    )


def order(found: Sequence[AgentEvent]) -> list[str]:
    kinds = (ActionBegan, TraceBegan, TraceEnded, PredictionScored, events.TestsReported)
    return [
        f"{type(each).__name__} {each.origin}" if not isinstance(each, PredictionScored) else f"scored {each.kind}"
        for each in found
        if isinstance(each, kinds)
    ]


async def test_a_test_is_imagined_before_it_runs_and_scored_after(tmp_path: Path) -> None:
    on = stage(tmp_path, Answer(frames=run_of("None")))
    on.answer(RUN, FAILS, outcome=Completed(1))
    async with opened(on):
        await on.tell("go")
    assert order(on.session.history) == [
        "ActionBegan imagined",
        "TraceBegan imagined",
        "TraceEnded imagined",
        "TestsReported imagined",
        "ActionBegan real",
        "TestsReported real",
        "scored test",
        "TraceBegan real",
        "TraceEnded real",
        "scored trace",
    ]
    test, trace = on.all(PredictionScored)
    assert (test.predicted, test.fact, test.came_true) == ("passed", "failed", False)
    assert (trace.predicted, trace.came_true) == ("returns None", False)
    assert trace.fact.startswith("raises AssertionError")
    kept = Ledger(tmp_path / "ledger.jsonl").read()
    assert [(each.kind, each.came_true, each.model) for each in kept] == [
        ("test", False, "tiny"),
        ("trace", False, "tiny"),
    ]


async def test_a_prediction_that_comes_true_says_so(tmp_path: Path) -> None:
    on = stage(tmp_path, Answer(frames=RAISES))
    on.answer(RUN, FAILS, outcome=Completed(1))
    async with opened(on):
        await on.tell("go")
    assert [each.came_true for each in on.all(PredictionScored)] == [True, True]


@pytest.mark.parametrize("outcome", [LimitReached("frames"), Unreadable("<garbage>", "no frame")])
async def test_a_dream_without_an_end_predicts_nothing_of_the_test(
    tmp_path: Path, outcome: LimitReached | Unreadable
) -> None:
    on = stage(tmp_path, Answer(frames=run_of("None")[:1], outcome=outcome))
    on.answer(RUN, FAILS, outcome=Completed(1))
    async with opened(on):
        await on.tell("go")
    assert [each.kind for each in on.all(PredictionScored)] == ["trace"]
    assert not on.all(PredictionScored)[0].came_true


async def test_in_imagined_mode_nothing_runs(tmp_path: Path) -> None:
    tracer = ScriptedTracer(RAISES)
    on = stage(tmp_path, Answer(frames=run_of("None")), tracer=tracer, mode=Mode.IMAGINED)
    async with opened(on):
        await on.tell("go")
    assert on.world.requests == []
    assert tracer.asked == []
    assert order(on.session.history)[-1] == "TestsReported imagined"
    assert not on.all(PredictionScored)


async def test_without_a_model_the_first_failing_test_is_traced_for_real(tmp_path: Path) -> None:
    tracer = ScriptedTracer(RAISES)
    on = Stage([bash("pytest")], base=TREE, more={"tracer": tracer})
    on.answer("pytest", FAILS, outcome=Completed(1))
    async with opened(on):
        await on.tell("go")
    assert tracer.asked == [TEST]
    assert order(on.session.history)[-2:] == ["TraceBegan real", "TraceEnded real"]
    assert [len(each.frames) for each in on.all(FramesReached)] == [3]


async def test_after_an_edit_the_calls_of_the_failing_test_are_imagined_and_made(tmp_path: Path) -> None:
    call = RecordedCall(
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
    edit = Act(ToolCall("edit", "a.py\n<<<<<<< SEARCH\n    return x\n=======\n    return x + 1\n>>>>>>> REPLACE\n"))
    on = stage(
        tmp_path,
        Answer(frames=run_of("3")),
        tracer=ScriptedTracer(RAISES, [call]),
        acts=[bash("pytest"), edit],
        entry="f(1)",
    )
    on.answer("pytest", FAILS, outcome=Completed(1))
    on.world.script["f(1)"] = Answer(frames=run_of("2"))
    async with opened(on):
        await on.tell("go")
    scored = on.last(PredictionScored)
    assert (scored.subject, scored.predicted, scored.fact) == ("f(1)", "returns 3", "returns 2")
    asked = [each for each in on.world.requests if isinstance(each, TraceCall)]
    assert [(each.entry, each.path) for each in asked] == [("f(1)", "a.py")]
    assert "x + 1" in asked[0].source


async def test_the_user_can_ask_for_a_trace(tmp_path: Path) -> None:
    on = stage(tmp_path, Answer(frames=run_of("1")), entry="f(1)")
    on.world.script["f(1)"] = Answer(frames=run_of("1"))
    async with opened(on):
        await on.tell(TraceEntry("a.py", "f(1)"))
        assert on.last(PredictionScored).came_true
        await on.tell(TraceEntry("gone.py", "f(1)"))
        assert "no file gone.py" in on.last(Noticed).text
        on.world.script["f(2)"] = Answer(error=ValueError("what"))
        await on.tell(TraceEntry("a.py", "f(2)"))
        assert on.last(Noticed).level == "error"
        await on.tell(SubmitPrompt("go on"))
    numbers = [(each.trace, each.origin.value) for each in on.all(TraceBegan)]
    assert numbers[:2] == [(1, "imagined"), (1, "real")]


async def test_what_if_takes_the_frames_before_and_the_edited_state(tmp_path: Path) -> None:
    dreamer = ScriptedDreamer([frame(FrameKind.RETURN, "5")])
    on = stage(tmp_path, Answer(frames=run_of("1")), dreamer=dreamer, entry="f(1)")
    on.world.script["f(1)"] = Answer(frames=run_of("1"))
    async with opened(on):
        await on.tell(TraceEntry("a.py", "f(1)"))
        await on.tell(ImagineOn(1, Origin.REAL, 0, {"x": "5"}))
        last = on.last(TraceBegan)
        assert (last.origin, last.subject) == (Origin.IMAGINED, "f(1) with x = 5")
        assert [each.locals for each in dreamer.so_far] == [{"x": "5"}]
        await on.tell(ImagineOn(9, Origin.REAL, 0, {"x": "5"}))
        assert "no frame" in on.last(Noticed).text


async def test_what_if_without_a_model_says_what_to_do() -> None:
    on = Stage([], base=TREE)
    async with opened(on):
        await on.tell(ImagineOn(1, Origin.REAL, 0, {"x": "5"}))
    assert "--model-url" in on.last(Noticed).remedy


def test_traces_go_to_the_record_and_back() -> None:
    told = FramesReached(1, Origin.REAL, RAISES)
    assert msgspec.json.decode(msgspec.json.encode(told), type=AgentEvent) == told  # type: ignore[arg-type]
