"""For each family: a seeded bug, its fix, and how early the fix is proposed."""

from __future__ import annotations

import ast

import pytest

from cwm_agent.policies.forager.kinds import Kind, Proposal
from cwm_agent.policies.forager.localise import Suspect
from cwm_agent.policies.forager.propose.generate import pairs, proposals
from cwm_agent.policies.forager.source import Source


def candidates(text: str, *lines: int) -> list[Proposal]:
    source = Source("m.py", text)
    chosen = [site.first_line for site in source.sites if not lines or site.first_line in lines]
    return list(proposals({"m.py": source}, [Suspect("m.py", line, 1.0, "", "", "") for line in chosen]))


def function(*lines: str) -> str:
    return "def f(items, limit=3, other=None):\n" + "".join(f"    {line}\n" for line in lines)


ONE = [
    ("comparison", "return items < limit", "return items <= limit", 5),
    ("identity", "return items is limit", "return items == limit", 40),
    ("operator", "return items + limit", "return items - limit", 10),
    ("augmented", "items += limit", "items -= limit", 10),
    ("accumulate", "items = limit", "items += limit", 60),
    ("grouping", "return items - 32 * 5 / 9", "return (items - 32) * 5 / 9", 60),
    ("boolean", "return items and limit", "return items or limit", 20),
    ("negation", "return not items", "return items", 20),
    ("range", "return list(range(limit))", "return list(range(limit + 1))", 10),
    ("range from one", "return list(range(limit))", "return list(range(1, limit + 1))", 60),
    ("index", "return items[limit]", "return items[limit - 1]", 10),
    ("length", "return items[len(items)]", "return items[len(items) - 1]", 20),
    ("slice bound", "return items[1:limit]", "return items[1:limit + 1]", 40),
    ("slice from the end", "return items[:limit]", "return items[-limit:]", 60),
    ("slice dropped", "return items[1:]", "return items[:]", 40),
    ("wrong name", "return items.count(items)", "return items.count(limit)", 20),
    ("swapped arguments", "return isinstance(limit, items)", "return isinstance(items, limit)", 40),
    ("missing argument", "return sorted(items)", "return sorted(items, reverse=True)", 60),
    ("superfluous argument", "return items.split(',', 1)", "return items.split(',')", 60),
    ("number", "return items[0]", "return items[1]", 5),
    ("sign", "return items[1]", "return items[-1]", 40),
    ("boolean constant", "return True", "return False", 5),
    ("string case", "return 'YES'", "return 'yes'", 20),
    ("method", "return items.lstrip()", "return items.strip()", 20),
    ("function", "return min(items)", "return max(items)", 20),
    ("lookup", "return items[limit]", "return items.get(limit)", 30),
    ("sort", "return items.sort()", "return sorted(items)", 20),
    ("missing call", "return items.lower", "return items.lower()", 60),
    ("copy", "result = items", "result = items.copy()", 60),
    ("deep conversion", "return items / limit", "return int(items / limit)", 100),
    ("exception", "raise ValueError('x')", "raise TypeError('x')", 10),
    ("f-string", "return '{items}'", "return f'{items}'", 20),
    ("format", "return f'{items:.1f}'", "return f'{items:.2f}'", 30),
    ("missing return", "items.append(limit)", "return items.append(limit)", 20),
    ("rounding up", "return items // limit", "return -(-items // limit)", 60),
    ("counting", "items[limit] = 1", "items[limit] = items.get(limit, 0) + 1", 60),
    ("exchanged names", "return min(items, max(limit, other))", "return min(other, max(limit, items))", 60),
    ("any", "return any(x > 1 for x in items)", "return all(x > 1 for x in items)", 20),
    ("filter", "return [x for x in items]", "return [x for x in items if x]", 60),
    ("conditional", "return items if limit else other", "return other if limit else items", 40),
    ("tuple", "return items, limit", "return limit, items", 40),
]


@pytest.mark.parametrize(("bug", "fix", "rank"), [case[1:] for case in ONE], ids=[case[0] for case in ONE])
def test_the_fix_of_one_line_is_proposed_early(bug: str, fix: str, rank: int) -> None:
    wanted = ast.dump(ast.parse(function(fix)))
    found = candidates(function(bug), 2)
    ranks = [n for n, one in enumerate(found, 1) if ast.dump(ast.parse(one.after)) == wanted]
    assert ranks, [one.words for one in found]
    assert ranks[0] <= rank


