"""What there is to see where the cursor stands, and where moves stop."""

from __future__ import annotations

import pytest

from cwm_agent.core.debugger import looking, moves
from cwm_agent.core.debugger.cursor import Reason
from cwm_agent.core.debugger.lines import same_file, text_of
from cwm_agent.errors import UsageError
from cwm_agent.observations import Mode, Origin
from cwm_agent.traces.frames import Basis
from tests.unit.core.debugger.stage import PATH, Dreaming, at, debugging, guessed, recorded, said


async def test_the_stack_of_a_recursion_and_the_locals_of_each_call() -> None:
    debugger = await debugging("fact(3)")
    await moves.goto_line(debugger.cursor, debugger.text, 32)
    assert [(level.function, level.line) for level in looking.levels(debugger)] == [
        ("fact", 33),
        ("fact", 33),
        ("fact", 32),
    ]
    shown = []
    for _ in range(3):
        shown.append(looking.names(debugger)[0].values["n"])
        if len(shown) < 3:
            moves.look_out(debugger.cursor, 1)
    assert shown == ["1", "2", "3"]
    await moves.step(debugger.cursor)
    assert debugger.cursor.up == 0


async def test_at_a_return_the_locals_are_those_before_its_line() -> None:
    debugger = await debugging("total([1])")
    await moves.out(debugger.cursor)
    (names,) = looking.names(debugger)
    assert names.late
    assert names.values == {"xs": "[1]", "t": "2", "x": "1"}


async def test_after_a_generator_gave_control_back_it_is_no_longer_on_the_stack() -> None:
    debugger = await debugging("squares(1)")
    await moves.goto_line(debugger.cursor, debugger.text, 46)
    assert [level.function for level in looking.levels(debugger)] == ["squares"]


async def test_an_expression_in_both_worlds() -> None:
    frames = list(recorded("total([1])"))
    frames[6] = guessed(frames[6], m="5")
    debugger = await debugging("total([1])", mode=Mode.VERIFY, dreaming=Dreaming(frames))
    await moves.diverge(debugger.cursor)
    assert looking.value(debugger, "m + n") == {Origin.IMAGINED: "6", Origin.REAL: "3"}
    imagined, real = looking.names(debugger)
    assert (imagined.basis, real.basis) == ({"m": Basis.FREE}, {})
    assert all(isinstance(each, UsageError) for each in looking.value(debugger, "zz").values())


async def test_a_listing_marks_the_line_and_the_breakpoints() -> None:
    debugger = await debugging("total([1])")
    debugger.breakpoints.add(file=PATH, line=9)
    await moves.step(debugger.cursor)
    lines = looking.source(debugger)
    assert [line.number for line in lines] == list(range(2, 13))
    assert [line.number for line in lines if line.current] == [7]
    assert [line.number for line in lines if line.breakpoint] == [9]
    assert [line.text for line in looking.source(debugger, 46, 60)] == ["        out.append(k * k)", "    return out"]


async def test_a_file_that_is_not_at_hand_shows_the_lines_that_ran() -> None:
    debugger = await debugging("total([1])")
    text = text_of("other.py", {}, [])
    assert text.lines == [""]
    assert text_of("f.py", {}, debugger.run.frames).lines[6] == "    t = 0"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("a.py", "a.py", True), ("a.py", "src/a.py", True), ("a.py", "ba.py", False), ("", "a.py", True)],
)
def test_which_names_mean_one_file(one: str, other: str, same: bool) -> None:
    assert same_file(one, other) is same
    assert same_file(other, one) is same


async def test_a_breakpoint_stops_each_time_and_a_condition_only_where_it_holds() -> None:
    debugger = await debugging("total([1, 2, 3])")
    debugger.breakpoints.add(file=PATH, line=2, condition="n == 2")
    arrived = await moves.go_on(debugger.cursor)
    assert arrived.reason is Reason.BREAKPOINT
    assert said(arrived) == "Breakpoint 1 at f.py:2: n == 2."
    assert debugger.frame.locals["n"] == "2"
    assert (await moves.go_on(debugger.cursor)).reason is Reason.END
    debugger.breakpoints.add(file=PATH, line=2)
    moves.first(debugger.cursor)
    hits = 0
    while (await moves.go_on(debugger.cursor)).reason is Reason.BREAKPOINT:
        hits += 1
    assert hits == 3
    assert moves.back_on(debugger.cursor).reason is Reason.BREAKPOINT
    assert debugger.frame.locals["n"] == "3"


async def test_a_condition_that_cannot_be_told_stops_and_says_so() -> None:
    debugger = await debugging("total([1])")
    debugger.breakpoints.add(file=PATH, line=2, condition="zz > 1")
    arrived = await moves.go_on(debugger.cursor)
    assert at(debugger) == "line double 2"
    assert "its condition cannot be told: No local `zz` here." in said(arrived)


async def test_a_breakpoint_on_a_function_stops_where_it_is_called() -> None:
    debugger = await debugging("guarded(-1)")
    debugger.breakpoints.add(function="check")
    await moves.go_on(debugger.cursor)
    assert at(debugger) == "call check 17"


async def test_breakpoints_are_numbered_replaced_and_deleted() -> None:
    debugger = await debugging("fact(1)")
    points = debugger.breakpoints
    first, second = points.add(file=PATH, line=31), points.add(function="fact")
    assert points.add(file=PATH, line=31, condition="n > 1").number == first.number
    assert points.lines_in("project/f.py") == {31}
    points.remove(first.number)
    assert list(points.all) == [second.number]
    with pytest.raises(UsageError):
        points.remove(first.number)
    assert points.add(file=PATH, line=31).number == 3


async def test_a_watched_value_stops_the_way_on_where_it_changes_in_its_own_call() -> None:
    debugger = await debugging("total([1, 2])")
    debugger.breakpoints.watched.append("t")
    values = []
    while (arrived := await moves.go_on(debugger.cursor)).reason is Reason.WATCH:
        values += [(each.old, each.new) for each in arrived.changes]
    assert values == [(None, "0"), ("0", "2"), ("2", "6")]
    moves.first(debugger.cursor)
    await moves.step_over(debugger.cursor)
    arrived = await moves.step_over(debugger.cursor)
    assert [(each.expression, each.new) for each in arrived.changes] == [("t", "0")]


async def test_the_table_tells_what_is_new_in_each_frame() -> None:
    debugger = await debugging("total([1])")
    await moves.step(debugger.cursor)
    rows = looking.rows(debugger)
    assert [row.changed for row in rows[:4]] == [("xs",), (), ("t",), ("x",)]
    assert [row.number for row in rows if row.here] == [2]
    assert {row.speakers for row in rows} == {(Origin.REAL,)}
