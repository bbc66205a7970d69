"""What a hunk under review would do: a call that is known to reach it, imagined on the code that has it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from cwm_agent.core.bus import Bus
from cwm_agent.core.checkpoints import Checkpoints, by_product
from cwm_agent.core.foresight import Foresight
from cwm_agent.core.hunk_code import HunkCode, State, hunk_code
from cwm_agent.core.interrupt import closing
from cwm_agent.core.known_calls import KnownCall, calls_reaching, ended, entered, is_of
from cwm_agent.core.parts import SessionParts
from cwm_agent.core.past_traces import Past, past_traces
from cwm_agent.core.patches import Patches
from cwm_agent.core.subjects import runnable, source_of
from cwm_agent.errors import UsageError
from cwm_agent.events import HunkImagined, ImagineHunk, TraceBegan
from cwm_agent.observations import FrameReached, Origin, TraceCall, WorldEvent
from cwm_agent.protocols import Sources, World
from cwm_agent.traces.compare import fate
from cwm_agent.traces.entry import parse
from cwm_agent.traces.frames import Frame

AS_DECIDED = ", with the hunks as decided"
"""Behind the title of a trace whose code is no state of the snapshot, so that it is not taken for one."""
_LOOKED_AT = 8
"""Known calls among which one is looked for that ran on this very code."""


class _Chosen(Struct, frozen=True):
    """A call, the request that imagines it, and what the history has of it on this code."""

    call: KnownCall
    request: TraceCall
    imagined: Past | None
    real: Past | None


class HunkDreams:
    """Answers `ImagineHunk`. Nothing is executed: files are read, and what the session recorded before."""

    def __init__(
        self, parts: SessionParts, foresight: Foresight, patches: Patches, checkpoints: Checkpoints, bus: Bus
    ) -> None:
        self._parts = parts
        self._foresight = foresight
        self._patches = patches
        self._checkpoints = checkpoints
        self._bus = bus

    async def imagine(self, wish: ImagineHunk) -> None:
        """Say what is imagined, or why nothing is, and imagine it where that was not done before."""
        answer = HunkImagined(checkpoint=wish.checkpoint, file=wish.file, hunk=wish.hunk)
        drafts = self._parts.drafts
        try:
            world, code = self._world(), self._code(wish)
            if drafts is not None:
                now = {change.path: change.old for change in self._checkpoints.changes.changes}
                drafts.lay_over({**now, **self._whole(wish, code.after)})
            await self._imagine(wish, code, world, answer)
        except UsageError as error:
            self._bus.publish(replace(answer, why_not=f"{error.message} {error.remedy}".strip()))
        finally:
            if drafts is not None:
                drafts.clear()

    @property
    def _files(self) -> Sources:
        """What the imagined world reads."""
        return self._parts.drafts or self._parts.files

    def _world(self) -> World:
        if self._parts.imagined is None or not self._parts.imagines_calls:
            raise UsageError("There is no world model to imagine it.", remedy="Name one: --model-url URL")
        return self._parts.imagined

    def _code(self, wish: ImagineHunk) -> HunkCode:
        review = self._patches.review(wish.checkpoint)
        if review is None:
            raise UsageError("There is nothing left to review.")
        return hunk_code(review, wish)

    def _whole(self, wish: ImagineHunk, files: State) -> State:
        """All that differs from the tree as it was snapshot, with these files of the patch."""
        return {**{change.path: change.new for change in self._checkpoints.read(wish.checkpoint).changes}, **files}

    async def _imagine(self, wish: ImagineHunk, code: HunkCode, world: World, answer: HunkImagined) -> None:
        past = past_traces(self._bus.history)
        here = await self._of_state(past, self._whole(wish, code.after)) if code.as_proposed else []
        chosen = await self._choose(code, past, here)
        call, known = chosen.call, chosen.imagined
        earlier = await self._of_state(past, self._whole(wish, code.before))
        told = [(each.began.origin, words) for each in reversed(earlier) if (words := ended(call, each))]
        origin, before = next((each for each in told if each[0] is Origin.REAL), next(iter(told), (Origin.REAL, "")))
        number = known.began.trace if known else self._foresight.tracing.new()
        self._bus.publish(
            replace(
                answer,
                call=call.title,
                known=call.known,
                path=code.path,
                lines=code.lines,
                trace=number,
                real=chosen.real.began.trace if chosen.real else 0,
                before=before,
                before_origin=origin,
            )
        )
        if known is None:
            title = call.title if code.as_proposed else f"{call.title}{AS_DECIDED}"
            began = TraceBegan(number, Origin.IMAGINED, title, call.path)
            await self._foresight.tracing.take(self._events(world, chosen), began)

    def _events(self, world: World, chosen: _Chosen) -> AsyncIterator[WorldEvent]:
        """The imagined run; a model need not make up arguments that are known, where no real run has made them."""
        limits, dreamer = self._foresight.limits, self._parts.dreamer
        first = None if chosen.real else entered(chosen.call, chosen.request.source)
        if first is None or dreamer is None:
            return world.run(chosen.request, limits)
        return _after(first, dreamer.imagine_on(chosen.request, (first,), limits))

    async def _of_state(self, past: Sequence[Past], state: State) -> list[Past]:
        """The traces of code in this state."""
        fits = {number: await self._is(number, state) for number in {each.checkpoint for each in past}}
        return [each for each in past if fits[each.checkpoint]]

    async def _is(self, checkpoint: int | None, state: State) -> bool:
        """Whether a checkpoint's files are in a state; what running code leaves behind does not count."""
        if checkpoint is None:
            return False
        then = {change.path: change.new for change in self._checkpoints.read(checkpoint).changes}
        paths = [path for path in then.keys() | state.keys() if not by_product(path)]
        bases = await self._checkpoints.bases(tuple(path for path in paths if not (path in then and path in state)))
        return all(then.get(path, bases.get(path)) == state.get(path, bases.get(path)) for path in paths)

    async def _choose(self, code: HunkCode, past: Sequence[Past], here: Sequence[Past]) -> _Chosen:
        """The first known call that ran on this code, else the first; UsageError where none is known."""
        source = await source_of(self._files, code.path) or ""
        calls = calls_reaching(code.path, source, code.touched, self._foresight.ahead.inputs, past)
        found: list[_Chosen] = []
        for call in islice(calls, _LOOKED_AT):
            request = await self._request(call)
            if request is not None:
                mine = [each for each in reversed(here) if is_of(each.began, call)]
                found.append(_Chosen(call, request, _of(Origin.IMAGINED, mine), _of(Origin.REAL, mine)))
        if not found:
            names = sorted(code.touched.functions or ())
            what = f"that reaches {names[0]}" if names else f"into {code.path}"
            raise UsageError(f"No call {what} is known.", remedy=f"Trace one: /trace {code.path}::f(1, 2)")
        return next((each for each in found if each.real and not each.call.is_test), found[0])

    async def _request(self, call: KnownCall) -> TraceCall | None:
        """The trace of a call in the files as they would be; None where it cannot be imagined."""
        if call.is_test:
            test = await runnable(self._files, call.title)
            return test.request if test else None
        source = await source_of(self._files, call.path)
        if source is None:
            return None
        parse(source)
        return TraceCall(source, call.title, call.path)


async def _after(first: Frame, events: AsyncIterator[WorldEvent]) -> AsyncIterator[WorldEvent]:
    yield FrameReached(first)
    async with closing(events):
        async for event in events:
            yield event


def _of(origin: Origin, past: Sequence[Past]) -> Past | None:
    """The first trace of a world that came to its end."""
    return next((each for each in past if each.began.origin is origin and fate(each.trace)), None)
