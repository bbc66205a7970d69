"""The world that might be: a world model says what would happen, and nothing is executed."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from cwm_agent.analysis.context import DoesNotFit
from cwm_agent.observations import (
    Finished,
    FrameReached,
    LimitReached,
    Limits,
    Origin,
    Request,
    RunCommand,
    TraceCall,
    Unreadable,
    WorldEvent,
    WorldNoticed,
)
from cwm_agent.protocols import Sources, TraceModel
from cwm_agent.traces.encode import prompt_segments, trace_segments
from cwm_agent.traces.frames import Frame, FrameKind
from cwm_agent.worlds.imagination.free import free
from cwm_agent.worlds.imagination.gather import gather
from cwm_agent.worlds.imagination.guided import guided
from cwm_agent.worlds.imagination.pen import FRAME_TOKENS, Allowance, Cut, Encodings, Pen, Usage
from cwm_agent.worlds.imagination.reader import Reader, Step
from cwm_agent.worlds.imagination.scene import Scene
from cwm_agent.worlds.imagination.stepwise import stepwise

Method = Literal["free", "guided", "stepwise"]
TOKEN_LIMIT = 8192
"""Tokens that the model may write in one trace."""


class Lead(Struct, frozen=True, kw_only=True):
    """How a small model is held. It is shown code without docstrings and comments, and asked nothing of a call that it
    cannot be shown all the code of. One trace has so many `seconds`, where the limits have more, and ends where the
    probability that the model gave to all of it falls below `sure`.
    """

    seconds: float = math.inf
    sure: float = 0.0


class ImaginedWorld:
    """Answers calls to be traced with frames that a world model predicts, several at a time; it imagines no commands.

    `method`: *free* is one request in which the model writes all; *guided* is one under a grammar made from the flow of
    control; *stepwise* asks only for what the source does not tell. `files` are those of the project, from which the
    context of a call is gathered; without them it is the text of the request. Raises UsageError where the source or the
    entry is wrong, and what the model raises. `lead` is for a small model. Without `tells_doubt` frames have no
    log-probabilities: they mean something only where that was measured.
    """

    def __init__(
        self,
        model: TraceModel,
        *,
        method: Method = "stepwise",
        files: Sources | None = None,
        token_limit: int = TOKEN_LIMIT,
        frame_tokens: int = FRAME_TOKENS,
        lead: Lead | None = None,
        tells_doubt: bool = True,
    ) -> None:
        self._model = model
        self._method = method
        self._files = files
        self._token_limit = token_limit
        self._frame_tokens = frame_tokens
        self._lead = lead
        self._tells_doubt = tells_doubt
        self._encodings: Encodings = {}
        self._usage = Usage()

    @property
    def origin(self) -> Origin:
        """What it says is imagined."""
        return Origin.IMAGINED

    @property
    def usage(self) -> Usage:
        """What all imaginations so far have cost."""
        return self._usage

    def run(self, request: Request, limits: Limits) -> AsyncIterator[WorldEvent]:
        """Answer one request; closing the iterator stops the generation."""
        match request:
            case RunCommand():
                return _no_commands()
            case TraceCall():
                return self._imagine(request, (), limits, None)
        assert_never(request)

    def imagine_on(
        self, request: TraceCall, so_far: Sequence[Frame], limits: Limits, *, then: FrameKind | None = None
    ) -> AsyncIterator[WorldEvent]:
        """Go on after frames of a trace of this request, whose locals may have been edited; see protocols.Dreamer."""
        return self._imagine(request, so_far, limits, then)

    async def aclose(self) -> None:
        """Give the model back."""
        await self._model.aclose()

    async def _imagine(
        self, request: TraceCall, so_far: Sequence[Frame], limits: Limits, then: FrameKind | None
    ) -> AsyncGenerator[WorldEvent]:
        room = self._model.context_tokens // 2
        try:
            scene = await gather(request, self._files, room, bare=self._lead is not None)
        except DoesNotFit:
            if self._lead is None:
                raise
            yield self._too_much()
            return
        if scene.left_out and self._lead is not None:
            yield self._too_much()
            return
        if scene.left_out:
            yield WorldNoticed(f"The world model is not shown {', '.join(scene.left_out)}: no room in its context.")
        seconds = min(limits.seconds, self._lead.seconds) if self._lead else limits.seconds
        allowance = Allowance(seconds=seconds, tokens=self._token_limit, frame_tokens=self._frame_tokens)
        pen = Pen(self._model, allowance, self._encodings)
        try:
            async with aclosing(self._events(Reader(scene), pen, so_far, limits.frames, then)) as events:
                async for event in events:
                    yield event
        except Cut as cut:
            yield Finished(cut.outcome)
        finally:
            self._usage += pen.usage

    def _too_much(self) -> Finished:
        room = self._model.context_tokens // 2
        return Finished(
            LimitReached("tokens", f"the code that it runs through has more than the {room:,} tokens that fit")
        )

    async def _events(
        self, reader: Reader, pen: Pen, so_far: Sequence[Frame], most: int, then: FrameKind | None
    ) -> AsyncGenerator[WorldEvent]:
        scene = reader.scene
        given = _given(scene, so_far)
        reader.given(given)
        context = prompt_segments(scene.entry.text)
        await pen.begin([*context, *trace_segments(given, complete=False)], len(given))
        shown = Shown(scene, most + len(so_far))
        for told in filter(None, [shown.frame(frame) for frame in given]):
            if not so_far:
                yield FrameReached(told)
        if not reader.over:
            doubt = Doubt(self._lead.sure if self._lead else 0.0)
            async with aclosing(self._steps(reader, pen, then)) as steps:
                async for step in steps:
                    if isinstance(step, WorldNoticed):
                        yield step
                        continue
                    doubt.weigh(step)
                    if (frame := shown.frame(step)) is not None:
                        yield FrameReached(frame if self._tells_doubt else replace(frame, logprobs={}))
        yield Finished(reader.outcome())

    def _steps(self, reader: Reader, pen: Pen, then: FrameKind | None) -> AsyncGenerator[Step]:
        match self._method:
            case "free":
                return free(reader, pen, self._model, then)
            case "guided":
                return guided(reader, pen, self._model, then)
            case "stepwise":
                return stepwise(reader, pen, then)
        assert_never(self._method)


class Doubt:
    """How sure the model is of all that it has imagined; below `least` the trace ends."""

    def __init__(self, least: float) -> None:
        self._least = least
        self._logprob = 0.0

    def weigh(self, frame: Frame) -> None:
        """Count the next frame; Cut where it is one too many."""
        self._logprob += sum(frame.logprobs.values())
        if math.exp(self._logprob) < self._least:
            raise Cut(LimitReached("doubt", f"less than {self._least * 100:.0f} % sure of all that it says"))


class Shown:
    """Which frames of the model's text the user sees, and how: those of a `main` of ours are left out.

    The frame after the first `most` is the limit that ends the trace.
    """

    def __init__(self, scene: Scene, most: int) -> None:
        self._scene = scene
        self._most = most
        self._count = 0
        self._ours: list[bool] = []

    def frame(self, frame: Frame) -> Frame | None:
        """The frame in the lines and depths of a real trace, or None for one of ours."""
        del self._ours[frame.depth :]
        self._ours.append(self._scene.ours(frame))
        if self._ours[-1]:
            return None
        if self._count == self._most:
            raise Cut(LimitReached("frames", f"{self._most:,} frames"))
        self._count += 1
        return self._scene.outside(frame, sum(self._ours))


def _given(scene: Scene, so_far: Sequence[Frame]) -> tuple[Frame, ...]:
    """The frames before the first imagined one, as the model's text has them."""
    if not so_far:
        return scene.told
    inside = tuple(map(scene.inside, so_far))
    return (*scene.told, *inside) if scene.wrapped else inside


async def _no_commands() -> AsyncIterator[WorldEvent]:
    yield Finished(Unreadable("", "This world model imagines calls, not commands."))
