"""When somebody who looks elsewhere is called back: at the end of long work, and when a question waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from cwm_agent.events import AgentEvent, PermissionAsked, PromptAccepted, Rested

Alert = Literal["bell", "message", "off"]
"""`bell` rings, `message` rings and asks the terminal to show a note (OSC 9), `off` does neither."""
SOON, LATE = 10.0, 60.0
"""Seconds of work after which its end is told where the terminal is not looked at, and in any case."""
_ENDS = {
    "fixed": "fixed, the tests passed",
    "proposed": "a patch is proposed",
    "answered": "answered",
    "no_patch": "no patch",
    "limit": "a limit was reached",
    "error": "it went wrong",
}


class Watch:
    """Hears what the session says now, not what was recorded; `focused` tells whether the terminal is looked at."""

    def __init__(self, clock: Callable[[], float], focused: Callable[[], bool]) -> None:
        self._clock = clock
        self._focused = focused
        self._began = clock()

    def hear(self, event: AgentEvent) -> str:
        """A few words for the user who is elsewhere; empty where nobody has to be called."""
        if isinstance(event, PromptAccepted):
            self._began = self._clock()
        elif isinstance(event, PermissionAsked):
            return "" if self._focused() else "a question waits"
        elif isinstance(event, Rested) and self._clock() - self._began >= (LATE if self._focused() else SOON):
            return _ENDS.get(event.status, "")
        return ""
