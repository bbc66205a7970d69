"""A predicted line is placed by the flow: told when there is one possibility, and never guessed."""

from __future__ import annotations

import pytest

from cwm_agent.traces.frames import FrameKind
from cwm_agent.traces.locals import shorten
from cwm_agent.traces.place import Place, Placer, Successors
from cwm_agent.traces.raw import RawFrame
from tests.unit.traces.programs import PROGRAMS
from tests.unit.traces.record import anywhere, observed, record

BRANCH = """\
def f(a):
    if a:
        x = 1
        y = 2
    else:
        x = 1
        z = 3
    return x
"""
FLOW = {1: {2}, 2: {3, 6}, 3: {4}, 4: {8}, 6: {7}, 7: {8}}


def flow(edges: dict[int, set[int]]) -> Successors:
    return lambda _name, line: edges.get(line, set())


def call(source: str, **locals_: str) -> RawFrame:
    return RawFrame(event=FrameKind.CALL, source=source + "\n", locals=locals_)


def line(source: str) -> RawFrame:
    return RawFrame(event=FrameKind.LINE, source=source + "\n")


def back(source: str) -> RawFrame:
    return RawFrame(event=FrameKind.RETURN, source=source + "\n", value="None")


def raised(source: str) -> RawFrame:
    return RawFrame(event=FrameKind.EXCEPTION, source=source + "\n", value="E: e")


def lines(placer: Placer, *frames: RawFrame) -> list[int | None]:
    return [placer.place(frame).line for frame in frames]


def test_twin_lines_of_two_branches_are_unsure_until_the_next_line_tells() -> None:
    steps = [call("def f(a):", a="1"), line("    if a:"), line("        x = 1")]
    placer = Placer(BRANCH, flow(FLOW))
    assert lines(placer, *steps) == [1, 2, None]
    assert placer.possible() == {3, 6}
    assert placer.next_lines() == {4, 7}
    assert lines(placer, line("        z = 3"), line("    return x"), back("    return x")) == [7, 8, 8]
    assert placer.ended


def test_the_second_twin_is_found_where_the_flow_leads_there() -> None:
    narrow = Placer(BRANCH, flow({**FLOW, 2: {6}}))
    assert lines(narrow, call("def f(a):", a="0"), line("    if a:"), line("        x = 1")) == [1, 2, 6]


def test_the_start_marker_may_be_repeated_or_not() -> None:
    marked = BRANCH.replace("def f(a):", "def f(a):  # << START_OF_TRACE")
    for first in ("def f(a):", "def f(a):  # << START_OF_TRACE"):
        assert Placer(marked, flow(FLOW)).place(call(first, a="1")) == Place("f", 1, 0)


def test_only_the_marker_is_taken_off_a_line() -> None:
    source = "def f(TRACE):\n    return TRACE\n    return TRACE_OF_START\n"
    placer = Placer(source, flow({1: {2, 3}}))
    assert lines(placer, call("def f(TRACE):", TRACE="1"), line("    return TRACE")) == [1, 2]


def test_a_line_that_the_source_does_not_have_is_placed_nowhere_and_the_next_is_found() -> None:
    placer = Placer(BRANCH, flow(FLOW))
    assert lines(placer, call("def f(a):", a="1"), line("    while a:"), line("        z = 3")) == [1, None, 7]
    assert lines(placer, line("    return x")) == [8]


def test_a_line_past_the_flow_is_placed_only_where_it_is_the_only_one() -> None:
    placer = Placer(BRANCH, flow(FLOW))
    assert lines(placer, call("def f(a):", a="1"), line("    return x")) == [1, 8]
    assert lines(placer, line("        x = 1")) == [None]


def test_the_same_line_of_another_function_is_not_taken() -> None:
    source = "def g():\n    return 1\n\ndef f():\n    x = g()\n    return 1\n"
    edges = flow({1: {2}, 4: {5}, 5: {6}})
    placer = Placer(source, edges)
    steps = [call("def f():"), line("    x = g()"), call("def g():"), line("    return 1"), back("    return 1")]
    assert lines(placer, *steps) == [4, 5, 1, 2, 2]
    assert placer.place(line("    return 1")) == Place("f", 6, 0)


