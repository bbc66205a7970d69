"""The real world answers commands with its shell and traces with its tracer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import Image
from cwm_agent.containers.shell import Shell
from cwm_agent.observations import (
    Completed,
    Finished,
    Limits,
    Origin,
    OutputWritten,
    RunCommand,
    TraceCall,
    WorldEvent,
)
from cwm_agent.protocols import World
from cwm_agent.worlds.real import RealWorld
from tests.contract.running import gather, start


@pytest.fixture
async def world(engine: Engine, image: Image) -> AsyncIterator[World]:
    container = await start(engine, image)
    world: World = RealWorld(Shell(container))
    yield world
    await world.aclose()
    await container.remove()


async def test_commands_are_answered_one_after_the_other(world: World) -> None:
    assert world.origin is Origin.REAL
    answer = await gather(world.run(RunCommand("cd /tmp && echo $((6 * 7)); false"), Limits()))
    assert (answer.text, answer.outcome) == ("42\n", Completed(1))
    answer = await gather(world.run(RunCommand("pwd"), Limits()))
    assert (answer.text, answer.outcome) == ("/tmp\n", Completed(0))


async def test_closing_early_leaves_the_world_usable(world: World) -> None:
    events = world.run(RunCommand("echo a; sleep 100"), Limits())
    assert await anext(events) == OutputWritten("a\n")
    await events.aclose()  # type: ignore[attr-defined]  # what runs is a generator
    assert (await gather(world.run(RunCommand("echo b"), Limits()))).text == "b\n"


async def test_after_the_end_a_new_request_starts_anew(world: World) -> None:
    await gather(world.run(RunCommand("A=1"), Limits()))
    await world.aclose()
    await world.aclose()
    assert (await gather(world.run(RunCommand('echo "[$A]"'), Limits()))).text == "[]\n"


async def test_a_trace_without_a_tracer_says_so(world: World) -> None:
    answer = await gather(world.run(TraceCall("def f(): pass", "f()"), Limits()))
    assert "no tracer" in answer.text
    assert answer.outcome == Completed(2)


async def test_a_tracer_answers_traces() -> None:
    async def tracer(call: TraceCall, limits: Limits) -> AsyncIterator[WorldEvent]:
        yield OutputWritten(f"{call.entry} {limits.frames}")
        yield Finished(Completed(0))

    world = RealWorld(shell=None, tracer=tracer)  # type: ignore[arg-type]  # no command is run here
    answer = await gather(world.run(TraceCall("", "f()"), Limits(frames=5)))
    assert answer.text == "f() 5"
