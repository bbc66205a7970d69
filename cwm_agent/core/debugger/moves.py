"""The moves that a user knows from other debuggers, forwards and backwards, each as a goal for the cursor."""

from __future__ import annotations

from collections.abc import Sequence

from cwm_agent.core.debugger.cursor import Arrival, Cursor, Reason
from cwm_agent.core.debugger.lines import Text, same_file
from cwm_agent.core.debugger.run import Alone
from cwm_agent.core.debugger.stack import began
from cwm_agent.core.debugger.words import ends
from cwm_agent.errors import UsageError
from cwm_agent.traces.frames import Frame, FrameKind
from cwm_agent.traces.grammar import HAS_LOCALS


async def step(cursor: Cursor) -> Arrival:
    """To the next frame, whatever it is; into a call that was stepped over when it was imagined."""
    run, at = cursor.run, cursor.index + 1
    if isinstance(run, Alone) and at in run.tape.over:
        await run.tape.turn(at, FrameKind.LINE)
    return await cursor.forward(_any)


async def step_over(cursor: Cursor) -> Arrival:
    """To the next frame of the running call, or of its caller after a return."""
    depth = _own(cursor)
    return await cursor.forward(lambda frames, at: frames[at].depth <= depth, over=depth)


async def out(cursor: Cursor) -> Arrival:
    """To where the caller goes on; out of the entry, to its return."""
    depth = cursor.frame.depth
    if depth == 0:
        return await cursor.forward(lambda frames, at: _returns(frames[at], 0), over=0)
    return await cursor.forward(lambda frames, at: frames[at].depth < depth, over=depth - 1)


async def until(cursor: Cursor, line: int | None = None) -> Arrival:
    """To a later line of the running call than this one (or `line` at least), or to its return: out of a loop."""
    depth, past = cursor.frame.depth, line or (cursor.frame.line or 0) + 1

    def goal(frames: Sequence[Frame], at: int) -> bool:
        frame = frames[at]
        if frame.depth != depth:
            return frame.depth < depth
        return frame.event is FrameKind.RETURN or (frame.event is FrameKind.LINE and (frame.line or 0) >= past)

    return await cursor.forward(goal, over=depth)


async def go_on(cursor: Cursor) -> Arrival:
    """To the next breakpoint, changed watched value or first divergence, or to the end."""
    return await cursor.forward(_none, watch=True)


async def goto_line(cursor: Cursor, text: Text, line: int) -> Arrival:
    """To where this line is next reached; says so, and does not move, where it is not."""
    if text.whole and not 1 <= line <= len(text.lines):
        return _stay(f"{text.path} has no line {line}: it ends at {len(text.lines)}.")
    if text.reachable and line not in text.reachable:
        return _stay(f"Line {line} is never reached: no function has code there.")

    def goal(frames: Sequence[Frame], at: int) -> bool:
        frame = frames[at]
        return frame.line == line and frame.event in HAS_LOCALS and same_file(frame.file, text.path)

    found = await cursor.forward(goal, stay=f"Line {line} is not reached from here.")
    if found.reason is not Reason.STAYED:
        return found
    earlier = [at + 1 for at in range(cursor.index + 1) if goal(cursor.run.frames, at)]
    if not earlier:
        return found
    return _stay(f"Line {line} is not reached again from here.", f"It was reached at frame {_listed(earlier)}.")


async def goto_frame(cursor: Cursor, number: int) -> Arrival:
    """To the frame of this number, from 1."""
    if number < 1:
        return _stay("Frames are numbered from 1.")
    if await cursor.run.reach(number - 1):
        return cursor.jump(number - 1)
    known = len(cursor.run.frames)
    return _stay(f"There is no frame {number}: the run has {known}{'' if cursor.run.ended else ' so far'}.")


async def last(cursor: Cursor) -> Arrival:
    """To the last frame, past every breakpoint."""
    while await cursor.run.reach(len(cursor.run.frames)):
        pass
    return cursor.jump(len(cursor.run.frames) - 1, Reason.END, *ends(cursor.run))


def first(cursor: Cursor) -> Arrival:
    """To the first frame."""
    return cursor.jump(0)


async def diverge(cursor: Cursor) -> Arrival:
    """To the first frame at which the two worlds differ."""
    compared, parting = cursor.run.comparison, cursor.run.parting
    if compared is None:
        return _stay("Only one world speaks here; `--mode verify` lays two beside each other.")
    if parting is None:
        return _stay(f"The two worlds do not part. {compared.sentence}")
    cursor.jump(parting)
    return Arrival(Reason.DIVERGENCE, (f"The two worlds part here. {compared.sentence}",))


def back(cursor: Cursor, count: int = 1) -> Arrival:
    """So many frames back."""
    if cursor.index < count:
        return cursor.jump(0, Reason.START, "This is the first frame.")
    return cursor.jump(cursor.index - count)


def back_over(cursor: Cursor) -> Arrival:
    """Back to the frame before in the running call, or to its caller from its beginning."""
    frame = cursor.frame
    depth = max(frame.depth - (frame.event is FrameKind.CALL), 0)
    return cursor.backward(lambda frames, at: frames[at].depth <= depth)


def back_out(cursor: Cursor) -> Arrival:
    """Back to the frame that called the running function."""
    start = began(cursor.run.frames, cursor.index)
    return cursor.backward(lambda _, at: at < start)


def back_on(cursor: Cursor) -> Arrival:
    """Back to the breakpoint before, or to the first frame."""
    return cursor.backward(_none)


def look_out(cursor: Cursor, levels: int) -> None:
    """Look at the locals of a caller (positive) or of a called function; UsageError where there is none."""
    to = cursor.up + levels
    if to > cursor.frame.depth:
        raise UsageError("This is the outermost call.")
    if to < 0:
        raise UsageError("This is the running call.")
    cursor.up = to


def _own(cursor: Cursor) -> int:
    """The depth of the call in which a step over the current frame stays."""
    frame = cursor.frame
    return max(frame.depth - (frame.event is FrameKind.RETURN), 0)


def _any(_frames: Sequence[Frame], _at: int) -> bool:
    return True


def _none(_frames: Sequence[Frame], _at: int) -> bool:
    return False


def _returns(frame: Frame, depth: int) -> bool:
    return frame.event is FrameKind.RETURN and frame.depth == depth


def _stay(*notes: str) -> Arrival:
    return Arrival(Reason.STAYED, notes)


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:8]))
    return shown + (", …" if len(numbers) > 8 else "")