LOOP = "total = 0"
MANY = [
    (["return limit / len(items)"], ["if not items:", "    return 0", "return limit / len(items)"], Kind.GUARD),
    (["return items.x"], ["if items is None:", "    return None", "return items.x"], Kind.GUARD),
    (["if limit:", "    items = 1", "return items"], ["items = 1", "return items"], Kind.UNGUARD),
    (["a = 1", "items = a", "return items"], ["items = a", "a = 1", "return items"], Kind.ORDER),
    (
        ["for x in items:", "    limit += x", "    return limit"],
        ["for x in items:", "    limit += x", "return limit"],
        Kind.MOVE,
    ),
    (
        ["for x in items:", "    a = []", "    a.append(x)", "return a"],
        ["a = []", "for x in items:", "    a.append(x)", "return a"],
        Kind.MOVE,
    ),
    (
        ["a = []", "for x in items:", "    a.append(x)", "return a"],
        ["for x in items:", "    a = []", "    a.append(x)", "return a"],
        Kind.MOVE,
    ),
    (["a = 1", "a = 2", "return a"], ["a = 1", "return a"], Kind.DELETE),
    (["items.pop()", "return items"], ["items.pop()", "items.pop()", "return items"], Kind.DUPLICATE),
    (["for x in items:", "    break"], ["for x in items:", "    continue"], Kind.LOOP),
    (
        ["while limit < 9:", "    items.append(limit)", "return items"],
        ["while limit < 9:", "    items.append(limit)", "    limit += 1", "return items"],
        Kind.LOOP,
    ),
    (["result = items"], ["result = items", "return result"], Kind.RETURN),
    (
        ["try:", "    return items[0]", "except KeyError:", "    return None"],
        ["try:", "    return items[0]", "except IndexError:", "    return None"],
        Kind.EXCEPTION,
    ),
]


@pytest.mark.parametrize(("bug", "fix", "kind"), MANY)
def test_the_fix_of_a_structure_is_proposed(bug: list[str], fix: list[str], kind: Kind) -> None:
    wanted = ast.dump(ast.parse(function(*fix)))
    kinds = [one.kind for one in candidates(function(*bug)) if ast.dump(ast.parse(one.after)) == wanted]
    assert kinds == [kind]


def fixes(text: str, fix: str) -> list[Kind]:
    wanted = ast.dump(ast.parse(fix))
    return [one.kind for one in candidates(text) if ast.dump(ast.parse(one.after)) == wanted]


def test_a_mutable_default_is_made_anew() -> None:
    text = 'def f(x, seen=[]):\n    """Doc."""\n    seen.append(x)\n    return seen\n'
    fix = text.replace("=[]", "=None").replace('."""\n', '."""\n    if seen is None:\n        seen = []\n')
    assert fixes(text, fix) == [Kind.DEFAULT]


def test_a_missing_self_and_another_attribute() -> None:
    head = "class A:\n    def __init__(self):\n        self.low = 0\n        self.high = 9\n"
    text = head + "    def top(self):\n        return {}\n"
    assert fixes(text.format("high"), text.format("self.high")) == [Kind.MISSING_SELF]
    assert fixes(text.format("self.low"), text.format("self.high")) == [Kind.ATTRIBUTE]


def test_keywords_follow_the_signature() -> None:
    text = "def g(a, low=0, high=1):\n    return a\ndef f(x, high):\n    return g(x, {}=high)\n"
    assert fixes(text.format("low"), text.format("high")) == [Kind.ARGUMENT]


def test_a_missing_argument_takes_the_name_of_its_parameter() -> None:
    text = "def g(a, scale=1):\n    return a\ndef f(x, scale):\n    return g(x{})\n"
    assert fixes(text.format(""), text.format(", scale=scale")) == [Kind.ARGUMENT]


def test_a_missing_await() -> None:
    text = "async def g():\n    return 1\nasync def f():\n    return {}g()\n"
    assert fixes(text.format(""), text.format("await ")) == [Kind.MISSING_CALL]


def test_a_donor_of_the_same_module() -> None:
    text = "def g(x, y):\n    return x * x + y\ndef f(x, y):\n    return {}\n"
    assert Kind.DONOR in fixes(text.format("x[0].z"), text.format("x * x + y"))


def test_a_better_suspect_comes_first() -> None:
    text = "def f(a):\n    b = a < 1\n    return a < b\n"
    source = Source("m.py", text)
    suspects = [Suspect("m.py", 2, 0.4, "", "", ""), Suspect("m.py", 3, 1.0, "", "", "")]
    first = next(iter(proposals({"m.py": source}, suspects)))
    assert (first.line, first.kind, first.words) == (3, Kind.COMPARISON, "compares with `<=` instead of `<`")


def test_untouched_text_keeps_its_bytes() -> None:
    text = "def f( a ,b ):   # ä comment\n\treturn a<b  # 'ü'\n"
    first = candidates(text, 2)[0]
    assert first.after == text.replace("a<b", "a<=b")


def test_pairs_change_two_places() -> None:
    made = candidates("def f(a, b):\n    c = a < b\n    return c < a\n")
    both = list(pairs(made[:20]))
    assert both
    assert all(left.line != right.line for left, right in both)
