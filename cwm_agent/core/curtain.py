"""Events that are not shown yet."""

from __future__ import annotations

from collections.abc import Callable

from cwm_agent.events import AgentEvent

Publish = Callable[[AgentEvent], None]


class Curtain:
    """Holds events back until it is lifted; from then on they pass as they come."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._held: list[AgentEvent] = []
        self._down = True

    @property
    def down(self) -> bool:
        """Whether nobody has seen anything yet."""
        return self._down

    def publish(self, event: AgentEvent) -> None:
        """Hold an event back, or let it pass."""
        if self._down:
            self._held.append(event)
        else:
            self._publish(event)

    def lift(self) -> None:
        """Show what was held back, in order."""
        held, self._held, self._down = self._held, [], False
        for event in held:
            self._publish(event)

    def empty(self) -> None:
        """Forget what was held back."""
        self._held.clear()
