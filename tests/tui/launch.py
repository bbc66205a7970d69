"""Starts the application in a terminal of its own, for the tests that need a real one."""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.tui.stories import READY, SEARCHING, ReplaySession, app_of, review

CLOSED = Path(sys.argv[2])


class Told(ReplaySession):
    """Writes a file when it is closed, so that a test outside can see it."""

    async def aclose(self) -> None:
        await super().aclose()
        CLOSED.write_text("closed")  # noqa: ASYNC240 -- the last thing that this process does


if __name__ == "__main__":
    app = app_of(Told(SEARCHING if sys.argv[1] == "busy" else READY, review()), clock=time.monotonic)
    app.run()
    sys.exit(app.return_code)
