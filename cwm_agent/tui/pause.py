"""Much work in small slices, so that keys and the screen do not wait for all of it."""

from __future__ import annotations

import asyncio
import time

SLICE = 0.01


class Pause:
    """Gives way to whatever else waits, once a slice of time is used up."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    async def now_and_then(self) -> None:
        """To be called between two pieces of the work."""
        if time.monotonic() - self._since > SLICE:
            await asyncio.sleep(0)
            self._since = time.monotonic()
