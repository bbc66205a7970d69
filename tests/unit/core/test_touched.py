"""Which functions an edit touched."""

from __future__ import annotations

import pytest

from cwm_agent.core.touched import Touched, touched
from cwm_agent.workspace.changes import REGULAR, Change, Entry

BEFORE = """\
import os

A = 1


def f(x):
    y = x
    return y


class C:
    def m(self):
        def inner():
            return 1

        return inner()

    @property
    def p(self):
        return 2
"""


def between(after: str | None, before: str | None = BEFORE, name: bytes = b"a.py") -> Touched | None:
    old, new = (None if text is None else Entry(REGULAR, text.encode()) for text in (before, after))
    return touched([Change(name, old, new)]).get(name.decode())


@pytest.mark.parametrize(
    ("old", "new", "functions"),
    [
        ("    y = x\n", "    y = x + 1\n", {"f"}),
        ("    y = x\n", "", {"f"}),
        ("    return y\n", "", {"f"}),
        ("            return 1\n", "            return 5\n", {"C.m", "C.m.<locals>.inner"}),
        ("    @property\n", "    @cached_property\n", {"C.p"}),
        ("class C:", "def g():\n    return 3\n\n\nclass C:", {"g"}),
        ("A = 1", "A = 2", None),
        ("import os\n", "", None),
        ("A = 1\n\n\ndef f(x):", "A = 2\n\n\ndef f(y):", None),
        ("class C:", "class C(", None),
    ],
)
def test_the_functions_of_an_edit(old: str, new: str, functions: set[str] | None) -> None:
    assert BEFORE.count(old) == 1
    found = between(BEFORE.replace(old, new))
    assert found is not None
    assert found.functions == functions


def test_all_of_a_new_file_is_touched_and_nothing_of_one_that_is_gone() -> None:
    assert between("def f(): pass\n", before=None) == Touched(frozenset({"f"}))
    assert between(None) is None
    assert between("text\n", name=b"a.txt") is None
    assert between(BEFORE) == Touched(frozenset())


def test_all_and_some_are_all() -> None:
    some, other = Touched(frozenset({"f"})), Touched(frozenset({"g"}))
    assert (some | other).has("g")
    assert not some.has("g")
    assert (some | Touched(None)).has("anything")
