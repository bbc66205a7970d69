"""One user at one debugger: what the prompt has to remember, and what it prints."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cwm_agent.core.debugger.cursor import Cursor
from cwm_agent.core.debugger.engine import Debugger
from cwm_agent.errors import UsageError
from cwm_agent.views.spans import Line

Said = list[Line]


class Quit(Exception):
    """The user wants to leave."""


class Desk:
    """The debugger, and the last line that `list` showed, so that it goes on from there."""

    def __init__(self, debugger: Debugger) -> None:
        self.debugger = debugger
        self.listed: int | None = None

    @property
    def cursor(self) -> Cursor:
        """Where the user stands."""
        return self.debugger.cursor


Handler = Callable[[Desk, str], Awaitable[Said]]
"""What a command does with its argument; UsageError for one that means nothing."""


def number(argument: str, default: int | None = None) -> int:
    """A number from 1 on, or the default where nothing is said; UsageError for anything else."""
    if not argument and default is not None:
        return default
    if not argument.isdecimal() or not 0 < int(argument) < 10**9:
        raise UsageError(f"Not a number from 1 on: {argument or 'nothing'}")
    return int(argument)
