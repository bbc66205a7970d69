"""Starts the application in a terminal of its own, for the tests that need a real one."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from cwm_agent.events import AgentEvent, TextWritten
from tests.tui.stories import READY, SEARCHING, ReplaySession, app_of, review

CLOSED = Path(sys.argv[2])


class Told(ReplaySession):
    """Writes a file when it is closed, so that a test outside can see it."""

    async def aclose(self) -> None:
        await super().aclose()
        CLOSED.write_text("closed")  # noqa: ASYNC240 -- the last thing that this process does


class Flooding(Told):
    """Never stops talking, not even while it is closed."""

    async def events(self) -> AsyncIterator[AgentEvent]:
        async for event in super().events():
            yield event
            if event is self.history[-1]:
                break
        while True:
            yield TextWritten("word ")
            await asyncio.sleep(0.001)

    async def aclose(self) -> None:
        await asyncio.sleep(3)
        await super().aclose()


if __name__ == "__main__":
    kind = Flooding if sys.argv[1] == "flood" else Told
    app = app_of(kind(SEARCHING if sys.argv[1] == "busy" else READY, review()), clock=time.monotonic)
    app.run()
    sys.exit(app.return_code)
