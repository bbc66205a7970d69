"""Predictions by rule: the tests that are imagined before they run, and what became of that.

A prediction is closed before its fact is known to anybody. It may raise doubt; it never lets a patch through.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

from msgspec import Struct

from cwm_agent.core.ahead import Ahead
from cwm_agent.core.bus import Bus
from cwm_agent.core.dreams import LATE, Dream, Dreams
from cwm_agent.core.interrupt import Interrupted, Stop, closing
from cwm_agent.core.parts import SessionParts
from cwm_agent.core.scoring import Scores
from cwm_agent.core.subjects import Runnable, named_files, named_tests, runnable, source_of, tests_of
from cwm_agent.core.touched import Touched
from cwm_agent.core.tracing import Traced, Tracing, ending
from cwm_agent.events import TestsReported, ToolCall, TraceBegan
from cwm_agent.observations import (
    Completed,
    Finished,
    LimitReached,
    Limits,
    Mode,
    Origin,
    OutputWritten,
    TraceCall,
    Unreadable,
    WorldEvent,
)
from cwm_agent.protocols import Sources
from cwm_agent.traces.compare import fate
from cwm_agent.traces.doubt import in_words
from cwm_agent.traces.frames import FrameKind

_TRIED = 8
"""Tests that are looked at for each that shall be imagined: one with fixtures cannot be."""


class Foreseen(Struct, frozen=True):
    """The tests of a command that can be imagined, and how many more it is known to run."""

    tests: tuple[Runnable, ...]
    others: int = 0


class Foresight:
    """Imagines the tests of a command, scores them by what ran, and has `ahead` do more while the policy decides."""

    def __init__(self, parts: SessionParts, bus: Bus) -> None:
        world = parts.world_limits
        self._parts = parts
        self._bus = bus
        self._most = world.predictions
        self.rounds = world.refine
        self.limits = Limits(seconds=world.seconds, frames=world.frames)
        self.tracing = Tracing(bus)
        self.scores = Scores(parts, bus)
        imagined = parts.imagined if parts.imagines_calls else None
        self.dreams = Dreams(imagined, self.limits, bus, self.tracing, parts.dreams_at_once)
        self.ahead = Ahead(parts, bus, self.tracing, self.dreams, self.scores, self.limits)
        self._predicted: list[Dream] = []

    def begin(self) -> None:
        """Another action begins; what was predicted of an earlier one is no prediction of it."""
        self._predicted = []

    async def foreseen(self, call: ToolCall, mode: Mode) -> Foreseen:
        """The tests that a command will run and that can be imagined; first those that were imagined already."""
        if self._parts.imagined is None or not self._parts.imagines_calls:
            return Foreseen(())
        believed = (Origin.REAL,) if mode is Mode.VERIFY else tuple(Origin)
        files = self._parts.files
        named = list(named_tests(call, self._bus.history, believed))
        for path in named_files(call):
            named += tests_of(await source_of(files, path) or "", path)
        named = sorted(dict.fromkeys(named), key=lambda identity: self.ahead.test(identity) is None)
        found: list[Runnable] = []
        for identity in named[: self._most * _TRIED]:
            test = await runnable(files, identity) if len(found) < self._most else None
            found += [test] if test else []
        return Foreseen(tuple(found), len(named) - len(found))

    async def answer(self, foreseen: Foreseen, late: Stop) -> AsyncIterator[WorldEvent]:
        """The imagined run of tests, told as a test run tells of itself; what is open when it is late is given up."""
        began = time.monotonic()
        closed: list[tuple[Runnable, Traced]] = []
        dreams = {test: self.ahead.test(test.title) or self._new(test.request, test.title) for test in foreseen.tests}
        async with closing(self._closed(dreams, late)) as ended:
            async for test, traced in ended:
                if traced is not None:
                    closed.append((test, traced))
                    self._predicted.append(dreams[test])
                yield OutputWritten(f"{test.title}: {_verdict(traced)}\n")
        if foreseen.others:
            yield OutputWritten(f"{foreseen.others} more were not imagined\n")
        failed = [(test, traced) for test, traced in closed if passes(traced) is False]
        passed = sum(passes(traced) is True for _, traced in closed)
        if failed or passed:
            lines = [f"FAILED {test.title} - {ending(traced.trace)}" for test, traced in failed]
            counts = ", ".join(f"{n} {word}" for n, word in ((len(failed), "failed"), (passed, "passed")) if n)
            summary = ["=== short test summary info ===", *lines] if lines else []
            yield OutputWritten("\n".join([*summary, f"{counts} in {time.monotonic() - began:.2f}s"]) + "\n")
        yield Finished(Completed(1 if failed else 0) if closed else LATE)

    async def of_draft(self, what: Mapping[str, Touched], files: Sources) -> AsyncIterator[WorldEvent]:
        """What failing tests and their calls into what a draft touches would do, in these files."""
        found = await self.ahead.worth(what, files)
        subjects = [*found.tests, *(Runnable(call.entry, call) for call in found.calls)]
        dreams = {each: self.dreams.new(each.request, each.title) for each in subjects}
        async with closing(self._closed(dreams, Stop())) as ended:
            async for each, traced in ended:
                is_test = each in found.tests
                words = _verdict(traced) if is_test or traced is None else f"imagined, {ending(traced.trace)}"
                yield OutputWritten(f"{each.title}: {words}\n")

    def _new(self, request: TraceCall, title: str) -> Dream:
        """A dream of a test in the present state of the files."""
        dream = self.dreams.new(request, title)
        self.ahead.keep(title, dream)
        return dream

    async def _closed(
        self, dreams: Mapping[Runnable, Dream], late: Stop
    ) -> AsyncIterator[tuple[Runnable, Traced | None]]:
        """Each prediction in order, shown while it comes; None for one that was open when it was late."""
        self.dreams.ask_first(*dreams.values())
        try:
            for each, dream in dreams.items():
                dream.show()
                with suppress(Interrupted):
                    if not dream.ended.is_set():
                        await late.guard(_event(dream.ended))
                if not dream.ended.is_set():
                    await self.dreams.give_up(dream, LATE)
                if dream.error is not None:
                    raise dream.error
                yield each, dream.traced
        finally:
            for dream in dreams.values():
                if not dream.ended.is_set():
                    await self.dreams.give_up(dream)

    async def aclose(self) -> None:
        """Leave nothing running."""
        await self.ahead.drop()
        await self.dreams.aclose()

    async def settle(self, report: TestsReported) -> None:
        """After a real test run: score what was predicted of it, and trace its first failure for real.

        The other predicted tests are traced while the policy decides.
        """
        closed, self._predicted = self._predicted, []
        for dream in closed:
            foretold = passes(dream.traced) if dream.traced else None
            if foretold is not None:
                title = dream.began.subject
                self.scores.test(dream.began.trace, title, passes=foretold, failed=title in report.failures)
        first = next(iter(report.failures), None)
        dream_of_it = next((dream for dream in closed if dream.began.subject == first), None)
        await self.ahead.ran(report, [dream for dream in closed if dream is not dream_of_it])
        if first is not None and self._parts.tracer is not None:
            await self._trace(first, dream_of_it)

    async def _trace(self, identity: str, dream: Dream | None) -> None:
        if self._parts.tracer is None:
            return
        number = dream.began.trace if dream else self.tracing.new()
        began = TraceBegan(number, Origin.REAL, identity, identity.partition("::")[0])
        real = await self.tracing.take(self._parts.tracer.test(identity, self.limits), began)
        if dream is not None and dream.traced is not None:
            self.scores.trace(number, identity, dream.traced, real)


def passes(traced: Traced) -> bool | None:
    """Whether an imagined test passes; None where it came to no end."""
    end = fate(traced.trace)
    return None if end is None else end[0] is FrameKind.RETURN


def _verdict(traced: Traced | None) -> str:
    if traced is None:
        return f"no prediction, {LATE.detail}"
    foretold = passes(traced)
    sure = in_words(traced.trace.frames)
    said = f", {sure}" if sure else ""
    match foretold, traced.outcome:
        case None, (LimitReached(detail=why) | Unreadable(reason=why)) if why:
            return f"no prediction: {why}"
        case None, _:
            return f"no prediction, {ending(traced.trace)}"
    return f"imagined to pass{said}" if foretold else f"imagined to fail: {ending(traced.trace)}{said}"


async def _event(event: asyncio.Event) -> None:
    await event.wait()
