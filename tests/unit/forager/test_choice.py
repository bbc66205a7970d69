from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_agent.policies.forager import hunks
from cwm_agent.policies.forager.choose import Survivor, ranked
from cwm_agent.policies.forager.choose import test_literals as literals_of  # not a test
from cwm_agent.policies.forager.kinds import Edit, Kind
from cwm_agent.policies.forager.localise import groups, ochiai, suspects
from cwm_agent.policies.forager.propose.generate import proposal
from cwm_agent.policies.forager.source import Source
from cwm_agent.protocols import Spectrum
from cwm_agent.protocols import TestResult as Result  # pytest would collect the name

TEXT = "LIMIT = 3\n\n\ndef f(a, scale=LIMIT):\n    if a < 10:\n        return a\n    return a * scale\n"
SOURCE = Source("m.py", TEXT)


def survivor(number: int, kind: Kind, old: str, new: str, suspicion: float = 1.0) -> Survivor:
    start = TEXT.index(old)
    made = proposal(SOURCE, Edit(kind, start, start + len(old), new, kind.value), suspicion)
    return Survivor(number, (made,), {"m.py": made.after})


SMALL = survivor(1, Kind.COMPARISON, "<", "<=")
FITTED = survivor(2, Kind.CONSTANT, "10", "73")
GUARD = survivor(3, Kind.GUARD, "    if a", "    if a == 73:\n        return 1\n    if a")
DELETED = survivor(4, Kind.DELETE, "    if a < 10:\n        return a\n", "")
LESS = survivor(5, Kind.COMPARISON, "<", ">", 0.5)


def test_the_plainest_comes_first_and_what_fits_the_test_last() -> None:
    literals = literals_of({"test_m.py": "def test_f():\n    assert f(73) == 99\n"}, ["test_m.py::test_f"])
    order = ranked([GUARD, DELETED, FITTED, LESS, SMALL], literals)
    assert [one.number for one in order] == [1, 5, 4, 2, 3]


def test_a_literal_that_no_test_names_is_no_special_case() -> None:
    assert [one.number for one in ranked([DELETED, FITTED], set())] == [2, 4]


@pytest.mark.parametrize(
    ("failed", "passed", "failing", "score"), [(1, 0, 1, 1.0), (1, 3, 1, 0.5), (0, 5, 1, 0.0), (1, 0, 4, 0.5)]
)
def test_ochiai(failed: int, passed: int, failing: int, score: float) -> None:
    assert ochiai(failed, passed, failing) == score


def spectrum() -> Spectrum:
    results = (
        Result("test_m.py::test_a", "failed", 0.1, "boom", "m.py", 7),
        Result("test_m.py::test_b", "passed"),
        Result("test_m.py::test_c", "passed"),
    )
    lines = {
        "test_m.py::test_a": {"m.py": (5, 7), "test_m.py": (2,)},
        "test_m.py::test_b": {"m.py": (5, 6), "test_m.py": (4,)},
        "test_m.py::test_c": {"m.py": (5, 6)},
    }
    return Spectrum(results, lines)


def test_lines_are_ranked_and_tests_left_out() -> None:
    found = suspects(spectrum(), ["test_m.py::test_a"], {"m.py": SOURCE})
    assert (found[0].line, found[0].score) == (7, 1.3), "executed by the failing test alone, and where it failed"
    assert {(one.path, one.line) for one in found} == {("m.py", 7), ("m.py", 5), ("m.py", 4), ("m.py", 1)}
    why = {one.line: one.why for one in found}
    assert why[4] == "its defaults and decorators serve `f`"
    assert why[5] == "the failing tests executed it"


def test_constants_that_suspicious_code_reads_are_suspects_too() -> None:
    source = Source("m.py", TEXT.replace("a * scale", "a * LIMIT"))
    found = suspects(spectrum(), ["test_m.py::test_a"], {"m.py": source})
    assert ("LIMIT = 3", "`f` reads it") in [(one.text, one.why) for one in found]
    assert next(one.score for one in found if one.line == 1) < found[0].score


def test_a_named_function_is_raised() -> None:
    plain = suspects(spectrum(), ["test_m.py::test_a"], {"m.py": SOURCE})
    named = suspects(spectrum(), ["test_m.py::test_a"], {"m.py": SOURCE}, functions=("f",))
    assert max(one.score for one in named) == pytest.approx(1.5 * max(one.score for one in plain))


def test_failing_tests_with_nothing_in_common_are_searched_apart() -> None:
    source = Source("m.py", "def f():\n    return 1\n\n\ndef g():\n    return 2\n")
    results = tuple(Result(f"test_m.py::test_{name}", "failed") for name in "abc")
    lines = {results[0].id: {"m.py": (2,)}, results[1].id: {"m.py": (6,)}, results[2].id: {"m.py": (2,)}}
    found = groups(Spectrum(results, lines), [one.id for one in results], {"m.py": source})
    assert found == [(results[0].id, results[2].id), (results[1].id,)]


LINES = st.lists(st.sampled_from(["a", "b", "    c", "", "x = 1", "d\r"]), min_size=1, max_size=12)


@given(LINES, LINES)
def test_hunks_make_the_one_text_of_the_other(old: list[str], new: list[str]) -> None:
    before, after = "\n".join(old) + "\n", "\n".join(new) + "\n"
    text: str | None = before
    for content in hunks.contents("m.py", before, after):
        parts = hunks.parts(content)
        assert parts is not None
        assert text is not None
        text = hunks.applied(text, parts[1], parts[2])
    assert text == after


def test_a_hunk_is_widened_until_its_lines_occur_once() -> None:
    before = "a\nreturn x\nb\nreturn x\nc\n"
    (content,) = hunks.contents("m.py", before, "a\nreturn x\nb\nreturn y\nc\n")
    assert content == "m.py\n<<<<<<< SEARCH\nb\nreturn x\n=======\nb\nreturn y\n>>>>>>> REPLACE"


def test_lines_that_look_like_the_format_are_refused() -> None:
    with pytest.raises(ValueError, match="marks"):
        hunks.contents("m.py", "=======\n", "x\n")
