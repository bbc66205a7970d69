"""Predictions by rule: what is imagined before something runs, and what became of it.

A prediction is closed before its fact is asked for. It may raise doubt; it never lets a patch through.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence

from msgspec import Struct, structs

from cwm_agent.core.bus import Bus
from cwm_agent.core.ledger import Ledger, entry_of
from cwm_agent.core.parts import SessionParts
from cwm_agent.core.subjects import Subject, calls_into, named_tests, subject, takes_nothing
from cwm_agent.core.tracing import Traced, Tracing, ending, recorded
from cwm_agent.errors import CwmAgentError, UsageError
from cwm_agent.events import ImagineOn, Noticed, PredictionScored, TestsReported, ToolCall, TraceBegan
from cwm_agent.observations import (
    Completed,
    Finished,
    Limits,
    Mode,
    Origin,
    OutputWritten,
    TraceCall,
    WorldEvent,
)
from cwm_agent.traces.compare import compare, fate
from cwm_agent.traces.frames import FrameKind


class _Prediction(Struct, frozen=True):
    """A test that was imagined; `passes` is None where the imagined run came to no end."""

    subject: Subject
    trace: int
    imagined: Traced

    @property
    def passes(self) -> bool | None:
        end = fate(self.imagined.trace)
        return None if end is None else end[0] is FrameKind.RETURN


class Foresight:
    """Imagines tests and calls, traces the same for real, and scores the one by the other."""

    def __init__(self, parts: SessionParts, bus: Bus) -> None:
        self._parts = parts
        self._bus = bus
        self._tracing = Tracing(bus)
        self._ledger: Ledger | None = parts.ledger
        self._open: list[_Prediction] = []

    def _limits(self) -> Limits:
        world = self._parts.world_limits
        return Limits(seconds=world.seconds, frames=world.frames)

    async def foreseen(self, call: ToolCall) -> tuple[tuple[Subject, str], ...]:
        """The tests that a command will run and that can be imagined, each with the text of its file."""
        self._open = []
        if self._parts.imagined is None or not self._parts.imagines_calls:
            return ()
        found = []
        for identity in named_tests(call, self._bus.history):
            test = subject(identity)
            source = await self._source(test.path) if test else None
            if test and source is not None and takes_nothing(test, source):
                found.append((test, source))
            if len(found) == self._parts.world_limits.predictions:
                break
        return tuple(found)

    async def answer(self, tests: Sequence[tuple[Subject, str]]) -> AsyncIterator[WorldEvent]:
        """The imagined run of tests, told as a test run tells of itself."""
        began = time.monotonic()
        for test, source in tests:
            imagined = await self._imagine(test.request(source), test.identity)
            prediction = _Prediction(test, *imagined)
            self._open.append(prediction)
            yield OutputWritten(f"{test.identity}: {_verdict(prediction)}\n")
        failed = [each for each in self._open if each.passes is False]
        passed = sum(each.passes is True for each in self._open)
        if failed or passed:
            lines = [f"FAILED {each.subject.identity} - {ending(each.imagined.trace)}" for each in failed]
            counts = ", ".join(f"{n} {word}" for n, word in ((len(failed), "failed"), (passed, "passed")) if n)
            summary = ["=== short test summary info ===", *lines] if lines else []
            yield OutputWritten("\n".join([*summary, f"{counts} in {time.monotonic() - began:.2f}s"]) + "\n")
        yield Finished(Completed(1 if failed else 0))

    async def settle(self, report: TestsReported) -> None:
        """After a real test run: score what was predicted of it, and trace its first failure for real."""
        open_, self._open = self._open, []
        for each in open_:
            if each.passes is not None:
                self._score_test(each, failed=each.subject.identity in report.failures)
        if self._parts.tracer is None:
            return
        for each in open_:
            await self._check(each.trace, each.subject.identity, each.subject.path, each.imagined)
        traced = {each.subject.identity for each in open_}
        first = next(iter(report.failures), None)
        if first and first not in traced:
            await self._real_test(self._tracing.new(), first, first.partition("::")[0])

    async def calls(self, paths: Sequence[str]) -> None:
        """After an edit of these files: imagine the calls that a failing test makes into them, then make them."""
        parts = self._parts
        failed = next((e for e in reversed(self._bus.history) if isinstance(e, TestsReported) and e.failures), None)
        if parts.imagined is None or not parts.imagines_calls or parts.tracer is None or failed is None:
            return
        try:
            inputs = await parts.tracer.inputs(failed.failures[0], self._limits())
        except CwmAgentError as error:
            self._bus.publish(Noticed("warning", f"No prediction of the edit: {error.message}"))
            return
        for call in calls_into(inputs, paths, parts.world_limits.predictions):
            await self.entry(call.file, call.call or "", Mode.VERIFY)

    async def entry(self, path: str, entry: str, mode: Mode) -> None:
        """Trace a call in the worlds of the mode, and compare where both answered."""
        source = await self._source(path)
        if source is None:
            raise UsageError(f"There is no file {path} in the sandbox, or it is not UTF-8.")
        request = TraceCall(source, entry, path)
        number = self._tracing.new()
        imagined: Traced | None = None
        if mode is not Mode.REAL and self._parts.imagined is not None and self._parts.imagines_calls:
            _, imagined = await self._imagine(request, entry, number)
        if mode is Mode.IMAGINED and imagined is not None:
            return
        events = self._parts.real.run(request, self._limits())
        real = await self._tracing.take(events, TraceBegan(number, Origin.REAL, entry, path))
        if isinstance(real.outcome, Completed) and real.outcome.exit_code and not real.trace.frames:
            last = (real.output.strip().splitlines() or ["the program ended before its first frame"])[-1]
            remedy = f"Name a call of the file: /trace {path}::f(1, 2)"
            self._bus.publish(Noticed("warning", f"Nothing was traced: {last}", remedy))
        if imagined is not None:
            self._score_trace(number, entry, imagined, real)

    async def imagine_on(self, wish: ImagineOn) -> None:
        """What if: another state at a frame of a trace, and how the model goes on from it."""
        found = recorded(self._bus.history, wish.trace, wish.origin)
        dreamer = self._parts.dreamer
        if dreamer is None:
            raise UsageError("There is no world model to imagine it.", remedy="Name one: --model-url URL")
        if found is None or not 0 <= wish.frame < len(found[1]):
            raise UsageError(f"There is no frame {wish.frame} in trace {wish.trace}.")
        began, frames = found
        test = subject(began.subject)
        path = began.path or (test.path if test else "")
        source = await self._source(path)
        if source is None:
            raise UsageError(f"The file of the trace, {path}, is not there any more.")
        request = test.request(source) if test else TraceCall(source, began.subject, path)
        at = frames[wish.frame]
        edited = structs.replace(at, locals={**at.locals, **wish.changed})
        so_far = (*frames[: wish.frame], edited)
        changed = ", ".join(f"{name} = {value}" for name, value in wish.changed.items())
        title = f"{began.subject} with {changed}"
        events = dreamer.imagine_on(request, so_far, self._limits())
        await self._tracing.take(events, TraceBegan(self._tracing.new(), Origin.IMAGINED, title, path))

    async def _imagine(self, request: TraceCall, title: str, number: int = 0) -> tuple[int, Traced]:
        if self._parts.imagined is None:
            raise UsageError("There is no world model.")
        number = number or self._tracing.new()
        events = self._parts.imagined.run(request, self._limits())
        began = TraceBegan(number, Origin.IMAGINED, title, request.path)
        return number, await self._tracing.take(events, began)

    async def _real_test(self, number: int, identity: str, path: str) -> Traced | None:
        if self._parts.tracer is None:
            return None
        events = self._parts.tracer.test(identity, self._limits())
        return await self._tracing.take(events, TraceBegan(number, Origin.REAL, identity, path))

    async def _check(self, number: int, identity: str, path: str, imagined: Traced) -> None:
        real = await self._real_test(number, identity, path)
        if real is not None and imagined.trace.frames:
            self._score_trace(number, identity, imagined, real)

    def _score_trace(self, number: int, title: str, imagined: Traced, real: Traced) -> None:
        """Nothing is scored where one of them was cut short before any difference: then nothing was foretold."""
        found = compare(imagined.trace, real.trace)
        if not real.trace.frames or (found.first_divergence is None and not found.exact):
            return
        scored = PredictionScored(
            kind="trace",
            subject=title,
            predicted=ending(imagined.trace),
            fact=ending(real.trace),
            came_true=found.exact,
            sentence=found.sentence,
            trace=number,
        )
        self._keep(scored, found.frames_before_divergence, len(real.trace.frames))

    def _score_test(self, each: _Prediction, *, failed: bool) -> None:
        predicted, fact = ("passed" if each.passes else "failed"), ("failed" if failed else "passed")
        sentence = f"It was imagined to have {predicted}, and it {fact}."
        scored = PredictionScored(
            kind="test",
            subject=each.subject.identity,
            predicted=predicted,
            fact=fact,
            came_true=predicted == fact,
            sentence=sentence,
            trace=each.trace,
        )
        self._keep(scored)

    def _keep(self, scored: PredictionScored, frames: int = 0, of: int = 0) -> None:
        self._bus.publish(scored)
        if self._ledger is None:
            return
        model = self._parts.world_model or ""
        entry = entry_of(scored, model=model, session=self._parts.identity, frames=frames, of=of)
        try:
            self._ledger.keep(entry)
        except OSError as error:
            self._bus.publish(Noticed("warning", f"The ledger cannot be written: {error.strerror}."))
            self._ledger = None

    async def _source(self, path: str) -> str | None:
        try:
            return (await self._parts.files.read(path.encode())).content.decode("utf-8")
        except (OSError, UnicodeDecodeError):
            return None


def _verdict(each: _Prediction) -> str:
    if each.passes is None:
        return f"no prediction, {ending(each.imagined.trace)}"
    return "imagined to pass" if each.passes else f"imagined to fail: {ending(each.imagined.trace)}"
