"""What every world promises, whichever answers: order, one outcome, limits, and what closing early leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from cwm_agent.containers.container import Container
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import Image
from cwm_agent.containers.shell import Shell
from cwm_agent.observations import (
    Completed,
    Finished,
    LimitReached,
    Limits,
    Origin,
    Outcome,
    OutputWritten,
    RunCommand,
    WorldEvent,
)
from cwm_agent.protocols import World
from cwm_agent.testing import Answer, ScriptedWorld
from cwm_agent.worlds.real import RealWorld
from tests.contract.running import start

MakeWorld = Callable[[], AbstractAsyncContextManager[World]]


@asynccontextmanager
async def scripted() -> AsyncIterator[World]:
    """The double, taught the commands below."""
    world: World = ScriptedWorld(
        {
            "echo hello": "hello\n",
            "printf 'a\\nb'; (exit 3)": Answer(("a\nb",), Completed(3)),
            "true": Answer(),
            "echo begun; sleep 60": Answer(("begun\n", ""), delay=0.15),
            "cat": Answer(),
            "kill -9 $$": Answer((), Completed(137), notice="The shell was restarted."),
            "head -c 100000 /dev/zero | tr '\\0' x": Answer(("x" * 50_000, "x" * 50_000)),
        }
    )
    yield world
    await world.aclose()


@asynccontextmanager
async def real(container: Container) -> AsyncIterator[World]:
    """A shell in a container that all tests here share."""
    world: World = RealWorld(Shell(container))
    yield world
    await world.aclose()


@pytest.fixture(scope="module")
def container(engine: Engine, image: Image) -> Iterator[Container]:
    container = asyncio.run(start(engine, image))
    yield container
    asyncio.run(container.remove())


@pytest.fixture(params=["scripted", "real"])
def make(request: pytest.FixtureRequest) -> MakeWorld:
    if request.param == "scripted":
        return scripted
    container = request.getfixturevalue("container")
    return lambda: real(container)


@pytest.fixture
async def world(make: MakeWorld) -> AsyncIterator[World]:
    async with make() as made:
        yield made


async def ask(world: World, command: str, limits: Limits | None = None) -> tuple[str, Outcome, list[WorldEvent]]:
    events = [event async for event in world.run(RunCommand(command), limits or Limits())]
    assert [isinstance(event, Finished) for event in events] == [False] * (len(events) - 1) + [True]
    last = events[-1]
    assert isinstance(last, Finished)
    return "".join(event.text for event in events if isinstance(event, OutputWritten)), last.outcome, events


async def test_output_then_exactly_one_outcome(world: World) -> None:
    assert (await ask(world, "echo hello"))[:2] == ("hello\n", Completed(0))
    assert (await ask(world, "true"))[:2] == ("", Completed(0))


async def test_an_exit_code_is_an_outcome(world: World) -> None:
    text, outcome, _ = await ask(world, "printf 'a\\nb'; (exit 3)")
    assert (text, outcome) == ("a\nb", Completed(3))
    assert (await ask(world, "echo hello"))[1] == Completed(0)


async def test_standard_input_is_at_its_end(world: World) -> None:
    assert (await asyncio.wait_for(ask(world, "cat"), 20))[:2] == ("", Completed(0))


async def test_a_time_limit_is_an_outcome_and_keeps_what_was_written(world: World) -> None:
    text, outcome, _ = await ask(world, "echo begun; sleep 60", Limits(seconds=0.2))
    assert text == "begun\n"
    assert isinstance(outcome, LimitReached)
    assert outcome.which == "time"
    assert (await ask(world, "echo hello"))[:2] == ("hello\n", Completed(0))


async def test_a_limit_on_output_keeps_no_more_than_it_says(world: World) -> None:
    text, _, _ = await ask(world, "head -c 100000 /dev/zero | tr '\\0' x", Limits(output_bytes=20_000))
    assert 10_000 <= len(text) <= 25_000


async def test_closing_early_leaves_the_world_usable(world: World) -> None:
    events = world.run(RunCommand("echo begun; sleep 60"), Limits())
    async for event in events:
        if isinstance(event, OutputWritten):
            break
    await events.aclose()  # type: ignore[attr-defined]
    assert (await asyncio.wait_for(ask(world, "echo hello"), 20))[:2] == ("hello\n", Completed(0))


async def test_cancelling_leaves_the_world_usable(world: World) -> None:
    task = asyncio.create_task(ask(world, "echo begun; sleep 60"))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await asyncio.wait_for(ask(world, "echo hello"), 20))[:2] == ("hello\n", Completed(0))


async def test_a_killed_shell_is_an_outcome_with_a_notice(world: World) -> None:
    _, outcome, events = await ask(world, "kill -9 $$")
    assert isinstance(outcome, Completed)
    assert outcome.exit_code > 128
    assert len(events) > 1
    assert (await ask(world, "echo hello"))[:2] == ("hello\n", Completed(0))


async def test_it_says_what_it_is(world: World) -> None:
    assert world.origin in Origin
