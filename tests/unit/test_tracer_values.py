"""How values are shown, and that showing them cannot hurt the program."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.unit.tracing import RUNNING, call, pythons

HOSTILE = """
import time

SEEN = []

class Counts:
    def __init__(self):
        self.n = 0
    def __repr__(self):
        self.n += 1
        return "Counts(%d)" % self.n

class Appends:
    def __repr__(self):
        SEEN.append(1)
        return "Appends"

class Global:
    def __repr__(self):
        global SEEN
        SEEN = None
        return "Global"

class Prints:
    def __repr__(self):
        print("from the repr")
        return "Prints"

class Hangs:
    def __repr__(self):
        while True:
            pass

class Sleeps:
    def __repr__(self):
        time.sleep(60)
        return "Sleeps"

class Raises:
    def __repr__(self):
        raise SystemExit("from the repr")

class Number:
    def __repr__(self):
        return 5

class Endless:
    def __repr__(self):
        return repr(self)

class Uses:
    def __init__(self):
        self.rest = iter([1, 2, 3])
    def __repr__(self):
        return "Uses(%s)" % list(self.rest)

class Lazy:
    def __getattr__(self, name):
        SEEN.append(name)
        return 1
    def __repr__(self):
        return "Lazy(%s)" % self.value

class Calls:
    def helper(self):
        self.n = 1
    def __repr__(self):
        self.helper()
        return "Calls"

class Property:
    @property
    def p(self):
        SEEN.append("p")
    def __repr__(self):
        return f"{self.p}"

class Holds:
    def __init__(self, inner):
        self.inner = inner
    def __repr__(self):
        return f"Holds({self.inner!r})"

class Meta(type):
    def __getattribute__(cls, name):
        SEEN.append(name)
        return type.__getattribute__(cls, name)

class Watched(metaclass=Meta):
    pass

class Pretends:
    __class__ = property(lambda self: SEEN.append("class") or int)

def f():
    values = {
        kind.__name__: kind()
        for kind in (
            Counts, Appends, Global, Prints, Hangs, Sleeps, Raises, Number, Endless, Uses, Lazy, Calls, Property
        )
    }
    held = Holds(Counts())
    deep = Holds([{"k": Holds(Prints())}])
    watched = Watched()
    SEEN.clear()
    pretends = Pretends()
    x = 1
    return values["Counts"].n, held.inner.n, list(values["Uses"].rest), SEEN
"""

TAME = """
class Point:
    def __init__(self, x):
        self.x = x
    def __repr__(self):
        return f"Point({self.x!r})"

class Linked:
    def __init__(self, value, rest=None):
        self.value = value
        self.rest = rest
    def _texts(self):
        parts = []
        node = self
        while node is not None:
            parts.append(str(node.value))
            node = node.rest
        return parts
    def __repr__(self):
        return " -> ".join(self._texts())

class Tree:
    def __init__(self, *children):
        self.children = children
    def __repr__(self):
        return "Tree(" + ", ".join(repr(child) for child in self.children) + ")"

class Money:
    SIGN = "$"
    def __init__(self, cents):
        self.cents = cents
    @property
    def whole(self):
        return self.cents // 100
    def __str__(self):
        return "%s%d.%02d" % (self.SIGN, self.whole, self.cents % 100)
    def __repr__(self):
        return f"<{type(self).__name__} {self}>"

def f():
    p = Point("a")
    l = Linked(1, Linked(2))
    t = Tree(Tree(), Point(1))
    m = Money(105)
    all = [p, {"m": m}]
    return all
"""

PLAIN = """
import collections, dataclasses, datetime, decimal, enum, fractions, pathlib, types

class Plain:
    pass

class Bag(list):
    pass

class Color(enum.Enum):
    RED = 1

@dataclasses.dataclass
class D:
    a: int
    b: list = dataclasses.field(default_factory=list)

N = collections.namedtuple("N", "x y")

def f():
    values = [
        {3, 1, 2}, {"b", "a"}, frozenset({(1, 2)}), set(), {1: {2, 1}}, (1,), (), {},
        True, None, 1.5, 1j, ..., b"x\\x00", "it's", 10**60, -0.0, float("nan"), range(3),
        collections.deque([1, 2]), collections.OrderedDict(a=1), collections.Counter("aab"),
        collections.defaultdict(list, a=[1]), N(1, {2}), D(1), Color.RED, Bag([1]),
        decimal.Decimal("1.5"), fractions.Fraction(1, 2), datetime.date(2024, 1, 2), pathlib.PurePosixPath("/a"),
        types.SimpleNamespace(a=1), Plain(), Plain, f, len, "at 0x7f0011223344>", ValueError("x"),
        {"a": 1}.keys(), iter([]), (x for x in []), Plain().__init__, [].append,
    ]
    shown = list(values)
    for v in shown:
        pass
    loop = [1]
    loop.append({"loop": loop})
    nested = [[[1, "a"], [None]], ({"k": (1,)},)]
    return 0
