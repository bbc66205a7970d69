"""A real trace as the belief of a scripted model, and a world that imagines with it."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from cwm_agent.observations import Finished, FrameReached, Limits, Outcome, TraceCall, WorldEvent
from cwm_agent.testing_models import ScriptedTraceModel, belief
from cwm_agent.traces.entry import without_marker
from cwm_agent.traces.frames import Frame
from cwm_agent.traces.segments import Segment
from cwm_agent.worlds.imagination.gather import gather
from cwm_agent.worlds.imagination.scene import Scene
from cwm_agent.worlds.imagined import ImaginedWorld, Method
from tests.unit.tracing import call
from tests.unit.worlds.programs import PROGRAMS

METHODS: tuple[Method, ...] = ("free", "guided", "stepwise")
FILE = "f.py"
TOKENS = ('": "', '", "', '"}', '",', ' "', ' "..', "return", "    ", "        ", "\n", "'\"", ": ", "..", '{"')


@functools.cache
def real(source: str, expression: str) -> tuple[Frame, ...]:
    """What really runs; the marker is taken off the lines."""
    with tempfile.TemporaryDirectory() as folder:
        traced = call(Path(folder) / "p", source, expression)
    assert traced.over == "", traced.err
    return tuple(
        msgspec.structs.replace(frame, source=without_marker(frame.source))
        for frame in msgspec.convert(traced.frames, list[Frame])
    )


def request(name: str) -> TraceCall:
    source, expression = PROGRAMS[name]
    return TraceCall(source, expression, FILE)


async def scene(asked: TraceCall) -> Scene:
    return await gather(asked, None, 100_000)


async def believed(asked: TraceCall) -> tuple[str, tuple[Frame, ...]]:
    """The context that the model is shown, and the true frames of its entry."""
    found = await scene(asked)
    run = f"{found.entry.function}()" if found.wrapped else asked.entry
    return found.entry.text, real(found.entry.text, run)


async def knowing(asked: TraceCall, merges: tuple[str, ...] = TOKENS) -> ScriptedTraceModel:
    return ScriptedTraceModel(belief(*await believed(asked)), merges=merges)


def silent_after(context: str, frames: tuple[Frame, ...], until: int, *garbage: Segment) -> ScriptedTraceModel:
    return ScriptedTraceModel(belief(context, frames, until=until, garbage=garbage))


async def ask(world: ImaginedWorld, asked: TraceCall, limits: Limits | None = None) -> tuple[list[Frame], Outcome]:
    return await gathered(world.run(asked, limits or Limits()))


async def gathered(events: AsyncIterator[WorldEvent]) -> tuple[list[Frame], Outcome]:
    every = [event async for event in events]
    assert [isinstance(event, Finished) for event in every] == [False] * (len(every) - 1) + [True]
    last = every[-1]
    assert isinstance(last, Finished)
    return [event.frame for event in every if isinstance(event, FrameReached)], last.outcome


def bare(frames: list[Frame]) -> list[Frame]:
    """The frames as a real trace has them: without what they are based on."""
    return [msgspec.structs.replace(frame, basis={}) for frame in frames]
