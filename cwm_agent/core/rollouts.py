"""Best of N: rollouts of one request are compared by what runs, and the best patch becomes the session's own."""

from __future__ import annotations

import shlex

from cwm_agent.core.bus import Bus
from cwm_agent.core.checkpoints import Checkpoints
from cwm_agent.core.comparison import changed
from cwm_agent.core.contest import Contest
from cwm_agent.core.history import proof, this_turn, visible
from cwm_agent.core.interrupt import Interrupted, Stop
from cwm_agent.core.loop import Loop
from cwm_agent.core.parts import SessionParts
from cwm_agent.core.patches import Patches
from cwm_agent.core.places import BestOfParts
from cwm_agent.core.rollout import Came
from cwm_agent.core.witness import Witness
from cwm_agent.errors import UsageError
from cwm_agent.events import Noticed, Rested, RolloutRow, RolloutsCompared, TextWritten, ToolCall
from cwm_agent.observations import Mode

MOST = 64
_DESELECTED = 50


class BestOf:
    """Does a request several times and takes the best patch over, to be reviewed as any other."""

    def __init__(
        self, parts: SessionParts, bus: Bus, checkpoints: Checkpoints, patches: Patches, loop: Loop, stop: Stop
    ) -> None:
        self._parts = parts
        self._bus = bus
        self._checkpoints = checkpoints
        self._patches = patches
        self._loop = loop
        self._stop = stop

    def check(self, count: int, mode: Mode) -> None:
        """UsageError where so many rollouts cannot be made, or make no sense."""
        if not 1 <= count <= MOST:
            raise UsageError(f"{count} rollouts are asked for.", remedy=f"Ask for a number from 2 to {MOST}.")
        if count == 1:
            return
        if self._parts.best_of is None:
            raise UsageError(
                f"The policy {self._parts.policy.name} would do the same in each of {count} rollouts.",
                remedy="Best of N takes a language model that decides: name its server with --model-url URL.",
            )
        if mode is Mode.IMAGINED:
            raise UsageError(
                "Rollouts are compared by tests that run, and in imagined mode nothing runs.",
                remedy="Use the mode real or verify.",
            )

    async def run(self, text: str, count: int, mode: Mode) -> Rested:
        """Work on the request of the turn that has just begun."""
        best_of = self._parts.best_of
        if best_of is None:
            raise UsageError("There is no place for rollouts.")
        history = self._bus.history
        before = visible(history[: len(history) - len(this_turn(history))])
        room = await self._stop.guard(best_of.room())
        say, start, at_once = self._bus.publish, self._checkpoints.changes, room.at_once
        say(Noticed("info", f"{count} rollouts, {min(count, at_once)} at a time. {room.words}"))
        imagines = mode is not Mode.REAL
        contest = Contest(self._parts, best_of, before, start, say, count=count, at_once=at_once, imagines=imagines)
        try:
            await self._stop.guard(contest.run(text))
        except Interrupted:
            say(contest.stopped())
            raise
        compared = contest.compared()
        self._bus.publish(compared)
        if compared.winner is None:
            return _without_patch(compared)
        return await self._take_over(best_of, contest, compared, compared.winner)

    async def _take_over(
        self, best_of: BestOfParts, contest: Contest, compared: RolloutsCompared, winner: int
    ) -> Rested:
        """The winner's files and words become the session's, and its tests run once more, here."""
        came = contest.came[winner]
        if came.changes is None:
            raise ValueError("a winner without a patch")
        await self._stop.guard(self._checkpoints.take_over(came.changes))
        row = next(row for row in compared.rows if row.rollout == winner)
        self._bus.publish(TextWritten(f"The patch of rollout {winner} is taken over: {changed(row.files)}.\n"))
        command = closing_tests(best_of, contest, came, winner)
        if command:
            call = ToolCall("bash", command)
            await self._loop.act(call, Mode.REAL, self._stop, self._parts.loop_limits.seconds)
        if came.answer:
            start = len(self._bus.history)
            self._bus.publish(TextWritten(came.answer if command else f"\n{came.answer}"))
            Witness(self._bus, self._checkpoints.harmless).hear(start)
        ran = proof(self._bus.history, self._checkpoints.harmless) is not None
        verified = ran and row.kept == compared.passing and _helps(row, came)
        self._patches.propose(verified=verified, summary=compared.reason)
        return Rested("fixed" if verified else "proposed")


def _helps(row: RolloutRow, came: Came) -> bool:
    """Whether a test shows that a patch does something: one that failed before, or those that its rollout chose."""
    return bool(row.repaired or row.agreed or came.tested)


def closing_tests(best_of: BestOfParts, contest: Contest, came: Came, winner: int) -> str:
    """The command that shows the winner's patch to work: the repository's tests, without those that fail either way.

    Where these cannot be run or named, it is the command with which the rollout showed it; empty where it did not.
    """
    broken = sorted(contest.still_failing(winner))
    if contest.suite.problem or not contest.suite.passing or len(broken) > _DESELECTED:
        return came.tested
    left_out = ["--deselect" if "::" in each else "--ignore" for each in broken]
    options = [part for pair in zip(left_out, map(shlex.quote, broken), strict=True) for part in pair]
    return " ".join([f"cd {shlex.quote(best_of.root)} && python3 -m pytest", *options])


def _without_patch(compared: RolloutsCompared) -> Rested:
    statuses = {row.status for row in compared.rows}
    notes = [row.note for row in compared.rows if row.note]
    if statuses in ({"error"}, {"limit"}):
        return Rested("error" if statuses == {"error"} else "limit", notes[0] if notes else "")
    return Rested("no_patch", compared.reason)
