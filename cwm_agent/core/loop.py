"""The agent loop: the policy decides, the hands act, what changed is kept, until an answer or a limit."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress

from cwm_agent.core.actions import Hands
from cwm_agent.core.bus import Bus
from cwm_agent.core.checkpoints import Checkpoints
from cwm_agent.core.foresight import Foresight
from cwm_agent.core.history import newest, pinned_onto, proof, this_turn, visible
from cwm_agent.core.interrupt import Interrupted, Stop, closing
from cwm_agent.core.limits import Budget
from cwm_agent.core.patches import Patches
from cwm_agent.core.refining import Refining
from cwm_agent.core.witness import Witness
from cwm_agent.errors import CwmAgentError
from cwm_agent.events import (
    ActionEnded,
    ActionProposed,
    CheckpointMade,
    Noticed,
    PatchProposed,
    Progressed,
    Rested,
    TestsReported,
    TextWritten,
    ThoughtWritten,
    ToolCall,
)
from cwm_agent.observations import Mode, Origin
from cwm_agent.protocols import Act, FinalAnswer, Policy
from cwm_agent.workspace.diff import stats

_PATCHED = re.compile(r'^diff --git (?:"?a/.*?"? )"?b/(.*?)"?$', re.MULTILINE)


class Loop:
    """Works on one prompt at a time, within a budget, until `stop` is given."""

    def __init__(
        self,
        policy: Policy,
        hands: Hands,
        foresight: Foresight,
        checkpoints: Checkpoints,
        patches: Patches,
        bus: Bus,
        mode: Callable[[], Mode],
        *,
        doubts: bool = True,
    ) -> None:
        self._policy = policy
        self._hands = hands
        self._foresight = foresight
        self._checkpoints = checkpoints
        self._patches = patches
        self._bus = bus
        self._mode = mode
        self._witness = Witness(bus, checkpoints.harmless, doubts=doubts)

    @property
    def action(self) -> int:
        """The number of the last action."""
        return self._hands.number

    async def run(self, budget: Budget, stop: Stop) -> Rested:
        """Work on the last prompt of the history; what cannot go on is raised from `errors` and `interrupt`."""
        answer: FinalAnswer | None = None
        refining = Refining(self._foresight.rounds)
        try:
            while True:
                start = len(self._bus.history)
                decision = await self._decided(answer, budget, stop)
                proved = self._heard(decision, start)
                if isinstance(decision, Act):
                    await self._step(decision.call, budget, stop, refining)
                elif proved or answer is not None or decision.status == "gave_up" or budget.turns < 1:
                    await self._finish(stop)
                    return self._conclude(decision)
                else:
                    answer = decision  # it is told what is not proved, and has one more chance in a request
        finally:
            await self._foresight.ahead.drop()

    async def act(self, call: ToolCall, mode: Mode, stop: Stop, seconds: float) -> bool:
        """One action and its checkpoint, which is made even when the action was interrupted."""
        began = time.monotonic()
        try:
            good = await self._hands.act(call, mode, stop, seconds)
            await stop.guard(self._look_back(), seconds - (time.monotonic() - began))
            return good
        finally:
            if await self._checkpoints.note(self._hands.number) and self._checkpoints.newest:
                await self._foresight.ahead.changed(self._checkpoints.newest)

    def prove_again(self) -> None:
        """After a command of the user's own: a proved patch onto which tests were pinned is proved, where they ran."""
        pinned = pinned_onto(self._bus.history, self._checkpoints.harmless)
        if pinned is not None and self._verified():
            self._propose(pinned.summary)

    async def _decide(self, budget: Budget) -> Act | FinalAnswer:
        async with closing(self._policy.decide(visible(self._bus.history))) as events:
            async for event in events:
                if isinstance(event, Act | FinalAnswer):
                    return event
                self._bus.publish(event)
                if isinstance(event, Progressed):
                    budget.see(event)
        raise CwmAgentError(f"The policy {self._policy.name} stopped without a decision.", remedy="Ask again.")

    async def _step(self, call: ToolCall, budget: Budget, stop: Stop, refining: Refining) -> None:
        """What the policy wants is done, or first only imagined, where it may still think it over."""
        budget.take_turn()
        mode = self._mode()
        if refining.allows(call) and await self._hands.draft(call, mode, stop, budget.seconds):
            refining.drafted(call)
            return
        refining.acts()
        good = await self.act(call, mode, stop, budget.seconds)
        if good and call.tool == "submit":
            self._submitted()

    async def _decided(self, answer: FinalAnswer | None, budget: Budget, stop: Stop) -> Act | FinalAnswer:
        """The policy's next decision; in `verify` mode more is imagined and found out meanwhile."""
        if self._mode() is Mode.VERIFY:
            self._foresight.ahead.open()
        try:
            return await stop.guard(self._decide_or(answer, budget), budget.seconds)
        finally:
            await self._foresight.ahead.close()

    async def _finish(self, stop: Stop) -> None:
        """What was imagined still meets its fact; the answer stands, whoever does not wait for that."""
        if self._mode() is Mode.VERIFY:
            with suppress(Interrupted):
                await stop.guard(self._foresight.ahead.finish())

    async def _look_back(self) -> None:
        """What was predicted of a test run meets its fact, and its first failure is traced."""
        ran = newest(self._bus.history, TestsReported)
        if ran is None or (ran.action, ran.origin) != (self._hands.number, Origin.REAL):
            return
        try:
            await self._foresight.settle(ran)
        except (CwmAgentError, OSError) as error:
            text = error.message if isinstance(error, CwmAgentError) else str(error)
            self._bus.publish(Noticed("warning", f"No trace: {text}"))

    async def _decide_or(self, answer: FinalAnswer | None, budget: Budget) -> Act | FinalAnswer:
        """What the policy decides; an answer that stands already is kept where there comes no other."""
        try:
            return await self._decide(budget)
        except CwmAgentError as error:
            if answer is None:
                raise
            self._bus.publish(Noticed("warning", f"No second answer: {error.message}", error.remedy))
            return answer

    def _conclude(self, answer: FinalAnswer) -> Rested:
        turn = this_turn(self._bus.history)
        if answer.status == "gave_up":
            return Rested("no_patch")
        worked = any(isinstance(event, CheckpointMade | PatchProposed) for event in turn)
        if not worked or not self._patches.remaining():
            return Rested("answered")
        self._propose(_first_line(answer.text))
        return Rested("fixed" if self._verified() else "proposed")

    def _heard(self, decision: Act | FinalAnswer, start: int) -> bool:
        """Say an answer, and whether all stands that was claimed since the history had `start` events."""
        if isinstance(decision, FinalAnswer):
            self._say(decision.text)
        return self._witness.hear(start)

    def _say(self, text: str) -> None:
        """The answer for the user, unless the policy has said it already, piece by piece."""
        said: list[str] = []
        for event in this_turn(self._bus.history):
            if isinstance(event, ActionProposed | ThoughtWritten):
                said.clear()
            elif isinstance(event, TextWritten):
                said.append(event.text)
        if text.strip() and not "".join(said).strip().endswith(text.strip()):
            self._bus.publish(TextWritten(text))

    def _submitted(self) -> None:
        ended = newest(self._bus.history, ActionEnded)
        named = set(_PATCHED.findall(ended.observation)) if ended else set()
        others = [stat.name for stat in stats(self._patches.remaining()) if stat.name not in named]
        also = f" Also changed, and not named in the submitted patch: {', '.join(others)}." if others else ""
        self._propose(f"Submitted by {self._policy.name}.{also}")

    def _propose(self, summary: str) -> None:
        """Offer the patch, unless this turn did so already and nothing is different since."""
        remaining = self._patches.remaining()
        last = newest(this_turn(self._bus.history), PatchProposed)
        same = last is not None and (last.verified, last.files) == (self._verified(), stats(remaining))
        if remaining and not (same and last is not None and last.checkpoint == self._checkpoints.current):
            self._patches.propose(verified=self._verified(), summary=summary)

    def _verified(self) -> bool:
        return proof(self._bus.history, self._checkpoints.harmless) is not None


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
