"""One rollout: the agent loop on a place of its own, from where the session stands, with a record of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from msgspec import Struct

from cwm_agent.core.actions import Hands
from cwm_agent.core.bus import Bus
from cwm_agent.core.checkpoints import Checkpoints
from cwm_agent.core.foresight import Foresight
from cwm_agent.core.history import last_words, loose_ends, newest, proof, this_turn
from cwm_agent.core.interrupt import Stop
from cwm_agent.core.loop import Loop
from cwm_agent.core.parts import SessionParts
from cwm_agent.core.patches import Patches
from cwm_agent.core.places import Place
from cwm_agent.core.turns import Turns
from cwm_agent.events import AgentEvent, Progressed, Rested, Status
from cwm_agent.observations import Mode
from cwm_agent.workspace.changes import ChangeSet


class Came(Struct, frozen=True, kw_only=True):
    """What a rollout came to. `changes` are its snapshot's against the user's tree, None where it changed nothing.

    `tokens` is how long its conversation was, `answer` its last words; `tested` the command that ran tests after its
    last edit, of which none failed, or empty.
    """

    status: Status
    changes: ChangeSet | None = None
    tokens: int = 0
    seconds: float = 0.0
    answer: str = ""
    tested: str = ""
    note: str = ""


class Rollout:
    """Works on one request in a place, after the history of a session whose snapshot has the changes `start`.

    Everything runs for real, whatever the mode of the session. The place is not closed here.
    """

    def __init__(self, parts: SessionParts, place: Place, history: Sequence[AgentEvent], start: ChangeSet) -> None:
        own = replace(
            parts,
            policy=place.policy,
            real=place.real,
            files=place.files,
            recorder=place.recorder,
            imagined=None,
            world_model=None,
            dreamer=None,
            guesser=None,
            drafts=None,
            tracer=None,
            ledger=None,
            recover_sandbox=None,
            prepare=None,
            trust=None,
            best_of=None,
        )
        self._place = place
        self._start = start
        self._bus = Bus(place.recorder, history)
        self._checkpoints = Checkpoints(place.files, place.recorder, self._bus)
        self._checkpoints.changes = start
        patches = Patches(parts.workspace, self._checkpoints, self._bus)
        foresight, stop = Foresight(own, self._bus), Stop()
        self._hands = Hands(own, foresight, self._bus)
        loop = Loop(own.policy, self._hands, foresight, self._checkpoints, patches, self._bus, lambda: Mode.REAL)
        self._turns = Turns(own, self._bus, self._checkpoints, patches, loop, stop)
        self._before = self._hands.number

    @property
    def actions(self) -> int:
        """How many actions it has taken so far."""
        return self._hands.number - self._before

    async def run(self, text: str) -> Came:
        """Work on the request to its end; what goes wrong is told in what it came to."""
        began = time.monotonic()
        try:
            if self._start:
                await self._place.files.restore(self._start)
            await self._turns.prompt(text)
        except asyncio.CancelledError:
            for event in loose_ends(self._bus.history):
                self._bus.publish(event)
            raise
        finally:
            self._bus.close()
        return self._came(time.monotonic() - began)

    def _came(self, seconds: float) -> Came:
        turn = this_turn(self._bus.history)
        rested = newest(turn, Rested) or Rested("error", "It came to no end.")
        changed = self._checkpoints.changes != self._start
        tested = proof(self._bus.history, self._checkpoints.harmless) if changed else None
        return Came(
            status=rested.status,
            changes=self._checkpoints.changes if changed else None,
            tokens=max((e.done for e in turn if isinstance(e, Progressed) and e.unit == "tokens"), default=0),
            seconds=seconds,
            answer=last_words(turn),
            tested=tested.command if tested else "",
            note=rested.message,
        )
