"""What a line may change, by hand: the names that it binds, and mutable values with what shares them."""

from __future__ import annotations

from textwrap import dedent

import pytest

from cwm_agent.analysis.effects import Effects, LineEffects


def may(line: str, before: dict[str, str], rest: str = "") -> set[str]:
    """The names that this line, the first of a function that knows these locals, may change."""
    names = ", ".join(before)
    source = f"def f({names}):\n    {line}\n    return 0\n{dedent(rest)}"
    return set(Effects(source).may_change("f", 2, before))


STATE = {"n": "1", "s": "'x'", "xs": "[1]", "ys": "[2]", "zs": "[[1], 5]", "t": "(1, 'a')", "d": "{'k': [2]}"}


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("n += 1", {"n"}),
        ("n = xs[0]", {"n"}),
        ("s = s.upper() + str(n)", {"s"}),
        ("xs.append(1)", {"xs", "zs"}),
        ("xs[0] = 2", {"xs", "zs"}),
        ("zs.append(1)", {"zs", "xs"}),
        ("ys += [1]", {"ys", "d"}),
        ("d['k'].append(1)", {"d", "ys"}),
        ("n, s = s, n", {"n", "s"}),
        ("m = len(xs) + sum(ys)", {"m"}),
        ("print(xs, d)", set()),
        ("for m in xs: pass", {"m", "xs", "zs"}),
        ("ws = [m for m in xs]", {"ws", "xs", "zs"}),
        ("ws = sorted(xs)", {"ws"}),
        ("del n", {"n"}),
        ("if (m := n) > 0: n = 2", {"m", "n"}),
        ("import os.path, sys as y", {"os", "y"}),
        ("a, (b, *c) = t", {"a", "b", "c"}),
        ("pass", set()),
        ("unknown(n)", {"xs", "ys", "zs", "d"}),
        ("g(n)", set()),
        ("g(xs)", {"xs", "zs"}),
        ("h(n)", {"xs", "ys", "zs", "d"}),
    ],
)
def test_what_a_line_may_change(line: str, changed: set[str]) -> None:
    rest = """
        def g(x):
            x.append(1)
            return x

        SEEN = []

        def h(x):
            SEEN.append(x)
        """
    assert may(line, STATE, rest) == changed


def test_an_object_that_writes_itself_may_change_with_anything() -> None:
    box = """
        class Box:
            def __repr__(self):
                return f"Box({self.n})"
        """
    assert may("b.n = 1", {"b": "Box(0)", "n": "1"}, box) == {"b"}
    assert may("xs.append(1)", {"b": "Box(0)", "xs": "[]"}, box) == {"b", "xs"}
    assert may("xs.append(1)", {"b": "<f.Box object at 0x…>", "xs": "[]"}) == {"xs"}


def test_a_repr_that_reads_like_a_number_is_not_believed() -> None:
    number = """
        class Number:
            def __repr__(self):
                return str(self.n)
        """
    assert may("xs.append(1)", {"n": "5", "xs": "[]"}, number) == {"n", "xs"}
    assert may("xs.append(1)", {"n": "5", "xs": "[]"}) == {"xs"}


def test_what_a_hidden_object_reaches_may_change() -> None:
    assert may("b.change()", {"b": "<f.Box object at 0x…>", "xs": "[]", "n": "1"}) == {"xs"}


SOURCE = """\
def f(x):
    n = 0
    a = b = ['x', 1.5]
    def inner(y):
        nonlocal n
        n = y
        return y
    inner(2)
    try:
        k = x[0]
    except IndexError as e:
        k = -1
    with open(x) as (p, q):
        pass
    match x:
        case [u, *v]:
            pass
        case {"k": w, **r}:
            pass
    global g
    g = 1
    z = lambda: n
    while x: n = 1
    return n

class C:
    def m(self):
        __secret = 1
        for i, (j, l) in self: pass
"""


@pytest.mark.parametrize(
    ("function", "line", "expected"),
    [
        ("f", 2, LineEffects(("n",), literals={"n": "0"})),
        ("f", 3, LineEffects(("a", "b"), literals={"a": "['x', 1.5]", "b": "['x', 1.5]"})),
        ("f", 4, LineEffects(("inner",), literals={"inner": "<function f.<locals>.inner at 0x…>"})),
        ("inner", 6, LineEffects(("n",))),
        ("f", 8, LineEffects(("n",), mutates=True)),
        ("f", 11, LineEffects(("e",))),
        ("f", 12, LineEffects(("k",), frozenset({"e"}))),
        ("f", 16, LineEffects(("u", "v"))),
        ("f", 18, LineEffects(("w", "r"))),
        ("f", 21, LineEffects()),
        ("f", 22, LineEffects(("z",), literals={"z": "<function f.<locals>.<lambda> at 0x…>"})),
        ("f", 23, LineEffects(("n",))),
        ("m", 28, LineEffects(("_C__secret",), literals={"_C__secret": "1"})),
        ("nobody", 2, LineEffects()),
    ],
)
def test_the_effects_of_a_line(function: str, line: int, expected: LineEffects) -> None:
    found = Effects(SOURCE).of(function, line)
    assert (found.binds, found.deletes, found.literals) == (expected.binds, expected.deletes, expected.literals)
    assert found.mutates >= expected.mutates


def test_names_are_bound_in_order() -> None:
    effects = Effects(SOURCE)
    assert effects.of("f", 13).binds[-2:] == ("p", "q")
    assert effects.of("m", 29).binds == ("i", "j", "l")
