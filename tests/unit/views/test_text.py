"""What a terminal shows of traces. After a change on purpose: GOLDEN=write pytest tests/unit/views."""

from __future__ import annotations

import io
import math
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Console

from cwm_agent import views
from cwm_agent.observations import Completed, LimitReached, Origin, Unreadable
from cwm_agent.text import printable_line
from cwm_agent.traces.compare import compare
from cwm_agent.traces.frames import Basis, Frame, FrameKind, Trace
from cwm_agent.views.lay_out import lines
from cwm_agent.views.spans import cells, middle, plain
from cwm_agent.views.view import TraceView
from tests.unit.traces.strategies import traces
from tests.unit.views.programs import DEEP, NESTED, VIEWS, both, one, real

GOLDEN = Path(__file__).parents[2] / "golden" / "views"
lean = settings(deadline=None, max_examples=60)


def shown(view: TraceView, width: int, **options: object) -> str:
    out = io.StringIO()
    views.text(view, Console(file=out, width=width, **options))  # type: ignore[arg-type]
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", VIEWS)
def test_looks_as_it_was_approved(name: str, width: int) -> None:
    text = shown(VIEWS[name](), width)
    path = GOLDEN / f"{name}-{width}.txt"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@lean
@given(imagined=traces(), ran=traces(), subject=st.text(max_size=60), width=st.integers(50, 160))
def test_no_line_is_wider_than_the_terminal_and_none_can_move_its_cursor(
    imagined: Trace, ran: Trace, subject: str, width: int
) -> None:
    pair = TraceView(subject=subject, imagined=imagined, real=ran, comparison=compare(imagined, ran))
    for view in (pair, TraceView(subject=subject, real=ran), TraceView(subject=subject, imagined=imagined)):
        for line in lines(view, width):
            assert cells(line) <= width
            text = plain(line)
            assert printable_line(text) == text
            assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in text)


@lean
@given(value=st.text(), room=st.integers(0, 60))
def test_a_value_is_cut_to_its_room(value: str, room: int) -> None:
    text = middle(value, room)
    assert cell_len(text) <= room
    if len(printable_line(value)) == cell_len(printable_line(value)) <= room:
        assert text == printable_line(value)


def test_a_long_value_keeps_both_ends_and_tells_how_much_is_missing() -> None:
    text = middle("[" + "7, " * 5000 + "8]", 30)
    assert text.startswith("[7, 7, ")
    assert text.endswith(" 8]")
    missing = int(text.split("…")[1].replace(",", ""))
    assert missing + len(text) - len(f"…{missing:,}…") == 15_003


def test_without_colour_nothing_is_lost() -> None:
    view = both()
    assert shown(view, 120, no_color=True, force_terminal=True, color_system="standard").count("\x1b[3") == 0
    text = shown(view, 120)
    for sign in ("◇ IMAGINED", "◆ RAN", "+ sum° = 0", "x° = 1 → 2", "− row", "≠", "◀ first divergence"):
        assert sign in text


def test_the_headline_says_what_it_is_and_how_it_ended() -> None:
    trace = real(NESTED, "total([1, 2, 3])")
    assert shown(one(NESTED, "total([1, 2, 3])"), 80).splitlines()[0] == (
        "◆ RAN  total([1, 2, 3])  ·  32 frames  ·  returned 12"
    )
    raised = shown(one(NESTED, "check(1)"), 80).splitlines()[0]
    assert raised == "◆ RAN  check(1)  ·  4 frames  ·  raised ValueError: bad 1"
    cut = Trace(trace.frames[:5], complete=False)
    for outcome, words in (
        (LimitReached("frames"), "stopped at its frames limit"),
        (Unreadable("x", "no separator"), "unreadable: no separator"),
        (Completed(137), "cut short, exit code 137"),
    ):
        view = TraceView(subject="f()", imagined=cut, outcomes={Origin.IMAGINED: outcome})
        assert shown(view, 80).startswith("◇ IMAGINED  f()")
        assert words in shown(view, 80).splitlines()[0]


