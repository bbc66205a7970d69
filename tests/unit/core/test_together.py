"""Both worlds at once: the order in which they are heard, patience, and what stopping leaves."""

from __future__ import annotations

import asyncio

import pytest

from cwm_agent.core.dreams import LATE
from cwm_agent.errors import ContainerDied, ModelUnavailable
from cwm_agent.events import ActionBegan, ActionEnded, ActionOutput, Interrupt, Noticed, Rested, RunInSandbox, SetMode
from cwm_agent.observations import Completed, Mode, Origin
from cwm_agent.protocols import FinalAnswer
from cwm_agent.settings import WorldSettings
from cwm_agent.testing import Answer
from tests.unit.core.stage import Stage, bash, opened

IMPATIENT = {"world_limits": WorldSettings(patience=0.02)}


def origins(stage: Stage) -> list[tuple[str, str]]:
    """What was told, as (kind, origin)."""
    kinds = (ActionBegan, ActionOutput, ActionEnded)
    return [(type(each).__name__, each.origin.value) for each in stage.session.history if isinstance(each, kinds)]


async def test_the_real_run_begins_at_once_and_is_heard_of_when_the_prediction_is_closed() -> None:
    stage = Stage([bash("work")], imagined={"work": Answer(("guess\n",), delay=0.05)})
    stage.answer("work", "fact\n")
    async with opened(stage):
        await stage.session.send(RunInSandbox("true"))
        await stage.session.idle()
        task = asyncio.create_task(stage.tell("go"))
        while len(stage.world.requests) < 2:  # noqa: ASYNC110 -- the double has no event for it
            await asyncio.sleep(0)
        assert not [each for each in stage.all(ActionOutput) if each.text == "guess\n"], "it had begun before"
        await task
    told = origins(stage)[-6:]
    assert [origin for _, origin in told] == ["imagined"] * 3 + ["real"] * 3
    assert [each.text for each in stage.all(ActionOutput)][-2:] == ["guess\n", "fact\n"]


async def test_both_take_only_as_long_as_the_longer_one() -> None:
    stage = Stage([bash("work")], imagined={"work": Answer(("a",), delay=0.3)})
    stage.answer("work", "b", delay=0.3)
    async with opened(stage):
        began = asyncio.get_running_loop().time()
        await stage.tell("go")
        assert asyncio.get_running_loop().time() - began < 0.5
    imagined, real = stage.all(ActionEnded)
    assert imagined.seconds == pytest.approx(0.3, abs=0.1)
    assert real.seconds == pytest.approx(0.3, abs=0.1)


async def test_a_prediction_that_is_late_is_abandoned_and_said_to_be() -> None:
    stage = Stage([bash("work")], imagined={"work": Answer(("a", "b"), delay=5.0)}, more=IMPATIENT)
    stage.answer("work", "fact")
    async with opened(stage):
        await stage.tell("go")
    imagined, real = stage.all(ActionEnded)
    assert imagined.outcome == LATE
    assert "the real run was over first" in imagined.observation
    assert (real.outcome, real.observation) == (Completed(0), "fact")
    assert stage.dream is not None
    assert not stage.dream._busy


async def test_a_prediction_within_the_patience_is_kept() -> None:
    more = {"world_limits": WorldSettings(patience=5.0)}
    stage = Stage([bash("work")], imagined={"work": Answer(("guess",), delay=0.1)}, more=more)
    stage.answer("work", "fact")
    async with opened(stage):
        await stage.tell("go")
    assert [each.outcome for each in stage.all(ActionEnded)] == [Completed(0), Completed(0)]


async def test_a_broken_world_model_costs_the_prediction_alone() -> None:
    stage = Stage([bash("work")], imagined={"work": Answer(error=ModelUnavailable("It is down."))})
    stage.answer("work", "fact", delay=0.02)
    async with opened(stage):
        await stage.tell("go")
        assert stage.last(ActionEnded).observation == "fact"
        assert "No prediction: It is down." in [each.text for each in stage.all(Noticed)]


async def test_a_container_that_dies_meanwhile_is_told_after_the_prediction() -> None:
    stage = Stage([bash("work")], imagined={"work": Answer(("guess",), delay=0.05)})
    stage.answer("work", "part", error=ContainerDied("The container is gone."))
    async with opened(stage):
        assert (await stage.tell("go") or Rested("answered")).status == "error"
    imagined, real = stage.all(ActionEnded)
    assert (imagined.origin, imagined.outcome) == (Origin.IMAGINED, Completed(0))
    assert (real.outcome, real.observation) == (Completed(137), "part\n[The container is gone.]\n")


async def test_interrupting_the_prediction_tells_what_ran_until_then() -> None:
    stage = Stage([bash("work")], imagined={"work": Answer(("a", "b", "c"), delay=0.2)})
    stage.answer("work", "one", "two", delay=0.15)
    async with opened(stage):
        await stage.session.send(RunInSandbox("true"))
        task = asyncio.create_task(stage.tell("go"))
        await asyncio.sleep(0.2)
        await stage.session.send(Interrupt())
        assert (await task or Rested("answered")).status == "interrupted"
        assert not stage.world._busy
    imagined, real = stage.all(ActionEnded)[-2:]
    assert (imagined.outcome, real.outcome) == (Completed(130), Completed(130))
    assert real.observation.startswith("one")
    assert "the user interrupted this" in real.observation


async def test_interrupting_the_patience_tells_the_real_run_as_it_ended() -> None:
    stage = Stage([bash("work")], imagined={"work": Answer(("a",), delay=5.0)})
    stage.answer("work", "fact")
    async with opened(stage):
        task = asyncio.create_task(stage.tell("go"))
        await asyncio.sleep(0.1)
        await stage.session.send(Interrupt())
        await task
    imagined, real = stage.all(ActionEnded)
    assert (imagined.outcome, real.outcome, real.observation) == (Completed(130), Completed(0), "fact")


async def test_closing_the_session_meanwhile_leaves_nothing_running() -> None:
    stage = Stage([bash("work")], imagined={"work": Answer(("a",), delay=5.0)})
    stage.answer("work", "b", delay=5.0)
    async with opened(stage):
        await stage.session.send(SetMode(Mode.VERIFY))
        task = asyncio.create_task(stage.tell("go"))
        await asyncio.sleep(0.05)
    await task
    assert len(asyncio.all_tasks()) == 1


async def test_a_running_action_finishes_in_its_own_mode() -> None:
    stage = Stage([bash("work"), bash("work"), FinalAnswer("")], imagined={"work": Answer(("a",), delay=0.1)})
    stage.answer("work", "b")
    async with opened(stage):
        task = asyncio.create_task(stage.tell("go"))
        await asyncio.sleep(0.03)
        await stage.session.send(SetMode(Mode.REAL))
        await task
    assert [each.origin for each in stage.all(ActionBegan)] == [Origin.IMAGINED, Origin.REAL, Origin.REAL]
