"""What runs with a patch: the repository's own tests as they were, and generated tests that reproduce the problem.

Each look is taken in a new container, so that no patch and no test can reach the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import TypeVar

from msgspec import Struct

from cwm_agent.core.best_of import Ran
from cwm_agent.core.places import BestOfParts, Court
from cwm_agent.protocols import Files, Spectrum, TestResult
from cwm_agent.workspace.changes import REGULAR, Change, ChangeSet, Entry

K = TypeVar("K")
_SETTINGS_OF_TESTS = b"conftest.py"
_OWN_FAULTS = ("ImportError", "ModuleNotFoundError", "SyntaxError", "IndentationError", "TabError", "NameError")


class Suite(Struct, frozen=True):
    """The repository's own tests before any patch, by their ids; `problem` says in words why none could be run."""

    passing: frozenset[str] = frozenset()
    failing: frozenset[str] = frozenset()
    problem: str = ""


class Judge:
    """Looks at the state in which the session was when it was asked (`start`), and at patches of it."""

    def __init__(self, parts: BestOfParts, start: ChangeSet) -> None:
        self._parts = parts
        self._start = start

    async def suite(self) -> Suite:
        """Run the repository's own tests without a patch."""
        async with self._parts.court() as court:
            await court.files.restore(self._start)
            found = await self._run(court, ())
        passing = frozenset(result.id for result in found.results if result.outcome == "passed")
        failing = frozenset(result.id for result in found.results if result.outcome not in ("passed", "skipped"))
        return Suite(passing, failing, "" if found.results else found.problem or "there are none")

    async def reproduces(self, text: bytes) -> str:
        """Why a generated test does not count; empty where it fails as it should: for a reason of the code's."""
        async with self._parts.court() as court:
            await court.files.restore(self._start)
            path = await _put(court, {"0": text})
            found = await self._run(court, tuple(path.values()))
        if not found.results:
            return found.problem or "it has no test"
        faults = [fault for result in found.results if (fault := _own_fault(result, path["0"]))]
        if faults:
            return faults[0]
        return "" if any(result.outcome == "failed" for result in found.results) else "it passes without a patch"

    async def ran(self, patch: ChangeSet, suite: Suite, tests: Mapping[str, bytes]) -> tuple[Ran, str]:
        """What ran with a patch, of the tests of the suite and of the generated ones; and what kept it from it."""
        async with self._parts.court() as court:
            await court.files.restore(as_judged(patch, self._start, suite))
            found = Spectrum((), {}) if suite.problem else await self._run(court, ())
            passed = frozenset(result.id for result in found.results if result.outcome == "passed")
            paths = await _put(court, tests)
            generated = await self._run(court, tuple(paths.values())) if tests else Spectrum((), {})
        good = frozenset(name for name, path in paths.items() if _passes(generated, path))
        return Ran(passed & suite.passing, passed & suite.failing, good), found.problem

    async def _run(self, court: Court, targets: Collection[str]) -> Spectrum:
        """The tests; one that runs into the limit of all of them gives no result."""
        settings = self._parts.settings
        try:
            async with asyncio.timeout(settings.seconds):
                return await court.bench.spectrum(tuple(targets), settings.test_seconds)
        except TimeoutError:
            return Spectrum((), {}, f"they did not end within {settings.seconds:g} s")


def as_judged(patch: ChangeSet, start: ChangeSet, suite: Suite) -> ChangeSet:
    """A patch without what it does to the tests that there were: it is judged by them as they are at the start."""
    fixed = {identity.partition("::")[0].encode() for identity in suite.passing | suite.failing}

    def is_fixed(change: Change) -> bool:
        return change.path in fixed or change.path.rpartition(b"/")[2] == _SETTINGS_OF_TESTS

    kept = [change for change in patch.changes if not is_fixed(change)]
    given = [change for change in start.changes if is_fixed(change)]
    return ChangeSet(tuple(sorted(kept + given, key=lambda change: change.path)))


async def _put(court: Court, tests: Mapping[K, bytes]) -> dict[K, str]:
    """Write generated tests into the top of the snapshot, each where nothing stands; their paths."""
    paths = {}
    for number, (name, text) in enumerate(tests.items(), 1):
        paths[name] = await free_path(court.files, f"test_cwm_generated_{number}")
        await court.files.write(paths[name].encode(), Entry(REGULAR, text))
    return paths


async def free_path(files: Files, stem: str) -> str:
    """The path of a Python file, in the top of the snapshot, where nothing stands."""
    while True:
        path = f"{stem}.py"
        try:
            await files.read(path.encode())
        except FileNotFoundError:
            return path
        except OSError:
            pass  # something stands there, if not a file
        stem += "_"


def _passes(found: Spectrum, path: str) -> bool:
    """Whether the tests of a file ran and none of them failed."""
    outcomes = {result.outcome for result in found.results if result.id.partition("::")[0] == path}
    return "passed" in outcomes and outcomes <= {"passed", "skipped"}


def _own_fault(result: TestResult, path: str) -> str:
    """What is wrong with a generated test itself, if anything is; a wrong result of the code is not."""
    if result.outcome in ("error", "timeout", "crashed"):
        return f"it cannot be run: {result.message}"
    own = result.path in ("", path) and result.message.startswith(_OWN_FAULTS)
    return f"its own fault: {result.message}" if result.outcome == "failed" and own else ""
