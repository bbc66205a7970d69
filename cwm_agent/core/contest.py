"""Rollouts of one request beside each other, the tests that tell them apart, and how they compare."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from msgspec import structs

from cwm_agent.core.best_of import Attempt, Ran, agreed, reason, select
from cwm_agent.core.fingerprint import fingerprint
from cwm_agent.core.judge import Judge, Suite
from cwm_agent.core.parts import SessionParts
from cwm_agent.core.places import BestOfParts, Place
from cwm_agent.core.promise import expected
from cwm_agent.core.reproductions import Reproductions
from cwm_agent.core.rollout import Came, Rollout
from cwm_agent.core.turnstile import Turnstile
from cwm_agent.errors import CwmAgentError
from cwm_agent.events import AgentEvent, Progressed, RolloutRow, RolloutsCompared
from cwm_agent.observations import Limits
from cwm_agent.workspace.changes import ChangeSet
from cwm_agent.workspace.diff import stats

PULSE = 1.0


class Contest:
    """Makes `count` rollouts of a request, from where the session stands: after `history`, with the changes `start`.

    What goes wrong in one of them is what it came to; the others go on. `at_once` containers may stand at the same
    time, `say` hears how far it is. Where it `imagines`, a world model's word orders which patch is judged first.
    """

    def __init__(
        self,
        parts: SessionParts,
        best_of: BestOfParts,
        history: Sequence[AgentEvent],
        start: ChangeSet,
        say: Callable[[AgentEvent], None],
        *,
        count: int,
        at_once: int,
        imagines: bool,
    ) -> None:
        self._parts = parts
        self._best_of = best_of
        self._history = history
        self._start = start
        self._say = say
        self._imagines = imagines
        self._judge = Judge(best_of, start)
        self._gate = Turnstile(at_once)
        self._tests = Reproductions(best_of, self._judge, self._gate, self._work)
        self._numbers = range(first := best_of.first(), first + count)
        self._begun: dict[int, Rollout] = {}
        self._marks: dict[int, str] = {}
        self._judging: dict[str, asyncio.Task[None]] = {}
        self._notes: dict[str, str] = {}
        self._ran: dict[str, Ran] = {}
        self._foretold: dict[int, tuple[int, int]] = {}
        self.suite = Suite()
        self.came: dict[int, Came] = {}

    async def run(self, text: str) -> None:
        """Make the rollouts and judge what they come to."""
        wanted = self._best_of.settings.tests
        tests_wanted = len(self._numbers) if wanted is None else wanted
        names = [f"test-{self._numbers[0]}-{number}" for number in range(1, tests_wanted + 1)]
        pulse = asyncio.create_task(self._pulse())
        try:
            async with asyncio.TaskGroup() as group:
                suite = group.create_task(self._look())
                rollouts = [group.create_task(self._one(number, text, suite)) for number in self._numbers]
                tests = group.create_task(self._tests.write(text, names))
                for number, rollout in zip(self._numbers, rollouts, strict=True):
                    group.create_task(self._judged(number, group, rollout, suite, tests))
        finally:
            pulse.cancel()

    async def _look(self) -> None:
        try:
            async with self._gate.admitted():
                self.suite = await self._judge.suite()
        except Exception as error:  # what cannot be looked at is told; the rollouts go on
            self.suite = Suite(problem=_words(error))

    async def _work(self, place: Place, text: str) -> Came:
        return await self._rollout(place).run(text)

    def _rollout(self, place: Place) -> Rollout:
        return Rollout(self._parts, place, self._history, self._start)

    async def _one(self, number: int, text: str, suite: asyncio.Task[None]) -> None:
        try:
            async with self._gate.admitted(), self._best_of.place(str(number)) as place:
                self._begun[number] = self._rollout(place)
                self.came[number] = await self._begun[number].run(text)
                await suite
                await self._foretell(number, place)
        except Exception as error:  # a rollout that fails is a row of the table
            self.came.setdefault(number, Came(status="error", note=_words(error)))

    async def _foretell(self, number: int, place: Place) -> None:
        """Imagine the failing tests with the patch, where a model can: the most promising is judged first."""
        if not self._imagines or place.imagined is None or self.came[number].changes is None:
            return
        settings = self._parts.world_limits
        limits = Limits(seconds=settings.seconds, frames=settings.frames)
        try:
            found = await expected(place.imagined, place.files, self.suite.failing, limits, settings.predictions)
        except CwmAgentError:
            return  # only the order is lost
        if found is not None:
            self._foretold[number] = found

    async def _judged(
        self,
        number: int,
        group: asyncio.TaskGroup,
        rollout: asyncio.Task[None],
        suite: asyncio.Task[None],
        tests: asyncio.Task[None],
    ) -> None:
        """Judge what a rollout came to, once for all that came to the same."""
        await rollout
        changes = self.came[number].changes
        if changes is None:
            return
        mark = self._marks[number] = fingerprint(changes)
        await suite
        await tests
        if mark not in self._judging:
            self._judging[mark] = group.create_task(self._look_at(mark, changes, self._rank(number)))

    def _rank(self, number: int) -> float:
        """Patches of which more is expected come before others; those of which nothing is known, in the middle."""
        passing, of = self._foretold.get(number, (1, 2))
        return 1 - passing / of

    async def _look_at(self, mark: str, changes: ChangeSet, rank: float) -> None:
        try:
            async with self._gate.admitted(rank):
                ran, note = await self._judge.ran(changes, self.suite, self._tests.reproducing)
        except Exception as error:  # a patch that cannot be judged passes nothing
            ran, note = Ran(), _words(error)
        self._ran[mark] = ran
        self._notes[mark] = f"its tests: {note}" if note else ""

    async def _pulse(self) -> None:
        """Say how far it is, whenever that changed."""
        last: Progressed | None = None
        while True:
            actions = sum(rollout.actions for rollout in self._begun.values())
            working = sum(number not in self.came for number in self._begun)
            over = len(self.came) == len(self._numbers)
            note = "judging their patches" if over else f"{working} at work, {actions} actions"
            now = Progressed("rollouts", len(self.came), len(self._numbers), "rollouts", note)
            if now != last:
                self._say(now)
            last = now
            await asyncio.sleep(PULSE)

    def still_failing(self, rollout: int) -> frozenset[str]:
        """The repository's tests that failed before and fail with the patch of a rollout."""
        return self.suite.failing - self._ran[self._marks[rollout]].repaired

    def stopped(self) -> RolloutsCompared:
        """How far they came, where they were stopped: without a winner."""
        said = "They were stopped before all of them could be compared."
        return structs.replace(self.compared(), winner=None, decided_by="nothing", reason=said)

    def compared(self) -> RolloutsCompared:
        """How they compare, and which is the best."""
        attempts = [
            Attempt(number, mark, self.came[number].tokens) for number, mark in self._marks.items() if mark in self._ran
        ]
        counted = agreed(self._tests.reproducing, self._ran)
        choice = select(attempts, self._ran, counted)
        runnable = not self.suite.problem
        passing, failing = (len(self.suite.passing), len(self.suite.failing)) if runnable else (None, None)
        return RolloutsCompared(
            rows=tuple(self._row(number, counted) for number in self._numbers),
            winner=choice.winner if choice else None,
            decided_by=choice.decided_by if choice else "nothing",
            reason=reason(choice, passing, failing, len(counted)),
            passing=passing,
            failing=failing,
            written=self._tests.written,
            reproducing=len(self._tests.reproducing),
            counted=len(counted),
            note="" if runnable else f"The repository's own tests could not be run: {self.suite.problem}.",
        )

    def _row(self, number: int, counted: Sequence[str]) -> RolloutRow:
        came = self.came.get(number, Came(status="interrupted", note="" if number in self._begun else "not begun"))
        mark = self._marks.get(number, "")
        ran = self._ran.get(mark)
        alike = [other for other, found in self._marks.items() if found == mark]
        return RolloutRow(
            rollout=number,
            status=came.status,
            files=stats(came.changes) if came.changes else (),
            patch=min(alike) if mark else 0,
            kept=len(ran.kept) if ran and not self.suite.problem else None,
            repaired=len(ran.repaired) if ran and not self.suite.problem else None,
            agreed=len(ran.passed.intersection(counted)) if ran and counted else None,
            tokens=came.tokens,
            seconds=round(came.seconds, 3),
            foretold=self._foretold.get(number),
            note="; ".join(part for part in (came.note, self._notes.get(mark, "")) if part),
        )


def _words(error: Exception) -> str:
    return error.message if isinstance(error, CwmAgentError) else f"{type(error).__name__}: {error}"
