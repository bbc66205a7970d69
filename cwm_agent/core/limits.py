"""How far one request has gone, and how far it may go."""

from __future__ import annotations

import time
from collections.abc import Callable

from cwm_agent.errors import LimitError
from cwm_agent.events import Progressed
from cwm_agent.settings import LimitSettings


class Budget:
    """What is left of a request's actions, time and tokens. LimitError says which is used up."""

    def __init__(self, limits: LimitSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._began = clock()
        self._turns = 0

    @property
    def seconds(self) -> float:
        """What is left of the time; never below 0."""
        return max(0.0, self._limits.seconds - (self._clock() - self._began))

    @property
    def turns(self) -> int:
        """How many actions are left."""
        return self._limits.turns - self._turns

    def take_turn(self) -> None:
        """Count one action before it is taken."""
        if self._turns >= self._limits.turns:
            raise LimitError(
                f"All {self._limits.turns} actions of this request are used up.",
                remedy="Raise limits.turns in the settings, or ask for the next step.",
            )
        self._turns += 1

    def see(self, progress: Progressed) -> None:
        """Take note of a policy's progress: what it counts in tokens is its context."""
        if progress.unit == "tokens" and progress.done > self._limits.tokens:
            raise LimitError(
                f"The model's context of {self._limits.tokens} tokens is full.",
                remedy="Begin a new session, or raise limits.tokens where the model has room for more.",
            )
