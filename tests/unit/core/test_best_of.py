"""The choice among patches: what decides, in which order, and that the order of the input decides nothing."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_agent.core.best_of import MOST_AGREED, Attempt, Ran, agreed, reason, select

KEPT = frozenset({"a", "b", "c"})
ids = st.frozensets(st.sampled_from("abcd"))


@st.composite
def contests(draw: st.DrawFn) -> tuple[list[Attempt], dict[str, Ran], list[str]]:
    patches = draw(st.lists(st.sampled_from("PQRS"), min_size=1, max_size=6))
    attempts = [Attempt(at, patch, draw(st.integers(0, 3))) for at, patch in enumerate(patches, 1)]
    tests = draw(st.lists(st.sampled_from("123456789"), unique=True))
    passed = st.frozensets(st.sampled_from(tests)) if tests else st.just(frozenset[str]())
    ran = {patch: Ran(draw(ids), draw(ids), draw(passed)) for patch in set(patches)}
    return attempts, ran, tests


@given(contests(), st.randoms())
def test_the_order_of_the_input_makes_no_difference(
    contest: tuple[list[Attempt], dict[str, Ran], list[str]], chance: random.Random
) -> None:
    attempts, ran, tests = contest
    counted = agreed(tests, ran)
    shuffled = [chance.sample(attempts, len(attempts)), dict(chance.sample(list(ran.items()), len(ran)))]
    again = agreed(chance.sample(tests, len(tests)), shuffled[1])  # type: ignore[arg-type]
    assert again == counted
    assert select(shuffled[0], shuffled[1], again) == select(attempts, ran, counted)  # type: ignore[arg-type]


@given(contests())
def test_no_patch_keeps_more_than_the_winner(contest: tuple[list[Attempt], dict[str, Ran], list[str]]) -> None:
    attempts, ran, tests = contest
    choice = select(attempts, ran, agreed(tests, ran))
    assert choice is not None
    won = next(each for each in attempts if each.rollout == choice.winner)
    assert len(ran[won.patch].kept) == max(len(ran[each.patch].kept) for each in attempts)
    assert won.tokens == min(each.tokens for each in attempts if each.patch == won.patch)


@given(contests())
def test_more_of_the_same_patch_never_harms_it(contest: tuple[list[Attempt], dict[str, Ran], list[str]]) -> None:
    attempts, ran, tests = contest
    counted = agreed(tests, ran)
    choice = select(attempts, ran, counted)
    assert choice is not None
    won = next(each for each in attempts if each.rollout == choice.winner)
    more = select([*attempts, Attempt(99, won.patch, won.tokens + 1)], ran, counted)
    assert more is not None
    assert more.winner == choice.winner


@given(contests())
def test_the_tests_that_count_are_few_and_tell_something(
    contest: tuple[list[Attempt], dict[str, Ran], list[str]],
) -> None:
    _, ran, tests = contest
    counted = agreed(tests, ran)
    assert len(counted) <= MOST_AGREED
    assert len(set(counted)) == len(counted)
    assert all(any(test in each.passed for each in ran.values()) for test in counted)


def test_without_a_patch_there_is_no_winner() -> None:
    assert select([], {}, ()) is None
    assert reason(None, 3, 0, 0) == "No rollout came to a patch."


@pytest.mark.parametrize(
    ("better", "worse", "decided"),
    [
        (Ran(KEPT), Ran(frozenset("ab"), KEPT, KEPT), "kept"),
        (Ran(KEPT, frozenset("x")), Ran(KEPT, frozenset(), KEPT), "repaired"),
        (Ran(KEPT, frozenset(), frozenset("12")), Ran(KEPT, frozenset(), frozenset("1")), "agreed"),
    ],
)
def test_what_ran_comes_before_how_many_came_to_it(better: Ran, worse: Ran, decided: str) -> None:
    attempts = [Attempt(1, "worse", 1), Attempt(2, "worse", 1), Attempt(3, "better", 900)]
    choice = select(attempts, {"better": better, "worse": worse}, ("1", "2"))
    assert choice is not None
    assert (choice.winner, choice.decided_by) == (3, decided)
    assert str(choice.value) in reason(choice, 3, 1, 2)


def test_then_the_most_frequent_then_the_cheapest() -> None:
    same = {patch: Ran(KEPT) for patch in "PQR"}
    frequent = select([Attempt(1, "P", 5), Attempt(2, "Q", 90), Attempt(3, "Q", 80)], same, ())
    assert frequent is not None
    assert (frequent.winner, frequent.decided_by, frequent.value, frequent.others) == (3, "frequency", 2, 1)
    cheap = select([Attempt(1, "P", 50), Attempt(2, "Q", 20), Attempt(3, "R", 30)], same, ())
    assert cheap is not None
    assert (cheap.winner, cheap.decided_by, cheap.value, cheap.others) == (2, "tokens", 20, 30)


def test_tests_that_say_the_same_of_every_patch_come_first() -> None:
    ran = {
        "P": Ran(passed=frozenset({"strict1", "strict2", "lax"})),
        "Q": Ran(passed=frozenset({"lax", "odd"})),
    }
    tests = ["odd", "lax", "strict2", "strict1", "never1", "never2", "never3"]
    assert agreed(tests, ran, 2) == ("strict1", "strict2")
    assert agreed(tests, ran) == ("strict1", "strict2", "odd", "lax"), (
        "a test that all pass comes behind one that tells"
    )
