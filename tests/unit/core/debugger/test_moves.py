"""Stepping through real runs: in, over, out, on, and all of it backwards."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_agent.core.debugger import moves
from cwm_agent.core.debugger.cursor import Reason
from cwm_agent.errors import UsageError
from cwm_agent.observations import LimitReached
from cwm_agent.traces.frames import FrameKind
from tests.unit.core.debugger.stage import at, debugging, real, recorded, said


async def test_a_step_goes_into_a_call_and_back_takes_it_back() -> None:
    debugger = await debugging("total([1, 2])")
    seen = []
    for _ in range(4):
        seen.append(at(debugger))
        await moves.step(debugger.cursor)
    assert [*seen, at(debugger)] == [
        "call total 6",
        "line total 7",
        "line total 8",
        "line total 9",
        "call double 1",
    ]
    moves.back(debugger.cursor, 2)
    assert at(debugger) == "line total 8"


async def test_next_goes_over_a_call_and_stays_in_its_loop() -> None:
    debugger = await debugging("total([1, 2])")
    lines = []
    for _ in range(8):
        await moves.step_over(debugger.cursor)
        lines.append(debugger.frame.line)
        assert debugger.frame.function == "total"
    assert lines == [7, 8, 9, 8, 9, 8, 10, 10]


async def test_next_after_a_return_goes_on_in_the_caller() -> None:
    debugger = await debugging("total([1])")
    debugger.cursor.jump(7)
    assert at(debugger) == "return double 3"
    arrived = await moves.step_over(debugger.cursor)
    assert at(debugger) == "line total 8"
    assert said(arrived) == "double returned 2."


async def test_out_of_a_recursion_leaves_one_call_and_says_what_it_gave() -> None:
    debugger = await debugging("fact(3)")
    await moves.goto_line(debugger.cursor, debugger.text, 32)
    assert debugger.frame.depth == 2
    arrived = await moves.out(debugger.cursor)
    assert (at(debugger), debugger.frame.depth) == ("return fact 33", 1)
    assert "fact returned 1." in said(arrived)
    await moves.out(debugger.cursor)
    assert (at(debugger), debugger.frame.depth, debugger.frame.value) == ("return fact 33", 0, "6")


async def test_out_of_the_entry_is_its_return_and_then_the_run_is_over() -> None:
    debugger = await debugging("total([1, 2])")
    assert (await moves.out(debugger.cursor)).reason is Reason.THERE
    assert at(debugger) == "return total 10"
    arrived = await moves.out(debugger.cursor)
    assert arrived.reason is Reason.END
    assert "The run is over: total returned 6." in said(arrived)


async def test_out_of_a_call_that_raised_says_so() -> None:
    debugger = await debugging("guarded(-1)")
    await moves.goto_line(debugger.cursor, debugger.text, 19)
    assert at(debugger) == "line check 19"
    arrived = await moves.out(debugger.cursor)
    assert at(debugger) == "exception guarded 25"
    assert "check raised Bad: negative." in said(arrived)


async def test_a_generator_is_stepped_over_each_time_it_is_resumed() -> None:
    debugger = await debugging("squares(2)")
    lines = []
    while (await moves.step_over(debugger.cursor)).reason is Reason.THERE:
        assert debugger.frame.function == "squares"
        lines.append(debugger.frame.line)
    assert lines == [44, 45, 46, 45, 46, 45, 47, 47]


async def test_stepping_out_of_a_generator_says_what_it_gave() -> None:
    debugger = await debugging("squares(2)")
    await moves.goto_line(debugger.cursor, debugger.text, 39)
    arrived = await moves.out(debugger.cursor)
    assert at(debugger) == "line squares 46"
    assert "count returned 0." in said(arrived)


async def test_until_leaves_a_loop() -> None:
    debugger = await debugging("total([1, 2, 3])")
    debugger.cursor.jump(2)
    await moves.until(debugger.cursor)
    assert at(debugger) == "line total 9"
    await moves.until(debugger.cursor)
    assert at(debugger) == "line total 10"
    moves.first(debugger.cursor)
    await moves.until(debugger.cursor, 10)
    assert at(debugger) == "line total 10"


async def test_goto_goes_to_the_next_time_a_line_is_reached() -> None:
    debugger = await debugging("total([1, 2])")
    where = [(await moves.goto_line(debugger.cursor, debugger.text, 9), debugger.cursor.index)[1] for _ in range(2)]
    assert where[0] < where[1]
    stayed = await moves.goto_line(debugger.cursor, debugger.text, 9)
    assert stayed.reason is Reason.STAYED
    assert debugger.cursor.index == where[1]
    assert "not reached again" in said(stayed)
    assert f"frame {where[0] + 1}, {where[1] + 1}" in said(stayed)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (99, "has no line 99"),
        (4, "no function has code there"),
        (12, "no function has code there"),
        (14, "no function has code there"),
        (19, "is not reached from here"),
    ],
)
async def test_goto_says_why_a_line_cannot_be_reached_and_stays(line: int, words: str) -> None:
    debugger = await debugging("total([1])")
    await moves.step(debugger.cursor)
    arrived = await moves.goto_line(debugger.cursor, debugger.text, line)
    assert words in said(arrived)
    assert debugger.cursor.index == 1


async def test_goto_a_frame_by_its_number() -> None:
    debugger = await debugging("total([1])")
    await moves.goto_frame(debugger.cursor, 5)
    assert debugger.cursor.index == 4
    arrived = await moves.goto_frame(debugger.cursor, 500)
    assert said(arrived) == f"There is no frame 500: the run has {len(recorded('total([1])'))}."
    assert debugger.cursor.index == 4


async def test_last_and_first() -> None:
    debugger = await debugging("guarded(-1)")
    debugger.breakpoints.add(function="check")
    arrived = await moves.last(debugger.cursor)
    assert at(debugger) == "return guarded 27"
    assert "guarded returned 'negative'" in said(arrived)
    moves.first(debugger.cursor)
    assert at(debugger) == "call guarded 23"


async def test_back_at_the_beginning_says_so() -> None:
    debugger = await debugging("fact(1)")
    assert moves.back(debugger.cursor).reason is Reason.START
    await moves.step(debugger.cursor)
    assert moves.back(debugger.cursor, 5).reason is Reason.START
    assert debugger.cursor.index == 0


async def test_the_ways_back_are_the_ways_there() -> None:
    debugger = await debugging("total([1, 2])")
    await moves.goto_line(debugger.cursor, debugger.text, 3)
    moves.back_out(debugger.cursor)
    assert at(debugger) == "line total 9"
    await moves.step_over(debugger.cursor)
    assert at(debugger) == "line total 8"
    moves.back_over(debugger.cursor)
    assert at(debugger) == "line total 9"


async def test_an_exception_nobody_catches_ends_the_run() -> None:
    debugger = await debugging("check(-1)")
    arrived = await moves.go_on(debugger.cursor)
    assert arrived.reason is Reason.END
    assert "check raised Bad: negative" in said(arrived)


async def test_a_limit_is_said_and_the_frames_before_it_are_kept() -> None:
    entry = "fact(5)"
    world = real(entry, outcome=LimitReached("frames", "10 frames"), frames=recorded(entry)[:10])
    debugger = await debugging(entry, world=world)
    arrived = await moves.go_on(debugger.cursor)
    assert debugger.cursor.index == 9
    assert "A limit ended the run after 10 frames (frames: 10 frames)." in said(arrived)


async def test_looking_further_out_than_the_entry_is_refused() -> None:
    debugger = await debugging("fact(2)")
    await moves.goto_line(debugger.cursor, debugger.text, 32)
    moves.look_out(debugger.cursor, 1)
    with pytest.raises(UsageError):
        moves.look_out(debugger.cursor, 1)
    moves.look_out(debugger.cursor, -1)
    with pytest.raises(UsageError):
        moves.look_out(debugger.cursor, -1)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["total([1, 2])", "fact(4)", "squares(3)", "guarded(-1)"]), st.integers(0, 60))
async def test_next_never_goes_deeper_and_out_always_goes_further_out(entry: str, start: int) -> None:
    debugger = await debugging(entry)
    start = min(start, len(debugger.run.frames) - 1)
    for move, shift in ((moves.step_over, 0), (moves.out, 1)):
        debugger.cursor.jump(start)
        before = debugger.frame
        arrived = await move(debugger.cursor)
        if arrived.reason is Reason.THERE:
            assert debugger.frame.depth <= max(before.depth - shift, 0)
            between = debugger.run.frames[start + 1 : debugger.cursor.index]
            assert all(
                frame.depth > debugger.frame.depth or frame.event is not FrameKind.LINE or shift for frame in between
            )


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["step", "next", "out", "back", "rnext", "rout", "until"]), max_size=25))
async def test_no_order_of_moves_leaves_the_run(names: list[str]) -> None:
    debugger = await debugging("squares(2)")
    cursor = debugger.cursor
    for name in names:
        before = cursor.index
        match name:
            case "step":
                await moves.step(cursor)
            case "next":
                await moves.step_over(cursor)
            case "out":
                await moves.out(cursor)
            case "until":
                await moves.until(cursor)
            case "back":
                moves.back(cursor)
            case "rnext":
                moves.back_over(cursor)
            case "rout":
                moves.back_out(cursor)
        forward = name in ("step", "next", "out", "until")
        assert 0 <= cursor.index < len(debugger.run.frames)
        assert cursor.index >= before if forward else cursor.index <= before
