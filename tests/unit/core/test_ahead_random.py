"""Random policies that think, users who interrupt and switch: each prediction is closed before its fact is heard of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cwm_agent.errors import ModelUnavailable
from cwm_agent.events import (
    ActionBegan,
    ActionEnded,
    AgentEvent,
    Interrupt,
    PredictionScored,
    SetMode,
    SubmitPrompt,
    TraceBegan,
    TraceEnded,
    UserCommand,
)
from cwm_agent.observations import Completed, Limits, Mode, Origin, Request, WorldEvent
from cwm_agent.settings import WorldSettings
from cwm_agent.testing import Answer, ScriptedWorld, Step
from tests.unit.core.grammar import check
from tests.unit.core.stage import Stage, bash
from tests.unit.core.test_ahead import BETTER, CALL, OTHER, edit
from tests.unit.core.test_foresight import FAILS, RAISES, RUN, TREE, ScriptedTracer, run_of

BOTH = "pytest test_a.py test_b.py"
steps: st.SearchStrategy[Step] = st.one_of(
    st.sampled_from(["pytest", RUN, BOTH, "ls", "touch"]).map(bash),
    st.sampled_from([BETTER, edit("x + 1", "x + 2"), edit("x + 2", "x")]),
    st.sampled_from([0.0, 0.002, 0.02]),
)
commands: st.SearchStrategy[UserCommand] = st.one_of(
    st.just(SubmitPrompt("go")), st.just(Interrupt()), st.sampled_from(Mode).map(SetMode)
)
plans = st.lists(st.tuples(commands, st.sampled_from([0.0, 0.001, 0.01, None])), max_size=6)
dreams = st.sampled_from(
    [
        Answer(frames=run_of("2")),
        Answer(frames=run_of("3"), delay=0.004),
        Answer(frames=RAISES, delay=0.03),
        Answer(error=ModelUnavailable("down"), delay=0.002),
    ]
)


class Several:
    """As many scripted worlds as it is asked for at once."""

    origin = Origin.IMAGINED

    def __init__(self, script: dict[str, Answer | str]) -> None:
        self._script = script

    def run(self, request: Request, limits: Limits) -> AsyncIterator[WorldEvent]:
        return ScriptedWorld(self._script, Origin.IMAGINED).run(request, limits)

    async def aclose(self) -> None:
        pass


def in_order(history: Sequence[AgentEvent]) -> None:
    """Each prediction is closed before its fact is heard of, and what was not closed is not scored."""
    closed: set[int] = set()
    begun: set[int] = set()
    imagining = False
    for event in history:
        match event:
            case TraceEnded(trace=number, origin=Origin.IMAGINED, outcome=Completed(0)):
                assert number not in begun, "the fact was heard of before"
                closed.add(number)
            case TraceBegan(trace=number, origin=Origin.REAL):
                begun.add(number)
            case PredictionScored(trace=number):
                assert number in closed, event
            case ActionBegan(origin=origin):
                assert not imagining
                imagining = origin is Origin.IMAGINED
            case ActionEnded():
                imagining = False


async def play(stage: Stage, plan: Sequence[tuple[UserCommand, float | None]]) -> None:
    await stage.session.start()
    for command, wait in plan:
        await stage.session.send(command)
        if wait is None:
            await stage.session.idle()
        else:
            await asyncio.sleep(wait)
    await stage.session.aclose()
    check(stage.session.history)
    in_order(stage.session.history)
    assert len(asyncio.all_tasks()) == 1, "nothing is left running"


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    scripts=st.lists(st.lists(steps, max_size=6), max_size=3),
    plan=plans,
    test=dreams,
    call=dreams,
    at_once=st.integers(1, 3),
    refine=st.integers(0, 2),
)
def test_whatever_happens_a_prediction_is_closed_before_its_fact(
    scripts: list[list[Step]],
    plan: list[tuple[UserCommand, float | None]],
    test: Answer,
    call: Answer,
    at_once: int,
    refine: int,
) -> None:
    async def run() -> None:
        script: dict[str, Answer | str] = {"test_x()": test, "test_y()": Answer(frames=run_of("None")), "f(1)": call}
        stage = Stage(
            *scripts,
            base={**TREE, "test_b.py": "def test_y():\n    pass\n"},
            more={
                "imagined": Several(script),
                "imagines_commands": False,
                "imagines_calls": True,
                "tracer": ScriptedTracer(RAISES, [CALL]),
                "dreams_at_once": at_once,
                "world_limits": WorldSettings(patience=0.01, refine=refine),
            },
        )
        for command in ("pytest", BOTH):
            stage.answer(command, FAILS, outcome=Completed(1))
        stage.answer(RUN, "1 passed in 0.01s\n", delay=0.003)
        stage.answer(f"pytest {OTHER}", "1 passed in 0.01s\n")
        stage.writes("touch", "data.txt", "new", delay=0.001)
        stage.world.script["f(1)"] = Answer(frames=run_of("2"), delay=0.001)
        async with asyncio.timeout(20):
            await play(stage, plan)

    asyncio.run(run())
