"""The search itself: candidates through the bench, survivors and nearest misses out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from itertools import chain, islice

from cwm_agent.events import Progressed
from cwm_agent.policies.forager.choose import Survivor
from cwm_agent.policies.forager.kinds import Proposal
from cwm_agent.policies.forager.localise import Suspect
from cwm_agent.policies.forager.propose.generate import combined, pairs, proposals
from cwm_agent.policies.forager.source import Source
from cwm_agent.protocols import Bench, Candidate, Screener, Verdict
from cwm_agent.settings import ForagerSettings

# After a first survivor the search goes on by this share of what it took, at least and at most so many candidates: a
# plainer repair is often close behind.
GRACE_SHARE, GRACE_LEAST, GRACE_MOST = 0.5, 150, 1500
GRACE_SECONDS = 5.0
AHEAD = 2000
PROMISING = 150
_STAGES = {"broken": 0, "failing": 1, "related": 2, "survived": 3}


class Search:
    """One search for a repair of some failing tests; after `run` its attributes say what came of it.

    `unstable` is True when the unchanged code passed on the bench: then nothing can be concluded from survivors.
    """

    def __init__(
        self,
        bench: Bench,
        settings: ForagerSettings,
        screener: Screener | None,
        sources: Mapping[str, Source],
        declined: frozenset[str] = frozenset(),
        test_seconds: float | None = None,
    ) -> None:
        self._bench = bench
        self._settings = settings
        self._screener = screener
        self._sources = sources
        self._declined = declined
        self._test_seconds = test_seconds or settings.test_seconds
        self.tried = 0
        self.total: int | None = None
        self.unstable = False
        self.survivors: list[Survivor] = []
        self.ended = ""
        self._made: dict[int, tuple[Proposal, ...]] = {}
        self._misses: list[tuple[float, int, Verdict]] = []
        self._baseline = 0
        self._stop_at: int | None = None
        self._began = time.monotonic()
        self._found_after = 0.0

    @property
    def misses(self) -> list[tuple[tuple[Proposal, ...], Verdict]]:
        """Candidates that passed more than the unchanged code, the nearest first, five at most."""
        best = sorted(self._misses, key=lambda miss: (-miss[0], miss[1]))[:5]
        return [(self._made[number], verdict) for _, number, verdict in best]

    async def run(
        self, suspects: Sequence[Suspect], failing: Sequence[str], related: Sequence[str], deadline: float
    ) -> AsyncIterator[Progressed]:
        """Try single edits, then pairs where the settings allow them, until `deadline` on the monotonic clock."""
        singles = await self._ahead(self._fresh(proposals(self._sources, suspects)))
        async for progress in self._judge(((one,) for one in singles), failing, related, deadline):
            yield progress
        if self._settings.edits < 2 or self.survivors or self.unstable or self.ended:
            return
        near = [one for one, _ in self.misses if len(one) == 1]
        promising = list(dict.fromkeys(id(one[0]) for one in near))
        order = [one[0] for one in near] + [
            made[0] for made in islice(self._made.values(), PROMISING) if id(made[0]) not in promising
        ]
        self.total = None
        async for progress in self._judge(pairs(order), failing, related, deadline):
            yield progress

    def _fresh(self, found: Iterator[Proposal]) -> Iterator[Proposal]:
        """Without what the user declined."""
        return (one for one in found if not self._declined or one.after not in self._declined)

    async def _ahead(self, found: Iterator[Proposal]) -> Iterator[Proposal]:
        """Make the first candidates now, so that a small search knows how many there are."""
        first: list[Proposal] = []
        for one in islice(found, AHEAD):
            first.append(one)
            if len(first) % 100 == 0:
                await asyncio.sleep(0)
        if len(first) < AHEAD:
            self.total = min(len(first), self._settings.candidates)
        return chain(first, found)

    async def _judge(
        self, made: Iterator[tuple[Proposal, ...]], failing: Sequence[str], related: Sequence[str], deadline: float
    ) -> AsyncIterator[Progressed]:
        stream = self._candidates(made, deadline)
        if self._screener is not None:
            stream = self._screener.rank(stream, failing)
        verdicts = self._bench.verify(self._with_probe(stream), failing, related, self._test_seconds)
        shown = 0.0
        async with aclosing(verdicts):  # type: ignore[type-var]  # the protocol promises an iterator that can be closed
            while True:
                try:
                    verdict = await asyncio.wait_for(anext(verdicts), max(deadline - time.monotonic(), 0.05))
                except StopAsyncIteration:
                    break
                except TimeoutError:
                    self.ended = self.ended or "time"
                    break
                self._note(verdict)
                if self.unstable or self._enough():
                    break
                if time.monotonic() - shown > 0.2:
                    shown = time.monotonic()
                    yield self._progress()
        yield self._progress()

    def _enough(self) -> bool:
        """Whether the search has gone on long enough after its first survivor, in candidates or in time."""
        if self._stop_at is None:
            return False
        grace = max(GRACE_SECONDS, (self._found_after - self._began) * GRACE_SHARE)
        return self.tried >= self._stop_at or time.monotonic() > self._found_after + grace

    def _progress(self) -> Progressed:
        note = f"{len(self.survivors)} passed everything" if self.survivors else ""
        return Progressed("Trying edits", self.tried, self.total, "candidates", note)

    async def _with_probe(self, stream: AsyncIterator[Candidate]) -> AsyncIterator[Candidate]:
        """The unchanged code first, as number 0: it must fail."""
        path, source = next(iter(self._sources.items()))
        yield Candidate(0, {path: source.text})
        async for candidate in stream:
            yield candidate

    async def _candidates(self, made: Iterator[tuple[Proposal, ...]], deadline: float) -> AsyncIterator[Candidate]:
        for edits in made:
            number = len(self._made) + 1
            if number > self._settings.candidates:
                self.ended = "candidates"
                return
            if time.monotonic() > deadline:
                self.ended = "time"
                return
            self._made[number] = edits
            yield Candidate(number, self._files(edits))
        self.total = len(self._made)

    def _files(self, edits: tuple[Proposal, ...]) -> dict[str, str]:
        return {edits[0].path: edits[0].after} if len(edits) == 1 else combined(edits[0], edits[1])

    def _note(self, verdict: Verdict) -> None:
        if verdict.number == 0:
            self.unstable = verdict.stage == "survived"
            self._baseline = verdict.passed
            return
        self.tried += 1
        if verdict.stage == "survived":
            edits = self._made[verdict.number]
            self.survivors.append(Survivor(verdict.number, edits, self._files(edits)))
            if self._stop_at is None:
                grace = min(max(int(self.tried * GRACE_SHARE), GRACE_LEAST), GRACE_MOST)
                self._stop_at = self.tried + grace
                self._found_after = time.monotonic()
        elif verdict.passed > self._baseline:
            share = _STAGES[verdict.stage] + verdict.passed / max(verdict.total, 1)
            self._misses.append((share, verdict.number, verdict))
            if len(self._misses) > 200:
                self._misses = sorted(self._misses, key=lambda miss: (-miss[0], miss[1]))[:100]
