"""Two traces side by side: the first divergence, the scores, and the sentence."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_agent.traces.align import align
from cwm_agent.traces.compare import compare, normalised
from cwm_agent.traces.divergence import SHOWN, Difference, Divergence, cut
from cwm_agent.traces.frames import Frame, FrameKind, Trace
from tests.unit.traces.record import record
from tests.unit.traces.strategies import lean, traces

SOURCE = """\
def total(xs):
    total = 0
    for x in xs:
        total += x
    return round(total, 2)
"""
REAL = record(SOURCE, "total([1, 2])")


def changed(number: int, **fields: object) -> Trace:
    frames = list(REAL.frames)
    frames[number] = msgspec.structs.replace(frames[number], **fields)
    return Trace(tuple(frames))


def diverges(imagined: Trace, real: Trace = REAL) -> Divergence:
    found = compare(imagined, real)
    assert found.first_divergence is not None
    assert not found.exact
    assert found.frames_before_divergence == found.first_divergence.frame
    return found.first_divergence


def test_a_run_agrees_with_itself() -> None:
    found = compare(REAL, REAL)
    assert (found.exact, found.return_exact, found.first_divergence) == (True, True, None)
    assert (found.frames_before_divergence, found.state_accuracy, found.line_accuracy) == (9, 1.0, 1.0)
    assert found.sentence == "Agrees in all 9 frames: both return 3."


def test_a_wrong_local_names_the_line_that_made_it() -> None:
    assert REAL.frames[5].line == 4
    found = compare(changed(5, locals={**REAL.frames[5].locals, "total": "1.01"}), REAL)
    assert found.first_divergence == Divergence(
        kind=Difference.LOCALS, frame=5, line=4, cause=3, variable="total", imagined="1.01", real="1"
    )
    assert found.sentence == "Agrees for 5 frames; after line 3 `total` was imagined as 1.01 and is 1."
    assert (found.return_exact, found.line_accuracy, found.state_accuracy) == (True, 1.0, 7 / 8)


def test_a_local_too_many_or_too_few() -> None:
    locals_ = REAL.frames[3].locals
    found = diverges(changed(3, locals={**locals_, "y": "1"}))
    assert (found.variable, found.imagined, found.real) == ("y", "1", None)
    found = diverges(changed(3, locals={"total": "0", "xs": locals_["xs"]}))
    assert (found.variable, found.imagined, found.real) == ("x", None, "1")


def test_the_order_of_locals_and_addresses_do_not_count() -> None:
    locals_ = REAL.frames[3].locals
    assert compare(changed(3, locals=dict(reversed(locals_.items()))), REAL).exact
    assert normalised("<object at 0x7f12ab34>") == normalised("<object at 0x…>") == "<object at 0x…>"
    assert normalised("[1, 2]") != normalised("[1,2]")


def test_a_wrong_line_event_or_value() -> None:
    found = diverges(changed(3, line=5, source="    return round(total, 2)"))
    assert (found.kind, found.frame, found.line, found.cause) == (Difference.LINE, 3, 4, 3)
    found = diverges(changed(3, event=FrameKind.RETURN, value="7", locals={}))
    assert (found.kind, found.imagined, found.real) == (Difference.EVENT, "the return of 7 at line 4", "line 4")
    comparison = compare(changed(8, value="4"), REAL)
    assert comparison.sentence == "Agrees for 8 frames; at line 5 the returned value was imagined as 4 and is 3."
    assert not comparison.return_exact
    assert comparison.state_accuracy == 1.0


def test_a_line_that_could_not_be_placed_counts_by_its_text() -> None:
    assert compare(changed(3, line=None), REAL).exact
    assert diverges(changed(3, line=None, source="        total -= x")).kind is Difference.LINE


def test_one_ends_before_the_other() -> None:
    short = Trace(REAL.frames[:4])
    assert compare(short, REAL).sentence == (
        "Agrees for 4 frames; there the imagined run ends, and the real one goes on with line 3."
    )
    assert diverges(short).kind is Difference.MISSING
    assert diverges(REAL, short).kind is Difference.EXTRA


def test_what_was_cut_short_has_not_diverged() -> None:
    found = compare(Trace(REAL.frames[:4], complete=False), REAL)
    assert (found.first_divergence, found.exact, found.return_exact) == (None, False, False)
    assert found.sentence == "Agrees for 4 frames; then the imagined run was cut short."
    assert (found.line_accuracy, found.state_accuracy) == (1.0, 1.0)
    assert compare(REAL, Trace(REAL.frames[:4], complete=False)).first_divergence is None
    assert "imagined run has no frames" in compare(Trace((), complete=False), REAL).sentence


def test_an_exception_is_how_a_run_ends() -> None:
    failed = record(SOURCE, "total(['x'])")
    found = compare(failed, failed)
    assert found.sentence.startswith("Agrees in all 6 frames: both raise TypeError: unsupported operand")
    assert found.return_exact
    assert not compare(REAL, failed).return_exact
    hopeful = compare(changed(4, value=None), Trace((*REAL.frames[:4], failed.frames[4], failed.frames[5])))
    assert hopeful.sentence.startswith("Agrees for 4 frames; then line 3 was imagined, and in fact came TypeError: ")


def test_after_a_skipped_iteration_the_rest_is_aligned() -> None:
    longer = record(SOURCE, "total([1, 1, 1])")
    shorter = record(SOURCE, "total([1, 1])")
    found = compare(shorter, longer)
    assert sum(1 for guess, _ in found.pairs if guess is None) == 2
    assert found.line_accuracy == 9 / 11


def test_a_long_value_is_shown_where_it_differs() -> None:
    one = str(list(range(100)))
    other = one.replace("80,", "-1,")
    assert len(cut(one, other)) <= SHOWN
    assert "80, 81" in cut(one, other)
    assert "-1, 81" in cut(other, one)
    assert cut("a\x1b[31m") == "a␛[31m"


@lean
@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_an_alignment_is_in_order_and_pairs_equals(left: list[str], right: list[str]) -> None:
    pairs = align(left, right)
    assert [a for a, _ in pairs if a is not None] == list(range(len(left)))
    assert [b for _, b in pairs if b is not None] == list(range(len(right)))
    assert all(left[a] == right[b] for a, b in pairs if a is not None and b is not None)
    assert len(left) + len(right) - len(pairs) == longest_common(left, right)


def longest_common(left: list[str], right: list[str]) -> int:
    table = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            table[i + 1][j + 1] = table[i][j] + 1 if a == b else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


def test_traces_without_anything_in_common_are_paired_by_position_in_bounded_time() -> None:
    pairs = align(["a"] * 20_000, ["b"] * 20_001)
    assert pairs[:2] == [(0, 0), (1, 1)]
    assert pairs[-1] == (None, 20_000)


@lean
@given(traces(), traces())
def test_any_two_traces_can_be_compared(one: Trace, other: Trace) -> None:
    assert compare(one, one).exact
    found = compare(one, other)
    assert found.exact == (found.first_divergence is None)
    assert "\n" not in found.sentence
    assert found.sentence.endswith(".")
    assert 0 <= found.line_accuracy <= 1
    assert 0 <= found.state_accuracy <= 1


@pytest.mark.parametrize("frame", REAL.frames)
def test_every_frame_of_a_real_run_is_whole(frame: Frame) -> None:
    assert frame.line
    assert frame.source == SOURCE.split("\n")[frame.line - 1]
