"""Limits end an imagination with what it has so far, and closing it stops the model at once."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from cwm_agent.observations import Completed, FrameReached, LimitReached, Limits, RunCommand, Unreadable
from cwm_agent.testing_models import ScriptedTraceModel, belief
from cwm_agent.worlds.imagined import ImaginedWorld, Method
from tests.unit.worlds.stage import METHODS, ask, bare, believed, gathered, knowing, real, request

CALL = request("strawberry")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("most", [1, 5, 28])
async def test_no_more_frames_than_asked_for(method: Method, most: int) -> None:
    frames, outcome = await ask(ImaginedWorld(await knowing(CALL), method=method), CALL, Limits(frames=most))
    truth = list(real(CALL.source, CALL.entry))
    assert bare(frames) == truth[:most]
    assert outcome == (Completed(0) if most == len(truth) else LimitReached("frames", f"{most} frames"))


@pytest.mark.parametrize("method", METHODS)
async def test_no_more_tokens_than_allowed(method: Method) -> None:
    world = ImaginedWorld(await knowing(CALL), method=method, token_limit=40)
    frames, outcome = await ask(world, CALL)
    assert isinstance(outcome, LimitReached)
    assert outcome.which == "tokens"
    assert "40" in outcome.detail
    assert world.usage.generated_tokens == 40
    assert bare(frames) == list(real(CALL.source, CALL.entry)[: len(frames)])


@pytest.mark.parametrize("method", METHODS)
async def test_the_context_of_the_model_is_a_limit(method: Method) -> None:
    context, frames = await believed(CALL)
    whole = len(await ScriptedTraceModel().encode(context))
    model = ScriptedTraceModel(belief(context, frames), context_tokens=whole + 500)
    found, outcome = await ask(ImaginedWorld(model, method=method), CALL)
    assert found
    assert outcome == LimitReached("tokens", f"{whole + 500} tokens, the model's whole context")
    assert all(len(ids) + sampling.max_tokens <= whole + 500 for ids, sampling in model.requests)


@pytest.mark.parametrize("method", METHODS)
async def test_time_is_a_limit(method: Method) -> None:
    model = ScriptedTraceModel(belief(*await believed(CALL)), delay=0.02)
    frames, outcome = await asyncio.wait_for(ask(ImaginedWorld(model, method=method), CALL, Limits(seconds=0.1)), 5)
    assert frames
    assert outcome == LimitReached("time", "0.1 s")
    assert model.streams == 0


@pytest.mark.parametrize("method", METHODS)
async def test_closing_stops_the_model_and_leaves_the_world_usable(method: Method) -> None:
    model = await knowing(CALL)
    world = ImaginedWorld(model, method=method)
    count = 0
    async with aclosing(world.run(CALL, Limits())) as events:  # type: ignore[type-var]
        async for event in events:
            count += isinstance(event, FrameReached)
            if count == 4:
                break
    assert model.streams == 0
    assert 0 < world.usage.generated_tokens < 400
    assert (await ask(world, CALL))[1] == Completed(0)


@pytest.mark.parametrize("method", METHODS)
async def test_cancelling_stops_the_model(method: Method) -> None:
    model = ScriptedTraceModel(belief(*await believed(CALL)), delay=0.02)
    world = ImaginedWorld(model, method=method)
    task = asyncio.create_task(ask(world, CALL))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.streams == 0


async def test_it_imagines_no_commands() -> None:
    world = ImaginedWorld(ScriptedTraceModel())
    frames, outcome = await gathered(world.run(RunCommand("ls"), Limits()))
    assert frames == []
    assert outcome == Unreadable("", "This world model imagines calls, not commands.")


async def test_what_it_used_is_counted_once_each() -> None:
    model = await knowing(CALL, ())
    world = ImaginedWorld(model)
    await ask(world, CALL)
    used = world.usage
    last = len(model.requests[-1][0])
    text = sum(map(len, (await believed(CALL))[0])) + 2
    assert used.requests == len(model.requests)
    assert used.prompt_tokens > text
    assert used.prompt_tokens + used.forced_tokens + used.generated_tokens >= last
    await ask(world, CALL)
    assert world.usage.generated_tokens == 2 * used.generated_tokens
    await world.aclose()
    assert model.closed