@pytest.mark.parametrize("width", [80, 120])
def test_the_first_divergence_is_marked_once_on_the_line_that_made_it(width: int) -> None:
    lines = shown(both(), width).splitlines()
    marked = [number for number, line in enumerate(lines) if "◀ first divergence" in line]
    assert len(marked) == 1
    around = "\n".join(lines[marked[0] - 2 : marked[0] + 1])
    assert "after line 9" in around
    assert "2 → 7" in around
    assert "2 → 6" in around


def test_every_kind_of_divergence_is_marked() -> None:
    trace = real(DEEP, "down(2)")
    frames = trace.frames

    def changed(number: int, **values: object) -> Trace:
        made = {name: getattr(frames[number], name) for name in frames[number].__struct_fields__} | values
        return Trace((*frames[:number], Frame(**made), *frames[number + 1 :]))

    for imagined in (
        changed(2, line=5, source='    return "x" * 300'),
        changed(1, event=FrameKind.EXCEPTION, value="ValueError"),
        changed(0, locals={"n": "3"}),
        changed(len(frames) - 1, value="'y'"),
        Trace(frames[:-2]),
        Trace((*frames, frames[-1])),
    ):
        view = TraceView(subject="down(2)", imagined=imagined, real=trace, comparison=compare(imagined, trace))
        for width in (80, 120):
            assert shown(view, width).count("◀ first divergence") == 1


def test_a_prediction_that_came_true_says_so() -> None:
    trace = real(NESTED, "double(4)")
    text = shown(TraceView(subject="double(4)", imagined=trace, real=trace), 80)
    assert "✓ Agrees in all 3 frames: both return 8." in text
    assert "≠" not in text.split("✓")[0]


def test_ten_thousand_frames_are_a_text_that_can_be_read() -> None:
    source = "def count(n):\n    total = 0\n    while n:\n        n -= 1\n        total += n\n    return total\n"
    trace = real(source, "count(3300)")
    assert len(trace.frames) > 9000
    lines = shown(TraceView(subject="count(3300)", real=trace), 80).splitlines()
    assert len(lines) < 40
    assert any("3,294 more rounds, 9,882 frames" in line for line in lines)


def test_a_recursion_without_loops_is_cut_in_the_middle() -> None:
    source = "def fib(n):\n    if n < 2:\n        return n\n    return fib(n - 1) + fib(n - 2)\n"
    lines = shown(TraceView(subject="fib(14)", real=real(source, "fib(14)")), 80).splitlines()
    assert len(lines) < 900
    assert any("frames left out" in line for line in lines)
    assert "377" in lines[-3]


def test_no_trace_at_all_shows_nothing() -> None:
    assert shown(TraceView(subject="f()"), 80) == ""


def doubted(logprob: float) -> TraceView:
    head = Frame(
        event=FrameKind.CALL, file="f.py", function="f", line=1, depth=0, source="def f(a):", locals={"a": "1"}
    )
    head = replace(head, basis={"<line>": Basis.FORCED, "a": Basis.FORCED})
    first = replace(head, event=FrameKind.LINE, line=2, source="    b = g(a)")
    after = replace(head, event=FrameKind.LINE, line=3, source="    return b", locals={"a": "1", "b": "7" * 300})
    after = replace(after, basis=after.basis | {"b": Basis.FREE}, logprobs={"b": logprob, "<line>": -0.001})
    left = replace(after, event=FrameKind.RETURN, locals={}, value="'x'", basis={"<value>": Basis.FREE})
    left = replace(left, logprobs={"<value>": -0.001})
    return TraceView(subject="f(1)", imagined=Trace((head, first, after, left)))


@pytest.mark.parametrize("width", [50, 80, 120])
def test_a_value_in_doubt_says_how_sure_the_model_was_and_the_trace_does_of_all(width: int) -> None:
    text = shown(doubted(math.log(0.62)), width)
    assert "b°62% =" in text
    assert "'x'°\n" in text
    assert "°99%" not in text
    assert width == 50 or "61 % sure" in text
    assert "how sure it is" in text
    assert all(cell_len(line) <= width for line in text.splitlines())


def test_what_is_sure_is_not_put_in_doubt() -> None:
    text = shown(doubted(-0.01), 100)
    assert "b° =" in text
    assert "98 % sure" in text
    assert "how sure it is" not in text
    assert "less than 1 % sure" in shown(doubted(-20.0), 100)
    assert "b°0% =" in shown(doubted(-20.0), 100)
