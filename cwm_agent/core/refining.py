"""How often a policy may think an action over before it is done."""

from __future__ import annotations

from cwm_agent.events import ToolCall


class Refining:
    """Counts the drafts of one step. What the policy sends a second time is what it wants."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self._drafts: list[ToolCall] = []

    def allows(self, call: ToolCall) -> bool:
        """Whether a call may be drafted first."""
        return len(self._drafts) < self._rounds and call not in self._drafts

    def drafted(self, call: ToolCall) -> None:
        """The policy has seen what would come of a call."""
        self._drafts.append(call)

    def acts(self) -> None:
        """A call is done; the next step begins."""
        self._drafts.clear()
