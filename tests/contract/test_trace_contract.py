"""What every world promises of a trace, whichever answers: the same frames, one outcome, limits, closing early."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from functools import partial

import pytest
from msgspec.structs import replace

from cwm_agent.containers.container import Container
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import Image
from cwm_agent.containers.shell import Shell
from cwm_agent.containers.tracer import ContainerTracer
from cwm_agent.errors import UsageError
from cwm_agent.observations import (
    Completed,
    Finished,
    FrameReached,
    LimitReached,
    Limits,
    Outcome,
    OutputWritten,
    TraceCall,
)
from cwm_agent.protocols import World
from cwm_agent.testing import Answer, ScriptedWorld
from cwm_agent.testing_models import ScriptedTraceModel, belief
from cwm_agent.traces.entry import mark
from cwm_agent.traces.frames import Frame
from cwm_agent.worlds.imagined import ImaginedWorld, Method
from cwm_agent.worlds.real import RealWorld
from tests.contract.running import start
from tests.unit.worlds.stage import real as recorded

SOURCE = """\
def total(items):
    found = 0
    for item in items:
        found += item
    return found


def broken(items):
    return items[0]
"""
MakeWorld = Callable[[], AbstractAsyncContextManager[World]]
CALLS = {"total([1, 2])": Completed(0), "broken([])": Completed(1)}


@asynccontextmanager
async def scripted() -> AsyncIterator[World]:
    world = ScriptedWorld({call: Answer((), end, frames=recorded(SOURCE, call)) for call, end in CALLS.items()})
    yield world
    await world.aclose()


@asynccontextmanager
async def imagined(method: Method) -> AsyncIterator[World]:
    """A model that believes what really runs."""
    contexts = [(mark(SOURCE, call.partition("(")[0]).text, recorded(SOURCE, call)) for call in CALLS]
    world = ImaginedWorld(ScriptedTraceModel(*(belief(*each) for each in contexts)), method=method)
    yield world
    await world.aclose()


@asynccontextmanager
async def real(container: Container) -> AsyncIterator[World]:
    world: World = RealWorld(Shell(container), ContainerTracer(container).call)
    yield world
    await world.aclose()


@pytest.fixture(scope="module")
def container(engine: Engine, image: Image) -> Iterator[Container]:
    container = asyncio.run(start(engine, image))
    yield container
    asyncio.run(container.remove())


@pytest.fixture(params=["scripted", "free", "guided", "stepwise", "real"])
def make(request: pytest.FixtureRequest) -> MakeWorld:
    if request.param == "scripted":
        return scripted
    if request.param == "real":
        return partial(real, request.getfixturevalue("container"))
    return partial(imagined, request.param)


@pytest.fixture
async def world(make: MakeWorld) -> AsyncIterator[World]:
    async with make() as made:
        yield made


async def ask(world: World, call: str, limits: Limits | None = None) -> tuple[list[Frame], Outcome]:
    """The frames, without what only an imagined one has and without their file."""
    events = [event async for event in world.run(TraceCall(SOURCE, call, ""), limits or Limits())]
    events = [event for event in events if not isinstance(event, OutputWritten)]
    assert [isinstance(event, Finished) for event in events] == [False] * (len(events) - 1) + [True]
    last = events[-1]
    assert isinstance(last, Finished)
    frames = [event.frame for event in events if isinstance(event, FrameReached)]
    return [replace(frame, file="", basis={}) for frame in frames], last.outcome


@pytest.mark.parametrize("call", CALLS)
async def test_the_frames_of_a_call_and_exactly_one_outcome(world: World, call: str) -> None:
    frames, outcome = await ask(world, call)
    assert frames == [replace(frame, file="") for frame in recorded(SOURCE, call)]
    assert outcome == CALLS[call]


async def test_closing_early_leaves_the_world_usable(world: World) -> None:
    async with aclosing(world.run(TraceCall(SOURCE, "total([1, 2])"), Limits())) as events:  # type: ignore[type-var]
        async for event in events:
            if isinstance(event, FrameReached):
                break
    assert (await asyncio.wait_for(ask(world, "broken([])"), 20))[1] == Completed(1)


async def test_a_limit_on_frames_keeps_those_that_came(world: World) -> None:
    frames, outcome = await ask(world, "total([1, 2])", Limits(frames=3))
    assert frames == [replace(frame, file="") for frame in recorded(SOURCE, "total([1, 2])")[:3]]
    if not isinstance(world, ScriptedWorld):
        assert outcome == LimitReached("frames", "3 frames")


@pytest.mark.parametrize("entry", ["totals([1])", "total([1]"])
async def test_an_entry_that_is_none_has_no_frames(world: World, entry: str) -> None:
    if isinstance(world, ImaginedWorld):
        with pytest.raises(UsageError):
            await ask(world, entry)
    else:
        frames, outcome = await ask(world, entry)
        assert (frames, isinstance(outcome, Completed)) == ([], True)
        assert outcome != Completed(0)
