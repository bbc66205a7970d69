"""What foresight does while the policy decides: it imagines what an edit touched, and finds the facts out.

It holds for one state of the files. What it found is shown when the policy has decided; what another state of the files
overtakes is dropped, and nobody hears of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial

from msgspec import Struct

from cwm_agent.core.bus import Bus
from cwm_agent.core.curtain import Curtain
from cwm_agent.core.dreams import Dream, Dreams
from cwm_agent.core.interrupt import cancelled
from cwm_agent.core.parts import SessionParts
from cwm_agent.core.scoring import Scores
from cwm_agent.core.subjects import Runnable, calls_into, reaches, runnable, source_of
from cwm_agent.core.touched import Touched, touched
from cwm_agent.core.tracing import Traced, Tracing
from cwm_agent.errors import CwmAgentError
from cwm_agent.events import Noticed, TestsReported, TraceBegan
from cwm_agent.observations import Limits, Origin, TraceCall, WorldEvent
from cwm_agent.protocols import RecordedCall, Sources
from cwm_agent.workspace.changes import Change

_LOG = logging.getLogger(__name__)


class Worth(Struct, frozen=True):
    """What is worth imagining: tests, and calls."""

    tests: tuple[Runnable, ...]
    calls: tuple[TraceCall, ...]


class _Fact(Struct, frozen=True):
    """What is still to be found out: how a dream's subject really runs."""

    dream: Dream
    run: Callable[[], AsyncIterator[WorldEvent]]


class _Pair(Struct, frozen=True):
    """A prediction and its fact, which nobody has seen yet."""

    dream: Dream
    real: Traced
    curtain: Curtain


