"""Shares, means and calibration: what is known of them by hand, and what must hold of any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_agent.nano.evaluation.measures import Said, calibration, mean, ranking, share

said = st.lists(st.builds(Said, st.floats(0, 1), st.booleans()), max_size=60)


def test_wilson_for_none_of_ten_and_all_of_ten() -> None:
    none, whole = share(0, 10), share(10, 10)
    assert none is not None
    assert whole is not None
    assert (none.value, none.low, round(none.high, 3)) == (0.0, 0.0, 0.278)
    assert (whole.value, round(whole.low, 3), whole.high) == (1.0, 0.722, 1.0)
    assert share(0, 0) is None
    assert mean([]) is None


@given(st.integers(1, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_a_share_lies_in_its_interval_and_more_cases_narrow_it(numbers: tuple[int, int]) -> None:
    right, of = numbers
    one, more = share(right, of), share(10 * right, 10 * of)
    assert one is not None
    assert more is not None
    assert 0 <= one.low <= one.value <= one.high <= 1
    assert more.high - more.low < one.high - one.low


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=40))
def test_a_mean_lies_in_its_interval_which_is_the_same_each_time(numbers: list[float]) -> None:
    one = mean(numbers)
    assert one is not None
    assert one == mean(list(numbers))
    assert min(numbers) - 1e-9 <= one.low <= one.high <= max(numbers) + 1e-9


def test_who_says_what_is_true_has_no_error_and_who_brags_has() -> None:
    honest = [Said(0.75, n % 4 > 0) for n in range(100)]
    assert calibration(honest).error == 0
    bragging = [Said(1.0, n % 2 > 0) for n in range(100)]
    found = calibration(bragging)
    assert (found.error, found.bins[0].of, found.ranking) == (0.5, 100, 0.5)


@given(said)
def test_calibration_counts_everything_once(each: list[Said]) -> None:
    found = calibration(each)
    assert sum(one.of for one in found.bins) == found.of == len(each)
    assert sum(one.right * one.of for one in found.bins) == pytest.approx(sum(one.right for one in each))
    assert 0 <= found.error <= 1


@given(said)
def test_ranking_is_the_share_of_pairs_in_order(each: list[Said]) -> None:
    right, wrong = [one for one in each if one.right], [one for one in each if not one.right]
    pairs = [(a.confidence > b.confidence) + (a.confidence == b.confidence) / 2 for a in right for b in wrong]
    if not pairs:
        assert ranking(each) is None
    else:
        assert ranking(each) == pytest.approx(sum(pairs) / len(pairs))
