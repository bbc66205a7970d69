"""From a failing test run to a plan: spectrum, suspicion, search, choice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from msgspec import Struct, structs

from cwm_agent.events import Progressed, TextWritten, ThoughtWritten
from cwm_agent.policies.forager import choose, explain, hunks, localise
from cwm_agent.policies.forager.influence import Place, influence
from cwm_agent.policies.forager.request import Resolved, Target, resolve
from cwm_agent.policies.forager.search import Search
from cwm_agent.policies.forager.source import Source
from cwm_agent.policies.forager.turn import Turn, whole_run
from cwm_agent.protocols import Bench, Files, FinalAnswer, Screener, Spectrum
from cwm_agent.settings import ForagerSettings

SPECTRUM_SHARE = 0.5
RECHECKED = 20
LEAST_SECONDS = 1.0
LOOK_SECONDS = 0.5
_RECORDING = "Recording which lines each test runs"
UNSTEADY = "Look for time, random numbers, the order of tests, or state that tests share."


class Plan(Struct, frozen=True):
    """What an investigation found: the repair to make first, the others, and what to say about them."""

    chosen: choose.Survivor
    others: tuple[choose.Survivor, ...]
    failing: tuple[str, ...]
    related: tuple[str, ...]
    known_failures: tuple[str, ...]
    suspects: tuple[localise.Suspect, ...]
    tried: int
    attempts: int = 1

    def next(self) -> Plan | None:
        """The same with the next best repair; None after three."""
        if not self.others or self.attempts >= 3:
            return None
        return structs.replace(self, chosen=self.others[0], others=self.others[1:], attempts=self.attempts + 1)


Step = ThoughtWritten | TextWritten | Progressed | Plan | FinalAnswer


class Investigation:
    """One look at the code as it is now. `steps` yields what to show and ends with a Plan or a FinalAnswer."""

    def __init__(
        self, bench: Bench, files: Files, settings: ForagerSettings, screener: Screener | None, turn: Turn
    ) -> None:
        self._bench = bench
        self._files = files
        self._settings = settings
        self._screener = screener
        self._turn = turn

    async def steps(self, target: Target, reported: Sequence[str]) -> AsyncGenerator[Step, None]:
        """Look into a target; `reported` are the tests that the run before reported as failing."""
        deadline = time.monotonic() + self._settings.seconds
        async with aclosing(self._recording(target)) as recording:
            async for recorded in recording:
                if isinstance(recorded, Progressed):
                    yield recorded
                else:
                    spectrum = recorded
        if spectrum.problem:
            yield FinalAnswer(problem(spectrum.problem))
            return
        yield Progressed(_RECORDING, len(spectrum.results), len(spectrum.results), "tests")
        resolved = resolve(target, [result.id for result in spectrum.results])
        if resolved.unknown:
            if not resolved.tests:
                yield FinalAnswer(_not_found(resolved, spectrum))
                return
            yield TextWritten(f"There is no {', '.join(resolved.unknown)}. {resolved.hint}".rstrip() + "\n")
        failing = self._failing(spectrum, target, resolved)
        flaky = await self._flaky(spectrum, failing, _wanted(reported, resolved))
        steady = tuple(test for test in failing if test not in flaky)
        if flaky and steady:
            yield TextWritten(f"Flaky, and left alone: {', '.join(flaky)} passed on a second run of the same code.\n")
        if not steady:
            yield FinalAnswer(_nothing_fails(spectrum, flaky))
            return
        async for step in self._repair(spectrum, target, steady, deadline):
            yield step

    async def _recording(self, target: Target) -> AsyncGenerator[Progressed | Spectrum, None]:
        """How many tests are recorded, from time to time, and at last what came of them."""
        most = whole_run(self._turn)
        work, shown = asyncio.ensure_future(self._spectrum(target)), -1
        try:
            await asyncio.sleep(0)  # it begins, and counts anew
            while not work.done():
                if self._bench.recorded != shown or shown < 0:
                    shown = self._bench.recorded
                    yield Progressed(_RECORDING, shown, most if most >= shown else None, "tests")
                await asyncio.wait({work}, timeout=LOOK_SECONDS)
        finally:
            work.cancel()
            await asyncio.wait({work})
        yield work.result()

    async def _spectrum(self, target: Target) -> Spectrum:
        """All tests, or where that takes too long and tests are named, those of their files."""
        named = [*target.tests, *target.files]
        files = tuple(
            dict.fromkeys(name.split("::", 1)[0] for name in named if localise.is_test_file(name.split("::", 1)[0]))
        )
        files = tuple(name for name in files if name.endswith(".py"))
        whole = self._bench.spectrum((), self._settings.test_seconds)
        if not files:
            return await whole
        try:
            return await asyncio.wait_for(whole, self._settings.seconds * SPECTRUM_SHARE)
        except TimeoutError:
            return await self._bench.spectrum(files, self._settings.test_seconds)

    def _failing(self, spectrum: Spectrum, target: Target, resolved: Resolved) -> tuple[str, ...]:
        failing = localise.failing_ids(spectrum)
        if resolved.tests:
            return tuple(test for test in failing if test in set(resolved.tests))
        if target.files:
            reaching = [test for test in failing if _reaches(spectrum, test, target.files)]
            return tuple(reaching) or failing
        return failing

    async def _flaky(self, spectrum: Spectrum, failing: Sequence[str], reported: Sequence[str]) -> tuple[str, ...]:
        """Tests that both failed and passed on this unchanged code."""
        known = {result.id: result.outcome for result in spectrum.results}
        found = [test for test in reported if known.get(test) == "passed"]
        again = [test for test in failing if known[test] in ("failed", "error")][:RECHECKED]
        if again:
            second = await self._bench.spectrum(again, self._settings.test_seconds)
            found += [result.id for result in second.results if result.outcome == "passed" and result.id in again]
        return tuple(dict.fromkeys(found))

    async def _repair(
        self, spectrum: Spectrum, target: Target, failing: tuple[str, ...], deadline: float
    ) -> AsyncGenerator[Step, None]:
        sources = await self._sources(localise.paths_to_read(spectrum, failing))
        passing = tuple(result.id for result in spectrum.results if result.outcome == "passed")
        related = tuple(test for test in passing if set(spectrum.lines.get(test, {})) & set(sources))
        declined = self._declined_texts(sources)
        tried, ended, last = 0, "", Search(self._bench, self._settings, self._screener, sources)
        ranking: list[localise.Suspect] = []
        attempts = _attempts(localise.groups(spectrum, failing, sources))
        for number, group in enumerate(attempts):
            ranking = localise.suspects(
                spectrum, group, sources, target.functions, target.files, await self._influence(group, sources)
            )
            if not ranking:
                continue
            yield ThoughtWritten(explain.suspicion(ranking, group, len(passing)))
            last = Search(self._bench, self._settings, self._screener, sources, declined, self._time_limit(spectrum))
            until = time.monotonic() + (deadline - time.monotonic()) / (len(attempts) - number)
            async for progress in last.run(ranking, group, related, until):
                yield progress
            tried, ended = tried + last.tried, last.ended
            if last.unstable:
                yield FinalAnswer(_unstable(group))
                return
            if last.survivors:
                plan = await self._plan(last, spectrum, group, related, ranking)
                yield TextWritten(explain.found(plan.chosen, last.tried, len(plan.others)))
                yield plan
                return
        if not ranking:
            yield FinalAnswer(_no_code(failing))
            return
        yield FinalAnswer(explain.gave_up(tried, ended, ranking, last.misses, self._settings.edits))

    async def _influence(self, group: tuple[str, ...], sources: dict[str, Source]) -> frozenset[Place]:
        """The lines that had a part in a failure of the group, as far as one was traced."""
        traced = {test: self._turn.traced[test] for test in group if test in self._turn.traced}
        tests = {path: await self._source(path) for path in {test.split("::", 1)[0] for test in traced}}
        known = {**sources, **{path: source for path, source in tests.items() if source}}
        return frozenset().union(*(influence(frames, known) for frames in traced.values()))

    def _time_limit(self, spectrum: Spectrum) -> float:
        """Seconds for one test of a candidate: ten times the slowest that ended, so that endless loops cost little."""
        ended = [result.seconds for result in spectrum.results if result.outcome in ("passed", "failed", "error")]
        return min(self._settings.test_seconds, max(LEAST_SECONDS, 10 * max(ended, default=0.0)))

    async def _plan(
        self,
        search: Search,
        spectrum: Spectrum,
        group: tuple[str, ...],
        related: tuple[str, ...],
        ranking: Sequence[localise.Suspect],
    ) -> Plan:
        tests = {path: text for path in {test.split("::", 1)[0] for test in group} if (text := await self._text(path))}
        best = choose.ranked(search.survivors, choose.test_literals(tests, group))
        known = tuple(test for test in localise.failing_ids(spectrum) if test not in group)
        return Plan(best[0], tuple(best[1:]), group, related, known, tuple(ranking), search.tried)

    async def _text(self, path: str) -> str | None:
        try:
            return (await self._files.read(path.encode())).content.decode("utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    async def _sources(self, paths: Sequence[str]) -> dict[str, Source]:
        """The files that can be read and parsed, and those that bind the constants which they import."""
        found = {path: source for path in paths if (source := await self._source(path))}
        for near in [path for source in found.values() for path in localise.constant_modules(source)]:
            if near not in found and not localise.is_test_file(near) and (source := await self._source(near)):
                found[near] = source
        return found

    async def _source(self, path: str) -> Source | None:
        text = await self._text(path)
        try:
            return Source(path, text) if text is not None and not text.startswith("\ufeff") else None
        except (SyntaxError, ValueError, RecursionError):
            return None

    def _declined_texts(self, sources: dict[str, Source]) -> frozenset[str]:
        """What the files would be with each edit that the user declined."""
        found: set[str] = set()
        for content in self._turn.declined:
            parts = hunks.parts(content)
            if parts and parts[0] in sources:
                text = hunks.applied(sources[parts[0]].text, parts[1], parts[2])
                found |= {text} if text is not None else set()
        return frozenset(found)


def _wanted(reported: Sequence[str], resolved: Resolved) -> tuple[str, ...]:
    return tuple(test for test in reported if not resolved.tests or test in set(resolved.tests))


def _reaches(spectrum: Spectrum, test: str, files: Sequence[str]) -> bool:
    paths = spectrum.lines.get(test, {})
    return any(path == name or path.endswith(f"/{name}") for path in paths for name in files)


def _attempts(found: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Each group as a whole, then up to three of its tests alone."""
    wanted: list[tuple[str, ...]] = []
    for group in found:
        wanted.append(group)
        wanted += [(test,) for test in group[:3] if len(group) > 1]
    return list(dict.fromkeys(wanted))[:8]