def test_recursion_returns_to_the_callers_line() -> None:
    source = "def f(n):\n    if n:\n        x = f(n - 1)\n        return x\n    return 0\n"
    edges = flow({1: {2}, 2: {3, 5}, 3: {4}})
    placer = Placer(source, edges)
    for depth in range(3):
        assert placer.place(call("def f(n):", n="1")) == Place("f", 1, depth)
        assert lines(placer, line("    if n:")) == [2]
        if depth < 2:
            assert lines(placer, line("        x = f(n - 1)")) == [3]
    assert lines(placer, line("    return 0"), back("    return 0")) == [5, 5]
    for depth in (1, 0):
        assert placer.place(line("        return x")) == Place("f", 4, depth)
        assert placer.place(back("        return x")) == Place("f", 4, depth)


UNWIND = """\
def low():
    raise E


def mid():
    low()


def top():
    try:
        mid()
    except E:
        return 1
"""
UNWIND_FLOW = flow({1: {2}, 5: {6}, 9: {10}, 10: {11}, 11: {12}, 12: {13}})
DOWN = [call("def top():"), line("    try:"), line("        mid()"), call("def mid():"), line("    low()")]
DOWN += [call("def low():"), line("    raise E"), raised("    raise E")]


@pytest.mark.parametrize(
    "unwinding",
    [
        [back("    raise E"), raised("    low()"), back("    low()"), raised("        mid()")],
        [raised("    low()"), raised("        mid()")],
        [],
    ],
)
def test_an_exception_unwinds_to_its_handler_however_it_is_told(unwinding: list[RawFrame]) -> None:
    placer = Placer(UNWIND, UNWIND_FLOW)
    for frame in [*DOWN, *unwinding]:
        assert placer.place(frame).line is not None
    assert placer.place(line("    except E:")) == Place("top", 12, 0)
    assert placer.place(line("        return 1")) == Place("top", 13, 0)


def test_methods_that_read_alike_are_told_apart_by_the_calling_line_or_by_their_bodies() -> None:
    source, _ = PROGRAMS["twins"]
    real = record(source, "pack(1)")
    placer = Placer(source, observed(real))
    assert [placer.place(raw).line for raw in shorten(real.frames)] == [frame.line for frame in real.frames]
    blind = source.replace("Crate(n)", "make(n)") + "make = Crate\n"
    real = record(blind, "pack(1)")
    start = next(at for at, frame in enumerate(real.frames) if frame.function == "__init__")
    sure, unsure = Placer(blind, observed(real)), Placer(blind, anywhere(blind))
    places = [(sure.place(raw).line, unsure.place(raw).line) for raw in shorten(real.frames)]
    assert places[start : start + 3] == [(None, None), (11, None), (11, None)]


def test_a_generator_is_resumed_where_it_was_left() -> None:
    source = "def g():\n    yield 1\n    x = 1\n    yield 1\n"
    placer = Placer(source, flow({1: {2}, 2: {3}, 3: {4}}))
    steps = [call("def g():"), line("    yield 1"), back("    yield 1")]
    assert lines(placer, *steps) == [1, 2, 2]
    assert lines(placer, call("    yield 1"), line("    x = 1"), line("    yield 1")) == [2, 3, 4]


def test_a_source_that_does_not_parse_has_no_places() -> None:
    placer = Placer("def f(:\n    x = 1\n", flow({}))
    assert lines(placer, call("def f(:"), line("    x = 1"), back("    x = 1")) == [None, None, None]


def test_frames_out_of_order_do_not_raise() -> None:
    placer = Placer(BRANCH, flow(FLOW))
    assert lines(placer, line("    if a:"), raised("    if a:"), back("    if a:"), back("    if a:")) == [None] * 4


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_real_run_is_placed_without_a_wrong_line(name: str) -> None:
    source, entry = PROGRAMS[name]
    entry = "pack(2)" if name == "twins" else entry
    real = record(source, entry)
    frames = shorten(real.frames)
    exact, loose = Placer(source, observed(real)), Placer(source, anywhere(source))
    for raw, frame in zip(frames, real.frames, strict=True):
        assert exact.place(raw) == Place(frame.function, frame.line, frame.depth)
        assert loose.place(raw).line in (frame.line, None)
