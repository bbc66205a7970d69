"""The cursor: where in a run the user stands, and how it is moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from msgspec import Struct

from cwm_agent.core.debugger.breakpoints import Breakpoints, Change
from cwm_agent.core.debugger.run import Alone, Run
from cwm_agent.core.debugger.stack import ending
from cwm_agent.core.debugger.words import ends
from cwm_agent.traces.frames import Frame, FrameKind

Goal = Callable[[Sequence[Frame], int], bool]
"""Whether a move ends at this frame."""


class Reason(StrEnum):
    """Why a move ended where it did."""

    THERE = "there"
    BREAKPOINT = "breakpoint"
    WATCH = "watch"
    DIVERGENCE = "divergence"
    START = "start"
    END = "end"
    STAYED = "stayed"


class Arrival(Struct, frozen=True):
    """The end of a move: why, in words, and which watched values changed. The cursor stands where it led."""

    reason: Reason
    notes: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()


class Cursor:
    """An index into a run's moments; `up` is how many calls further out the user looks."""

    def __init__(self, run: Run, breakpoints: Breakpoints) -> None:
        self.run = run
        self.breakpoints = breakpoints
        self.index = 0
        self.up = 0
        self._skipped: list[str] = []

    @property
    def frame(self) -> Frame:
        """The frame here; the real one where there are two."""
        return self.run.frames[self.index]

    async def forward(self, goal: Goal, *, over: int | None = None, watch: bool = False, stay: str = "") -> Arrival:
        """Go on to the next frame that is the goal, or to a breakpoint before it.

        Calls deeper than `over` are imagined straight to their returns where that is possible. `watch`: a watched
        value that changes, and the first divergence, stop the move too. `stay`: say this at the end of the run, and do
        not move.
        """
        at, self._skipped = self.index, []
        while await self._over(at + 1, over) and await self.run.reach(at + 1):
            at += 1
            reached = goal(self.run.frames, at)
            hit = self.breakpoints.hit(self.run.frames[at])
            if hit is not None:
                return self._arrive(at, Reason.BREAKPOINT, hit.text)
            if reached:
                return self._arrive(at, Reason.THERE)
            if watch and at == self.run.parting:
                return self._arrive(at, Reason.DIVERGENCE)
            if watch and self.breakpoints.changes(self.run.frames, at):
                return self._arrive(at, Reason.WATCH)
        if stay and not any(tape.cut for tape in self.run.tapes):
            return Arrival(Reason.STAYED, (stay,))
        return self._arrive(at, Reason.END, *ends(self.run))

    def backward(self, goal: Goal) -> Arrival:
        """Go back to the nearest frame that is the goal, or to a breakpoint before it; at least to the first frame."""
        for at in range(self.index - 1, -1, -1):
            hit = self.breakpoints.hit(self.run.frames[at])
            if hit is not None:
                return self._arrive(at, Reason.BREAKPOINT, hit.text)
            if goal(self.run.frames, at):
                return self._arrive(at, Reason.THERE)
        return self._arrive(0, Reason.START, "This is the first frame.")

    def jump(self, index: int, reason: Reason = Reason.THERE, *notes: str) -> Arrival:
        """Go straight to a frame that is known."""
        return self._arrive(index, reason, *notes)

    async def _over(self, index: int, depth: int | None) -> bool:
        """Imagine a call straight to its return, where the newest frame is one that is stepped over. False: no more."""
        run = self.run
        if depth is None or not isinstance(run, Alone) or self.breakpoints.all or self.breakpoints.watched:
            return True
        tape, frame = run.tape, run.frames[index - 1]
        fresh = index == len(run.frames) and not tape.ended
        if not fresh or tape.dreamer is None or frame.event is not FrameKind.CALL or frame.depth <= depth:
            return True
        if not await tape.turn(index, FrameKind.RETURN):
            return False
        name = frame.function or "A call"
        self._skipped.append(f"{name} was imagined straight to its return; from its call, `step` goes in.")
        return True

    def _arrive(self, index: int, reason: Reason, *notes: str) -> Arrival:
        left, self.index = self.index, index
        if index != left:
            self.up = 0
        parting, compared = self.run.parting, self.run.comparison
        if parting is not None and compared is not None and left < parting <= index:
            where = "here" if parting == index else f"at frame {parting + 1} (`diverge` goes there)"
            notes = (*notes, f"The two worlds part {where}. {compared.sentence}")
        changes = self.breakpoints.changes(self.run.frames, index) if index != left else ()
        skipped, self._skipped = self._skipped, []
        return Arrival(reason, (*dict.fromkeys(skipped), *self._left(left, index), *notes), changes)

    def _left(self, left: int, index: int) -> tuple[str, ...]:
        """What the call that was left gave back, where the cursor now stands further out."""
        frames = self.run.frames
        if index <= left or frames[index].depth >= frames[left].depth:
            return ()
        depth = frames[left].depth
        for at in range(left, index):
            if frames[at].event is FrameKind.RETURN and frames[at].depth == depth:
                return (ending(frames, at) + ".",)
        return ()