def problem(text: str) -> str:
    """Why no test could run, and what to do about it."""
    low = text.lower()
    if "pytest" in low and ("missing" in low or "no module" in low or "not installed" in low):
        remedy = "Install pytest where the tests run: in the image, or by the project's own install step."
    elif "no tests" in low:
        remedy = "Name a folder or file with tests, or write one that shows the bug: I need a failing test to work on."
    elif "import" in low or "collect" in low or "error" in low:
        remedy = "I repair code that tests can run. Mend the import first, or install what is missing in the sandbox."
    else:
        remedy = "Run `python3 -m pytest` in the sandbox to see it."
    return f"No test could be run: {text.strip()}\n{remedy}"


def _not_found(resolved: Resolved, spectrum: Spectrum) -> str:
    names = ", ".join(resolved.unknown)
    failing = localise.failing_ids(spectrum)
    also = f" These fail: {', '.join(failing[:5])}." if failing else " All tests pass."
    return f"There is no test {names}. {resolved.hint}".rstrip() + also


def _nothing_fails(spectrum: Spectrum, flaky: Sequence[str]) -> str:
    if flaky:
        return (
            f"Flaky: {', '.join(flaky)} failed once and passed once on the same code, so I change nothing: an edit "
            f"that seems to mend it would prove nothing.\n{UNSTEADY}"
        )
    passed = sum(result.outcome == "passed" for result in spectrum.results)
    return f"Nothing to repair: {explain.plural(passed, 'test')} ran and passed."


def _unstable(group: Sequence[str]) -> str:
    return (
        f"{', '.join(group)} failed at first, but passed when I ran the unchanged code again: the outcome depends on "
        f"more than the code. I change nothing.\n{UNSTEADY}"
    )


def _no_code(failing: Sequence[str]) -> str:
    return (
        f"{', '.join(failing[:3])} fails without running any code of this repository outside the tests, so there is "
        "nothing that I may edit: I never change tests.\nLook at the test itself or at its fixtures."
    )
