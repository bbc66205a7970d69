"""Choices of literals, token by token: everything that they allow can be written, and nothing else."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_agent.errors import UsageError
from cwm_agent.models.choices import Choices, literals_of
from cwm_agent.worlds.imagination.ebnf import quoted

TOKENS = ["a", "b", "ab", "ba", "aab", "é", "<", "|", "line", ">", "\n", "<|"]
IDS_OF = {each.encode(): [at] for at, each in enumerate(TOKENS)} | {b"b": [1, 20]}
SPELT = {number: token for token, numbers in IDS_OF.items() for number in numbers}
LINE, CALL, END = 30, 31, 40
SEPARATORS = {"<|line|>": LINE, "<|call|>": CALL}


def choices(*literals: str) -> Choices:
    return Choices(literals, IDS_OF, SEPARATORS, [END])


def written(chosen: Choices, seed: int) -> tuple[list[int], bytes]:
    """One of the ways through, by chance."""
    draw, ids = random.Random(seed), []
    while not chosen.over:
        number = draw.choice(chosen.allowed())
        if not chosen.take(number):
            break
        ids.append(number)
    return ids, b"".join(SPELT.get(number, b"") for number in ids)


@given(st.lists(st.text("ab\né", min_size=1, max_size=6), min_size=1, max_size=4), st.integers(0, 999))
def test_what_is_written_is_one_of_the_literals(literals: list[str], seed: int) -> None:
    _, spelt = written(choices(*literals), seed)
    assert spelt.decode() in literals


@given(st.lists(st.text("ab", min_size=1, max_size=4), min_size=2, max_size=3, unique=True))
def test_each_literal_can_be_written(literals: list[str]) -> None:
    assert {written(choices(*literals), seed)[1].decode() for seed in range(200)} == set(literals)


def test_every_token_that_fits_is_allowed_those_with_the_same_text_too() -> None:
    chosen = choices("aab", "b")
    assert [SPELT[each] for each in chosen.allowed()] == [b"a", b"b", b"aab", b"b"]
    assert chosen.take(0)
    assert {SPELT[each] for each in chosen.allowed()} == {b"a", b"ab"}


def test_a_choice_that_is_complete_may_end_or_go_on() -> None:
    chosen = choices("a", "ab")
    assert END not in chosen.allowed()
    assert chosen.take(0)
    assert set(chosen.allowed()) == {1, 20, END}
    assert not chosen.take(END)
    assert chosen.take(1)
    assert chosen.over
    assert chosen.allowed() == []


def test_a_separator_alone_is_its_token_and_no_text() -> None:
    chosen = choices("<|line|>", "<|call|>")
    assert chosen.allowed() == [LINE, CALL]
    assert chosen.take(CALL)
    assert chosen.over


def test_a_separator_that_a_line_spells_is_text() -> None:
    ids, spelt = written(choices("<|line|>\n"), 3)
    assert LINE not in ids
    assert spelt == b"<|line|>\n"


def test_what_no_token_spells_leaves_nothing_to_choose() -> None:
    assert choices("x").over
    assert choices("").over


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_the_grammars_of_stepwise_imagination_are_read(literals: list[str]) -> None:
    assert literals_of("root ::= " + " | ".join(map(quoted, literals))) == literals


RICHER = [
    'root ::= "a" "b"',
    'root ::= ("a")',
    'root ::= "a"*',
    'root ::= "a" | b\nb ::= "c"',
    "root ::= 1",
    "",
    "root ::= ",
]


@pytest.mark.parametrize("grammar", [*RICHER, 'root ::= "a" | ', 'root ::= "a', 'start: "a"'])
def test_a_richer_grammar_is_refused(grammar: str) -> None:
    with pytest.raises(UsageError, match="stepwise"):
        literals_of(grammar)