"""

SHOWN = """
{1, 2, 3}|{'a', 'b'}|frozenset({(1, 2)})|set()|{1: {1, 2}}|(1,)|()|{}
True|None|1.5|1j|Ellipsis|b'x\\x00'|"it's"
1000000000000000000000000000000000000000000000000000000000000|-0.0|nan|range(0, 3)
deque([1, 2])|@OrderedDict|Counter({'a': 2, 'b': 1})
defaultdict(<class 'list'>, {'a': [1]})|N(x=1, y={2})|D(a=1, b=[])|<Color.RED: 1>|[1]
Decimal('1.5')|Fraction(1, 2)|datetime.date(2024, 1, 2)|PurePosixPath('/a')
@namespace|<f.Plain object at 0x…>|<class 'f.Plain'>|<function f at 0x…>|<built-in function len>
'at 0x7f0011223344>'|ValueError('x')
dict_keys(['a'])|<list_iterator object at 0x…>|<generator object f.<locals>.<genexpr> at 0x…>
"""


@pytest.mark.parametrize("python", pythons())
def test_asking_for_a_text_cannot_hurt(tmp_path: Path, python: str) -> None:
    began = time.monotonic()
    traced = call(tmp_path, HOSTILE, "print(f())", python=python)
    assert time.monotonic() - began < 10
    assert (traced.exit, traced.out, traced.err) == (0, "(0, 0, [1, 2, 3], [])\n", "")
    state = [frame for frame in traced.frames if frame["function"] == "f"][-2]["locals"]
    names = ("Counts", "Appends", "Global", "Prints", "Hangs", "Sleeps", "Raises", "Number", "Endless", "Uses", "Lazy")
    for name in (*names, "Calls", "Property"):
        assert f"'{name}': <f.{name} object at 0x…>" in state["values"]
    assert state["held"] == state["deep"] == "<f.Holds object at 0x…>"
    assert state["x"] == "1"


@pytest.mark.parametrize("python", pythons())
def test_a_tame_repr_is_asked(tmp_path: Path, python: str) -> None:
    traced = call(tmp_path, TAME, "f()", python=python)
    state = [frame for frame in traced.frames if frame["function"] == "f"][-2]["locals"]
    assert state == {
        "p": "Point('a')",
        "l": "1 -> 2",
        "t": "Tree(Tree(), Point(1))",
        "m": "<Money $1.05>",
        "all": "[Point('a'), {'m': <Money $1.05>}]",
    }


def test_half_made_objects_and_circles_are_shown_by_their_class(tmp_path: Path) -> None:
    source = TAME + "\ndef g():\n    l = Linked(1)\n    l.rest = l\n    x = 1\n    return x\n"
    traced = call(tmp_path, source, "g()")
    assert traced.exit == 0
    inside = [frame for frame in traced.frames if frame["function"] == "__init__"]
    assert inside[0]["locals"]["self"] == "<f.Linked object at 0x…>"
    assert traced.frames[-2]["locals"]["l"] == "<f.Linked object at 0x…>"


@pytest.mark.parametrize("python", pythons())
def test_what_values_look_like(tmp_path: Path, python: str) -> None:
    traced = call(tmp_path, PLAIN, "f()", python=python)
    lines = [frame for frame in traced.frames if frame["event"] == "line"]
    seen = [frame["locals"]["v"] for frame in lines if frame["source"].strip() == "pass"]
    assert len(seen) == 43
    expected = [text for line in SHOWN.strip().split("\n") for text in line.split("|")]
    for text, wanted in zip(seen, expected, strict=False):
        assert text == wanted or (wanted.startswith("@") and wanted[1:] in text)
    last = traced.frames[-2]["locals"]
    assert last["loop"] == "[1, {'loop': [...]}]"
    assert last["nested"] == "[[[1, 'a'], [None]], ({'k': (1,)},)]"
    assert "0x7f" not in last["shown"].replace("at 0x7f0011223344>", "")


@pytest.mark.parametrize("python", [RUNNING, pythons()[0]])
def test_enormous_values_are_cut(tmp_path: Path, python: str) -> None:
    source = """\
        def f():
            text = "é" * 10**7
            data = bytes(10**7)
            number = 10**100000
            numbers = [10**100000, 1]
            many = list(range(10**6))
            names = {str(n): n for n in range(10**5)}
            bag = set(range(10**5))
            deep = []
            for _ in range(500):
                deep = [deep]
            for _ in range(10):
                x = 1
            return many
        """
    began = time.monotonic()
    traced = call(tmp_path, source, "f()", python=python)
    assert traced.exit == 0
    assert time.monotonic() - began < 20
    state = traced.frames[-2]["locals"]
    assert all(len(text) <= 4000 for text in state.values())
    assert state["number"] == "<int of 332193 bits>"
    assert state["numbers"] == "[<int of 332193 bits>, 1]"
    assert state["many"].startswith("[0, 1, 2, ")
    assert state["text"].startswith("'éé")
    assert "..." in state["text"]
    assert "..." in state["deep"]


def test_two_runs_write_the_same(tmp_path: Path) -> None:
    assert call(tmp_path, PLAIN, "f()").frames == call(tmp_path, PLAIN, "f()").frames


def test_no_object_lives_longer_for_being_shown(tmp_path: Path) -> None:
    source = """\
        import weakref

        class A:
            pass

        def f():
            gone = []
            a = A()
            weakref.finalize(a, gone.append, 1)
            xs = [a]
            d = {"a": a}
            t = (a, 1)
            del a, xs, d, t
            return len(gone)
        """
    assert call(tmp_path, source, "print(f())").out == "1\n"
