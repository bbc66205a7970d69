"""Questions that only the user can answer, with yes or no."""

from __future__ import annotations

import asyncio

from cwm_agent.core.bus import Bus
from cwm_agent.core.history import newest
from cwm_agent.events import PermissionAsked, PermissionSettled


class Approval:
    """Asks, and waits for the answer; what nobody answers before the end is a no."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._open: dict[int, asyncio.Future[bool]] = {}
        self._closed = False
        last = newest(bus.history, PermissionAsked)
        self._number = last.permission if last else 0

    async def ask(self, question: str, detail: str) -> bool:
        """Whether the user allows it; `detail` shows exactly what would be done."""
        if self._closed:
            return False
        self._number += 1
        number = self._number
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._open[number] = answer
        self._bus.publish(PermissionAsked(number, question, detail))
        try:
            return await answer
        finally:
            if self._open.pop(number, None) is not None:
                self._bus.publish(PermissionSettled(number, allowed=False))

    def settle(self, number: int, *, allowed: bool) -> None:
        """Answer a question; one that is not open is left alone."""
        answer = self._open.pop(number, None)
        if answer is not None:
            self._bus.publish(PermissionSettled(number, allowed=allowed))
            if not answer.done():
                answer.set_result(allowed)

    def refuse_all(self) -> None:
        """Answer every open question with no."""
        for number in tuple(self._open):
            self.settle(number, allowed=False)

    def close(self) -> None:
        """Answer every open question with no, and every later one too."""
        self._closed = True
        self.refuse_all()
