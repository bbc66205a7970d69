"""Hears what a policy says, and holds its claims against what really ran."""

from __future__ import annotations

from collections.abc import Collection

from cwm_agent.core.bus import Bus
from cwm_agent.core.claims.facts import gather
from cwm_agent.core.claims.find import claims
from cwm_agent.core.claims.weigh import weigh
from cwm_agent.events import ClaimChecked, TextWritten

MOST = 3
"""Claims of one step that are told; they often say the same."""
_LONGEST = 300


class Witness:
    """Says on the bus which claims are proved. `harmless` are checkpoints at which only by-products changed.

    Without `doubts` it hears nothing: the words of a policy that is no model are made of what ran, and name it.
    """

    def __init__(self, bus: Bus, harmless: Collection[int], *, doubts: bool = True) -> None:
        self._bus = bus
        self._harmless = harmless
        self._doubts = doubts

    def hear(self, start: int) -> bool:
        """Check what was said since the history had `start` events; whether every claim in it stands.

        Where one does not, only such are told; where all stand, the first.
        """
        if not self._doubts:
            return True
        history = self._bus.history
        said = "".join(event.text for event in history[start:] if isinstance(event, TextWritten))
        found = claims(said)
        if not found:
            return True
        facts = gather(history, self._harmless)
        checked: dict[tuple[bool, str], ClaimChecked] = {}
        for claim in found:
            weighed = weigh(claim, facts)
            text = claim.sentence if len(claim.sentence) <= _LONGEST else claim.sentence[: _LONGEST - 1] + "…"
            event = ClaimChecked(text, weighed.stands, weighed.evidence)
            checked.setdefault((weighed.stands, weighed.evidence), event)
        unproved = [event for event in checked.values() if not event.stands]
        proved = [event for event in checked.values() if event.stands]
        for event in unproved[:MOST] or proved[:1]:
            self._bus.publish(event)
        return not unproved
