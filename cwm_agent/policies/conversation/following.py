"""A history read again and again while it grows."""

from __future__ import annotations

from collections.abc import Sequence

from cwm_agent.events import AgentEvent
from cwm_agent.policies.conversation.reading import Entry, read


class Following:
    """Remembers when the model was asked, so that what it is told begins with what it was told before.

    Nothing else is kept: of a history that is another from some point on, as after a rewind, that part is forgotten.
    """

    def __init__(self) -> None:
        self._seen: tuple[AgentEvent, ...] = ()
        self._told: list[int] = []

    def read(self, history: Sequence[AgentEvent]) -> list[Entry]:
        """The conversation up to now, at which the model is asked."""
        same = 0
        for before, now in zip(self._seen, history, strict=False):
            if before is not now:
                break
            same += 1
        self._told = [*(at for at in self._told if at <= same), len(history)]
        self._seen = tuple(history)
        return read(history, self._told)

    def look(self, history: Sequence[AgentEvent]) -> list[Entry]:
        """The conversation in the middle of an action, at which the model is not asked."""
        return read(history, self._told)
