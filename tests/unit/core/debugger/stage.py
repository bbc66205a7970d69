"""A debugger on a stage: real frames from the real tracer, and a world that dreams what it is told to dream."""

from __future__ import annotations

import asyncio
import functools
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path

import msgspec

from cwm_agent.core.debugger.cursor import Arrival
from cwm_agent.core.debugger.engine import Debugger, Worlds
from cwm_agent.core.debugger.tape import DreamingWorld
from cwm_agent.observations import (
    Completed,
    Finished,
    FrameReached,
    Limits,
    Mode,
    Origin,
    Outcome,
    Request,
    TraceCall,
    WorldEvent,
)
from cwm_agent.testing import Answer, ScriptedWorld
from cwm_agent.traces.frames import Basis, Frame, FrameKind
from tests.unit import tracing

PATH = "f.py"
SUM = """\
def double(n):
    m = n * 2
    return m


def total(xs):
    t = 0
    for x in xs:
        t += double(x)
    return t


class Bad(ValueError):
    pass


def check(n):
    if n < 0:
        raise Bad("negative")
    return n


def guarded(n):
    try:
        return check(n)
    except Bad as e:
        return str(e)


def fact(n):
    if n < 2:
        return 1
    return n * fact(n - 1)


def count(n):
    i = 0
    while i < n:
        yield i
        i += 1


def squares(n):
    out = []
    for k in count(n):
        out.append(k * k)
    return out
"""
OVER = Completed(0)
Dream = Callable[[Sequence[Frame]], Sequence[Frame]]


@functools.cache
def traced(entry: str, source: str = SUM) -> tuple[tuple[Frame, ...], int]:
    """The frames of a real run, and its exit code."""
    with tempfile.TemporaryDirectory() as folder:
        inside = Path(folder) / "project"
        inside.mkdir()
        found = tracing.call(inside, source, entry)
    fields = Frame.__struct_fields__
    frames = (msgspec.convert({k: v for k, v in each.items() if k in fields}, Frame) for each in found.frames)
    return tuple(frames), found.exit


def recorded(entry: str, source: str = SUM) -> tuple[Frame, ...]:
    """The frames of a real run."""
    return traced(entry, source)[0]


class Dreaming:
    """Imagines `frames`, one at a time; after an edit, what `dream` makes of the frames so far.

    `given` counts the frames that were asked for, `asked` are the requests to go on: how many frames, and what kind
    was forced. Before frame number `halt` it waits for ever, or raises `error`.
    """

    def __init__(
        self,
        frames: Sequence[Frame],
        *,
        dream: Dream | None = None,
        outcome: Outcome = OVER,
        halt: int | None = None,
        error: Exception | None = None,
    ) -> None:
        self.frames, self.dream, self.outcome = tuple(frames), dream, outcome
        self.halt, self.error = halt, error
        self.given = 0
        self.asked: list[tuple[int, FrameKind | None]] = []
        self.limits: list[Limits] = []
        self.open = 0

    @property
    def origin(self) -> Origin:
        return Origin.IMAGINED

    async def run(self, request: Request, limits: Limits) -> AsyncIterator[WorldEvent]:
        self.limits.append(limits)
        async with aclosing(self._say(self.frames, 0)) as events:
            async for event in events:
                yield event

    async def imagine_on(
        self, request: TraceCall, so_far: Sequence[Frame], limits: Limits, *, then: FrameKind | None = None
    ) -> AsyncIterator[WorldEvent]:
        self.asked.append((len(so_far), then))
        self.limits.append(limits)
        known = len(so_far)
        rest = self.dream(so_far) if self.dream else self.frames[known:]
        if then is FrameKind.RETURN:
            depth = so_far[-1].depth
            at = next(i for i, each in enumerate(rest) if each.event is then and each.depth == depth)
            rest = rest[at:]
        async with aclosing(self._say(rest, known)) as events:
            async for event in events:
                yield event

    async def _say(self, frames: Sequence[Frame], start: int) -> AsyncGenerator[WorldEvent]:
        self.open += 1
        try:
            for number, frame in enumerate(frames, start):
                if number == self.halt:
                    if self.error is not None:
                        raise self.error
                    await asyncio.Event().wait()
                self.given += 1
                yield FrameReached(frame)
            yield Finished(self.outcome)
        finally:
            self.open -= 1

    async def aclose(self) -> None:
        pass


_: type[DreamingWorld] = Dreaming


def real(entry: str, source: str = SUM, **answer: object) -> ScriptedWorld:
    """A real world that answers with real frames."""
    frames, code = traced(entry, source)
    made = Answer(**{"frames": frames, "outcome": Completed(code), **answer})  # type: ignore[arg-type]
    return ScriptedWorld({entry: made})


async def debugging(
    entry: str,
    *,
    mode: Mode = Mode.REAL,
    world: ScriptedWorld | None = None,
    dreaming: Dreaming | None = None,
    source: str = SUM,
    limits: Limits | None = None,
) -> Debugger:
    """A debugger that stands at the first frame."""
    if mode is not Mode.REAL and dreaming is None:
        dreaming = Dreaming(recorded(entry, source))
    if mode is not Mode.IMAGINED and world is None:
        world = real(entry, source)
    debugger = Debugger(source, PATH, entry, Worlds(world, dreaming), mode=mode, limits=limits)
    assert await debugger.start()
    return debugger


def at(debugger: Debugger) -> str:
    """Where the cursor stands, in short: `line total 8`."""
    frame = debugger.frame
    return f"{frame.event.value} {frame.function} {frame.line}"


def said(arrived: Arrival) -> str:
    """All notes in one text."""
    return " ".join(arrived.notes)


def guessed(frame: Frame, **locals_: str) -> Frame:
    """A frame as a model could have imagined it."""
    basis = dict.fromkeys(locals_, Basis.FREE)
    return msgspec.structs.replace(frame, locals={**frame.locals, **locals_}, basis=basis)
