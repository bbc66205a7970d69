"""A run that is over and known whole: what a panel shows, with the moves of the debugger."""

from __future__ import annotations

from collections.abc import Sequence

from cwm_agent.core.debugger.breakpoints import Breakpoints
from cwm_agent.core.debugger.cursor import Cursor
from cwm_agent.core.debugger.run import Moment
from cwm_agent.core.debugger.tape import Tape
from cwm_agent.traces.compare import Comparison
from cwm_agent.traces.frames import Frame


class Recorded:
    """The moments of a run as somebody else laid them out, one frame for each; `parting` is where two worlds differ."""

    tapes: tuple[Tape, ...] = ()
    ended = True

    def __init__(
        self, frames: Sequence[Frame], parting: int | None = None, comparison: Comparison | None = None
    ) -> None:
        self.frames = frames
        self.parting = parting
        self.comparison = comparison

    def moment(self, index: int) -> Moment:
        """The same index in either world: they were aligned already."""
        return Moment(index, index)

    async def reach(self, index: int) -> bool:
        """Whether there is such a moment."""
        return 0 <= index < len(self.frames)


def cursor_in(frames: Sequence[Frame], index: int) -> Cursor:
    """A cursor on a frame of a recorded run."""
    cursor = Cursor(Recorded(frames), Breakpoints())
    cursor.index = index
    return cursor
