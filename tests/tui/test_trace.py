"""The Trace tab: what the events make of it, and its keys."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from cwm_agent import events
from cwm_agent.core.debugger import moves
from cwm_agent.events import (
    FramesReached,
    ImagineOn,
    PinTrace,
    PredictionScored,
    Progressed,
    PromptAccepted,
    TraceBegan,
    TraceEnded,
    TraceEntry,
)
from cwm_agent.observations import Completed, LimitReached, Origin
from cwm_agent.traces.frames import FrameKind, Trace
from cwm_agent.tui.bridge import show
from cwm_agent.tui.loupe import Loupe
from cwm_agent.tui.picture import Picture, Pinned, Traced
from cwm_agent.tui.render import trace
from cwm_agent.tui.render.action import output_rows
from cwm_agent.tui.render.board import _report
from cwm_agent.tui.render.foot import foresight
from cwm_agent.tui.render.progress import amount
from cwm_agent.tui.render.traced import pinned_rows, traced_rows
from cwm_agent.tui.screens.main import MainScreen
from cwm_agent.tui.screens.source import SourceScreen
from cwm_agent.tui.trace_call import wanted
from cwm_agent.tui.what_if import offered, read
from cwm_agent.tui.widgets.bars import KeyBar
from cwm_agent.tui.widgets.panel import Panel
from cwm_agent.tui.widgets.trace import AskLine, Frames, TraceTab
from cwm_agent.views import words
from tests.tui.stories import (
    ASKED,
    DREAMT,
    FAILED,
    FORETOLD,
    HAPPENED,
    PINNED,
    PINS,
    READY,
    REFUND,
    TRACED,
    ReplaySession,
    app_of,
    frame,
    settled,
    traced,
)

MIDDLE = (120, 36)


def picture(*stories: list) -> Picture:
    made = Picture("payments", "main", lambda: "14:02")
    for story in stories:
        for event in story:
            show(made, event)
    return made


def loupe(*stories: list) -> Loupe:
    made = Loupe(picture(*stories))
    made.refresh()
    return made


def told(block: Traced, width: int = 70) -> list[str]:
    return [row.content.plain for row in traced_rows(block, width)]


def text(made: Loupe, width: int = 60) -> str:
    rows = [
        trace.row(made, place, width, here=number == made.row).content.plain.rstrip()
        for number, place in enumerate(made.places)
    ]
    return "\n".join(rows)


def hint_of(pilot: Pilot) -> str:
    return pilot.app.screen.query_one(KeyBar).render().plain.strip()


def tab_of(pilot: Pilot) -> TraceTab:
    return pilot.app.screen.query_one(TraceTab)


# What events make of the picture


def test_both_halves_of_a_trace_are_one_item() -> None:
    blocks = [block for block in picture(TRACED).blocks if isinstance(block, Traced)]
    assert [block.number for block in blocks] == [1, 2]
    assert told(blocks[0]) == [
        "◇ imagined  fee(Decimal('3.01')) → Decimal('3.01')",
        "◆ ran       fee(Decimal('3.01')) → Decimal('3.01')             as told",
    ]
    imagined, ran, *surprise = told(blocks[1], 96)
    assert imagined == f"◇ imagined  {REFUND} → Decimal('3.01')"
    assert ran.startswith(f"◆ ran       {REFUND} → Decimal('3.00')")
    assert ran.endswith("surprise")
    assert "after line 12 `total` was imagined as Decimal('1.01')" in " ".join(surprise)


def test_a_trace_under_way_and_one_that_was_cut_say_so() -> None:
    began = [TraceBegan(7, Origin.IMAGINED, "f()"), FramesReached(7, Origin.IMAGINED, DREAMT[:3])]
    made = picture(ASKED, began)
    block = made.traces[-1]
    assert told(block) == ["◇ imagining f()  3 frames"]
    show(made, TraceEnded(7, Origin.IMAGINED, LimitReached("tokens")))
    assert told(block) == ["◇ imagined  f()  tokens limit"]
    show(made, TraceBegan(8, Origin.REAL, "g()"))
    show(made, TraceEnded(8, Origin.REAL, Completed(130)))
    assert told(made.traces[-1]) == ["◆ ran       g()  cut short"]


def test_the_meter_counts_the_predictions_of_the_session() -> None:
    assert foresight(picture(ASKED)).plain == ""
    assert foresight(picture(TRACED)).plain == "foresight 50 % of 2"
    more = [PredictionScored("test", "a::b", "passed", "passed", True, "")] * 2
    assert foresight(picture(TRACED, more)).plain == "foresight 75 % of 4"


def test_a_pinned_trace_says_whether_its_value_ran_and_how_the_test_is_run() -> None:
    made = picture(PINNED)
    ran, dreamt = (block.pin for block in made.blocks if isinstance(block, Pinned))
    first, *rest = (row.content.plain for row in pinned_rows(ran, 200))
    assert first == "◆ pinned    test_fee_decimal_3_01_returns"
    assert f"expects the value that ran. The test itself has not run: !python3 -m pytest {PINS}" in " ".join(rest)
    first, *rest = (row.content.plain for row in pinned_rows(dreamt, 200))
    assert first.startswith("◇ pinned")
    assert "a value that facebook/cwm imagined and that never ran" in " ".join(rest)
    assert made.checkpoints[-1].label == "pinned test_fee_decimal_3_01_returns"


def test_frames_of_a_trace_that_never_began_change_nothing() -> None:
    made = picture(ASKED, [FramesReached(9, Origin.REAL, HAPPENED), TraceEnded(9, Origin.REAL, Completed(0))])
    assert made.traces == []
    assert made.scene == "diff"


# What the tab shows


def test_rows_say_once_what_both_say_and_each_what_it_says_otherwise() -> None:
    shown = text(loupe(TRACED), 66)
    assert shown.count("def refund(amounts):") == 1
    assert "+ total = Decimal('0')" in shown
    assert "◇ total° = Decimal('0') → Decimal('1.01')" in shown
    assert "◆ total = Decimal('0') → Decimal('1.00')" in shown
    assert shown.count("◀ first divergence") == 1


def test_while_the_real_trace_grows_the_two_stand_by_number() -> None:
    made = picture(FORETOLD)
    look = Loupe(made)
    look.refresh()
    whole = look.length
    show(made, TraceBegan(2, Origin.REAL, REFUND, "payments/refunds.py"))
    for number in range(len(HAPPENED)):
        show(made, FramesReached(2, Origin.REAL, HAPPENED[number : number + 1]))
        assert look.refresh()
        assert look.length == whole
        grown = text(look)
        again = Loupe(made)
        again.refresh()
        assert grown == text(again)


def test_the_state_marks_what_changed_and_what_differs() -> None:
    made = loupe(TRACED)
    assert made.to_divergence()
    made.move(1)
    shown = [row.content.plain.rstrip() for row in trace.state(made, 60)]
    assert shown[0].startswith("── refund, line 11 ─")
    assert "◇   total° = Decimal('0') → Decimal('1.01')" in shown
    assert "◆   total = Decimal('0') → Decimal('1.00')" in shown
    made.move(100)
    shown = [row.content.plain.rstrip() for row in trace.state(made, 60)]
    assert "◇ ↩ Decimal('3.01')" in shown
    assert "◆ ↩ Decimal('3.00')" in shown


def test_search_goes_round() -> None:
    made = loupe(TRACED)
    assert made.search("QUANTIZE")
    first = made.number
    assert made.search("quantize")
    assert made.number > first
    assert made.search("quantize")
    assert made.number == first
    assert not made.search("nowhere")


def test_what_if_asks_for_what_is_wrong_and_reads_the_answer() -> None:
    made = loupe(TRACED)
    made.to_divergence()
    made.move(1)
    assert offered(made) == "total = Decimal('1.00')"
    assert read(made, "total = 1.5") == ImagineOn(2, Origin.REAL, 4, {"total": "1.5"})
    assert isinstance(read(made, "total 1.5"), str)
    assert isinstance(read(made, "total = (("), str)
    assert isinstance(read(made, "to tal = 1"), str)
    made.move(100)
    assert offered(made) is None
    assert isinstance(read(made, "total = 1"), str)


def test_a_call_is_traced_in_the_file_that_was_changed_or_named() -> None:
    assert wanted(picture(READY), "refund([1, 2])") == TraceEntry("payments/refunds.py", "refund([1, 2])")
    assert wanted(picture(TRACED), "fee(1)") == TraceEntry("payments/refunds.py", "fee(1)")
    assert wanted(picture(ASKED), "a/b.py::f('::')") == TraceEntry("a/b.py", "f('::')")
    assert wanted(picture(READY), "f('::')") == TraceEntry("payments/refunds.py", "f('::')")
    assert wanted(picture(ASKED), "f(1)") == "In which file? /trace path.py::f(1, 2)"
    assert wanted(picture(ASKED), "a.py::") == "Which call? /trace a.py::f(1, 2)"


async def test_of_ten_thousand_frames_only_those_in_view_are_laid_out() -> None:
    many = tuple(frame("line", 11 + number % 2, total=str(number)) for number in range(10_000))
    session = ReplaySession([*ASKED, *traced(1, "f()", Origin.REAL, many)])
    async with app_of(session).run_test(size=MIDDLE) as pilot:
        await settled(pilot)
        await pilot.press(*"/trace", "enter", "end")
        await settled(pilot)
        assert tab_of(pilot).loupe.number == 9_999
        assert 0 < len(pilot.app.screen.query_one(Frames)._made) < 4 * MIDDLE[1]


# Keys


@pytest.fixture
async def pilot():
    session = ReplaySession(TRACED)
    async with app_of(session).run_test(size=MIDDLE) as pilot:
        pilot.session = session
        await settled(pilot)
        await pilot.press(*"/trace", "enter")
        await settled(pilot)
        yield pilot


async def test_the_panel_opens_the_trace_when_frames_arrive_unless_it_is_pinned() -> None:
    session = ReplaySession(FAILED)
    async with app_of(session).run_test(size=MIDDLE) as pilot:
        await settled(pilot)
        panel = pilot.app.screen.query_one(Panel)
        assert panel.tab == "tests"
        await session.say(*traced(1, REFUND, Origin.REAL, HAPPENED))
        await settled(pilot)
        assert panel.tab == "trace"
        await pilot.press(*"/shell", "enter")
        await settled(pilot)
        await session.say(*traced(2, REFUND, Origin.REAL, HAPPENED))
        await settled(pilot)
        assert panel.tab == "shell"


async def test_arrows_step_and_d_goes_to_the_divergence(pilot) -> None:
    look = tab_of(pilot).loupe
    assert isinstance(pilot.app.focused, Frames)
    for keys, number in ((("right", "right", "down"), 3), (("left",), 2), (("end",), 8), (("home",), 0), (("d",), 3)):
        await pilot.press(*keys)
        await settled(pilot)
        assert look.number == number
    assert "d divergence" in hint_of(pilot)
    await pilot.press("escape")
    await settled(pilot)
    assert "d divergence" not in hint_of(pilot)


async def test_other_traces_and_other_tabs_have_keys_of_their_own(pilot) -> None:
    look, panel = tab_of(pilot).loupe, pilot.app.screen.query_one(Panel)
    await pilot.press("comma")
    assert (look.traced.number, look.chosen, look.count) == (1, 0, 2)
    await pilot.press("d")
    await settled(pilot)
    assert "There is no divergence" in hint_of(pilot)
    await pilot.press("full_stop")
    assert look.traced.number == 2
    for key, tab in (("right_square_bracket", "tests"), ("3", "diff"), ("right", "shell"), ("right", "trace")):
        await pilot.press(key)
        await settled(pilot)
        assert panel.tab == tab
    assert isinstance(pilot.app.focused, Frames)


async def test_search_finds_again_with_n(pilot) -> None:
    look = tab_of(pilot).loupe
    await pilot.press("slash", *"2.000", "enter")
    await settled(pilot)
    assert isinstance(pilot.app.focused, Frames)
    first = look.number
    await pilot.press("n")
    assert look.number == first + 1
    await pilot.press("slash", *"nowhere", "enter")
    await settled(pilot)
    assert "Nothing in this trace has nowhere." in hint_of(pilot)
    await pilot.press("slash", "x", "escape")
    await settled(pilot)
    assert not pilot.app.screen.query_one(AskLine).has_class("-open")


async def test_e_imagines_on_with_another_value(pilot) -> None:
    await pilot.press("d", "right", "e")
    await settled(pilot)
    ask = pilot.app.screen.query_one(AskLine)
    assert ask.value == "total = Decimal('1.00')"
    ask.value = "total = Decimal('9')"
    await pilot.press("enter")
    await settled(pilot)
    assert pilot.session.told == [ImagineOn(2, Origin.REAL, 4, {"total": "Decimal('9')"})]
    await pilot.press("end", "e")
    await settled(pilot)
    assert "no locals to change" in hint_of(pilot)


async def test_without_a_world_model_there_is_no_what_if() -> None:
    session = ReplaySession([*ASKED, *traced(1, REFUND, Origin.REAL, HAPPENED)])
    async with app_of(session).run_test(size=MIDDLE) as pilot:
        await settled(pilot)
        await pilot.press(*"/trace", "enter")
        await settled(pilot)
        await pilot.press("e")
        await settled(pilot)
        assert "There is no world model to imagine it" in hint_of(pilot)
        assert session.told == []


async def test_t_asks_for_a_test_and_says_where_to_look(pilot) -> None:
    assert "t pin as test" in hint_of(pilot)
    await pilot.press("t")
    await settled(pilot)
    assert pilot.session.told == [PinTrace(2)]
    assert "The conversation says" in hint_of(pilot)
    await pilot.session.say(PromptAccepted("more"))
    await pilot.press("t")
    await settled(pilot)
    assert "when the agent is done" in hint_of(pilot)


async def test_t_without_a_trace_asks_for_nothing() -> None:
    session = ReplaySession(ASKED)
    async with app_of(session).run_test(size=MIDDLE) as pilot:
        await settled(pilot)
        await pilot.press(*"/trace", "enter", "tab", "t")
        await settled(pilot)
        assert session.told == []


async def test_enter_shows_the_source_and_escape_leaves_it(pilot) -> None:
    await pilot.press("d", "enter")
    await settled(pilot)
    assert isinstance(pilot.app.screen, SourceScreen)
    await pilot.press("escape")
    await settled(pilot)
    assert isinstance(pilot.app.screen, MainScreen)


async def test_a_call_is_sent_to_the_session() -> None:
    session = ReplaySession(READY)
    async with app_of(session).run_test(size=MIDDLE) as pilot:
        await settled(pilot)
        await pilot.press(*"/trace refund([1, 2])", "enter")
        await settled(pilot)
        assert session.told == [TraceEntry("payments/refunds.py", "refund([1, 2])")]


async def test_a_click_goes_to_a_frame(pilot) -> None:
    await pilot.click(Frames, offset=(12, 2))
    await settled(pilot)
    assert tab_of(pilot).loupe.number == 1


async def test_hostile_values_cannot_move_the_cursor() -> None:
    words = "\x1b[2J\x1b]0;x\x07\u202e\n[bold]"
    frames = (
        frame("call", 8, amounts=words),
        frame("return", 13, words),
    )
    session = ReplaySession([*ASKED, *traced(1, words, Origin.REAL, frames)])
    async with app_of(session).run_test(size=MIDDLE) as pilot:
        await settled(pilot)
        svg = pilot.app.export_screenshot()
        assert "\x1b" not in svg
        assert "\u202e" not in svg
        assert "[bold]" in svg


async def test_the_debuggers_moves_go_over_calls_and_out_of_them() -> None:
    """A call of depth 1 stands between two lines of depth 0."""
    depths = (0, 0, 1, 1, 1, 0, 0)
    kinds = ("call", "line", "call", "line", "return", "line", "return")
    frames = tuple(
        replace(frame(kind, 1, "1" if kind == "return" else None), depth=depth)
        for kind, depth in zip(kinds, depths, strict=True)
    )
    made = loupe(traced(1, "f()", Origin.REAL, frames))
    visited = []
    for move in (moves.step_over, moves.step_over, moves.step_over):
        await made.walk(move)
        visited.append(made.number)
    assert visited == [1, 5, 6]
    made.number = 3
    await made.walk(moves.out)
    assert made.number == 5


async def test_o_goes_over_a_call_in_the_panel(pilot) -> None:
    look = tab_of(pilot).loupe
    for key, number in (("o", 1), ("O", 0), ("u", look.length - 1)):
        await pilot.press(key)
        await settled(pilot)
        assert look.number == number


def test_why_a_trace_was_given_up_leaves_the_name_of_the_test_whole() -> None:
    made = picture([])
    test = "toolz/sandbox/tests/test_parallel.py::test_fold"
    show(made, TraceBegan(7, Origin.IMAGINED, test, "toolz/sandbox/tests/test_parallel.py"))
    show(made, TraceEnded(7, Origin.IMAGINED, LimitReached("doubt", "less than 10 % sure of all that it says")))
    (row,) = traced_rows(made.traces[-1], 80)
    assert row.content.plain.rstrip() == "◇ imagined  toolz/…/tests/test_parallel.py::test_fold  too unsure to go on"
    (wide,) = traced_rows(made.traces[-1], 130)
    assert (
        wide.content.plain.rstrip()
        == f"◇ imagined  {test}  too unsure to go on: less than 10 % sure of all that it says"
    )


def test_what_is_said_of_a_test_is_seen_where_its_path_is_long() -> None:
    test = "toolz/sandbox/tests/test_parallel.py::test_fold_of_many_things"
    rows = output_rows([f"{test}: no prediction: less than 10 % sure of it", "x" * 90], 80, "", folded_=True)
    assert [row.content.plain for row in rows] == [
        "  │ test_parallel.py::test_fold_…ny_things: no prediction: less than 10 % sure …",
        f"  │ {'x' * 75}…",
    ]


def test_the_name_of_a_file_is_whole_on_the_board_or_not_there() -> None:
    name = "TestInterleave::test_degenerate_one"
    failed = events.TestsReported(1, Origin.REAL, "pytest -q", 3, 1, (f"tests/test_more.py::{name}",))
    shown = [[row.content.plain for row in _report(failed, width)][-1] for width in (80, 54, 45)]
    assert shown == [f" ✗ {name}  tests/test_more.py", f" ✗ {name}  test_more.py", f" ✗ {name}  "]


def test_of_an_exception_the_beginning_is_told() -> None:
    end = replace(HAPPENED[-1], event=FrameKind.EXCEPTION, value="AssertionError: Lists differ: [1] != [2]\n\nFirst")
    _, said, *_ = words.ending(Trace((*HAPPENED[:-1], end)), Completed(1), 32)
    assert said.text == "AssertionError: Lists di"


def test_one_of_a_kind_is_one() -> None:
    assert [amount(Progressed("trying", n, None, "candidates")) for n in (0, 1, 2)] == [
        "0 candidates",
        "1 candidate",
        "2 candidates",
    ]


def test_a_call_that_runs_no_line_says_what_to_trace_instead() -> None:
    made = picture([TraceBegan(7, Origin.REAL, "partition_all(2, [1])"), TraceEnded(7, Origin.REAL, Completed(0))])
    assert told(made.traces[-1], 120)[0].startswith(
        "◆ ran       partition_all(2, [1])  no line of the repository ran (a"
    )
    assert words.ending(Trace(()), Completed(0))[0].text == words.NO_LINE