class Ahead:
    """Works between `open` and `close`, in a task of its own. Dreams go on behind it; runs in the sandbox do not."""

    def __init__(
        self, parts: SessionParts, bus: Bus, tracing: Tracing, dreams: Dreams, scores: Scores, limits: Limits
    ) -> None:
        self._parts = parts
        self._bus = bus
        self._tracing = tracing
        self._dreams = dreams
        self._scores = scores
        self._limits = limits
        self._most = parts.world_limits.predictions
        self._able = parts.imagined is not None and parts.imagines_calls
        self._task: asyncio.Task[None] | None = None
        reports = [event for event in bus.history if isinstance(event, TestsReported) and event.origin is Origin.REAL]
        self._failing: tuple[str, ...] = next((each.failures for each in reversed(reports) if each.failures), ())
        self._inputs: dict[str, tuple[RecordedCall, ...]] = {}
        self._touched: dict[str, Touched] = {}
        self._planned = True
        self._tests: dict[str, Dream] = {}
        self._facts: list[_Fact] = []
        self._pairs: list[_Pair] = []

    @property
    def inputs(self) -> Mapping[str, tuple[RecordedCall, ...]]:
        """What failing tests were recorded to give to the user's functions."""
        return self._inputs

    def test(self, identity: str) -> Dream | None:
        """The dream of a test in the present state of the files, closed or on its way."""
        dream = self._tests.get(identity)
        return None if dream is None or dream.error or (dream.ended.is_set() and not dream.traced) else dream

    def keep(self, identity: str, dream: Dream) -> None:
        """A test that was imagined otherwise, of the present state of the files."""
        self._tests[identity] = dream

    async def changed(self, changes: Sequence[Change]) -> None:
        """The files are others now: what was imagined of the old ones is dropped."""
        await self.drop()
        for path, what in touched(changes).items():
            self._touched[path] = self._touched[path] | what if path in self._touched else what
        self._planned = not self._touched

    async def ran(self, report: TestsReported, dreams: Sequence[Dream]) -> None:
        """Tests ran for real. No test is a prediction any more; `dreams` are those of tests that still lack a fact."""
        for dream in self._tests.values():
            await self._dreams.give_up(dream)
        self._tests.clear()
        self._touched.clear()
        self._planned = True
        self._failing = report.failures or self._failing
        tracer = self._parts.tracer
        if tracer is not None:
            self._facts += [_Fact(dream, partial(tracer.test, dream.began.subject, self._limits)) for dream in dreams]

    def open(self) -> None:
        """The policy decides from now on; the sandbox is free."""
        if self._able and self._task is None and (self._facts or not self._planned or self._unknown()):
            self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """The policy has decided: leave the sandbox alone, and show each prediction that has met its fact."""
        task, self._task = self._task, None
        if task is not None and not task.done():
            await cancelled(task)
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            began = pair.dream.began
            pair.dream.show()
            pair.curtain.lift()
            if pair.dream.traced is not None:
                self._scores.trace(began.trace, began.subject, pair.dream.traced, pair.real)

    async def finish(self) -> None:
        """The turn is over: what is left has the time of patience, and what runs then comes to its end."""
        if self._facts or not self._planned:
            self.open()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=self._parts.world_limits.patience)
            del self._facts[1:]
            await self._dreams.drop()
            if self._facts and self._facts[0].dream.traced is not None:
                await asyncio.wait({self._task}, timeout=self._limits.seconds)
        await self.drop()

    async def drop(self) -> None:
        """Stop everything, and forget what has not met its fact."""
        await self.close()
        await self._dreams.drop()
        self._tests.clear()
        self._facts.clear()

    async def make_room(self) -> None:
        """The world is needed for files that are not there: what is, is planned anew when the policy decides again."""
        await self.drop()
        self._planned = not self._touched

    def _unknown(self) -> list[str]:
        """Failing tests of which it is not known what they call."""
        known = self._inputs
        return [] if self._parts.tracer is None else [one for one in self._failing[: self._most] if one not in known]

    async def _work(self) -> None:
        try:
            await self._record()
            if not self._planned:
                await self._plan()
            while self._facts:
                self._facts.sort(key=lambda fact: not fact.dream.ended.is_set())  # an open one keeps none waiting
                await self._find_out(self._facts[0])
                self._facts.pop(0)
        except Exception as error:  # nobody waits for it, and the session goes on
            if not isinstance(error, CwmAgentError | OSError):
                _LOG.error("Thinking ahead failed", exc_info=error)
            text = error.message if isinstance(error, CwmAgentError) else f"{type(error).__name__}: {error}"
            self._planned = True
            self._facts.clear()
            self._bus.publish(Noticed("warning", f"No prediction: {text}"))

    async def _record(self) -> None:
        """What the failing tests give to the user's code: those calls will be worth a prediction after an edit."""
        for identity in self._unknown():
            if self._parts.tracer is None:
                return
            try:
                self._inputs[identity] = await self._parts.tracer.inputs(identity, self._limits)
            except Exception:
                self._inputs[identity] = ()  # it is not tried again and again
                raise

    async def worth(self, what: Mapping[str, Touched], files: Sources) -> Worth:
        """What there is to imagine of touched functions, in these files."""
        failing, inputs = self._failing, self._inputs
        reaching = [one for one in failing if one not in inputs or reaches(one, inputs[one], what)]
        tests = [await runnable(files, one) for one in reaching[: self._most]]
        made = [call for one in failing for call in inputs.get(one, ())]
        calls = [
            TraceCall(source, call.call or "", call.file)
            for call in calls_into(made, what, self._most)
            if (source := await source_of(files, call.file)) is not None
        ]
        return Worth(tuple(filter(None, tests)), tuple(calls))

    async def _plan(self) -> None:
        """Dream the failing tests that reach what was touched, and then their calls into it."""
        found = await self.worth(self._touched, self._parts.files)
        self._planned = True
        for test in found.tests:
            if test.title not in self._tests:
                self._tests[test.title] = self._dreams.new(test.request, test.title)
                self._dreams.ask(self._tests[test.title])
        for request in found.calls:
            dream = self._dreams.new(request, request.entry)
            self._dreams.ask(dream)
            self._facts.append(_Fact(dream, partial(self._parts.real.run, request, self._limits)))

    async def _find_out(self, fact: _Fact) -> None:
        """Run for real what was imagined, once that is closed."""
        dream = fact.dream
        await dream.ended.wait()
        if dream.error is not None:
            raise dream.error
        if dream.traced is None or not dream.traced.trace.complete:
            return
        curtain = Curtain(self._bus.publish)
        began = TraceBegan(dream.began.trace, Origin.REAL, dream.began.subject, dream.began.path)
        real = await self._tracing.take(fact.run(), began, publish=curtain.publish)
        self._pairs.append(_Pair(dream, real, curtain))
