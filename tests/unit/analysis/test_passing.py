"""Which statements surely raise nothing: said of nothing that raises, and of most of what does not."""

from __future__ import annotations

import ast
from itertools import pairwise

import pytest

from cwm_agent.analysis.passing import kind_of, raises_nothing, shadows, veils
from cwm_agent.nano.programs import LEVELS, program
from cwm_agent.nano.recording import traces_of
from cwm_agent.traces.frames import FrameKind

KNOWN = {
    "n": "3",
    "s": "'ab'",
    "xs": "[1, 2]",
    "ws": "['a', 'b']",
    "d": "{'a': 1}",
    "t": "(1, 'a')",
    "o": "<O>",
    "e": "[]",
}

SURE = """
pass
n = 0
n += 1
n = n * 2 - abs(-n) % 5 // 2
s = s + 'x'
s = s[::-1].upper()
xs = xs + [n] + sorted(xs)[:2]
xs.append(n)
d['b'] = n
d = {'x': n, n: s}
n, s = 1, 'b'
n = d.get('a', 0)
n = len(d) + sum(xs)
s = str(n)
s == 'a' and n > 2 or not xs
'a' in s
n in xs and 'k' in d
s is None
return
return xs[:n]
if n == s: pass
while xs: pass
for x in s: pass
for x in range(n): pass
for x in list(d): pass
for i, x in enumerate(xs): pass
for x in sorted(ws): pass
"""

UNSURE = """
n = m
n = xs[0]
n = d['a']
n = n // s
n = 1 // n
n = 1 % 0
n = n ** 9
s = s * n
s = s + n
s < n
xs < ws
n in s
xs in d
d[xs] = 1
xs[n] = 1
n, s = xs
n, s = 1, 2, 3
n = max(xs)
n = sum(ws)
n = sum(e)
n = int(s)
s = str(n + n)
print(n)
xs.pop()
o.x
o == n
n = o
range(s)
xs[::0]
xs[:s]
for x in n: pass
for x in d: pass
for x in xs: xs = 3
for i, x in xs: pass
for i, x in enumerate(n): pass
assert n
raise n
import m
n = [x for x in xs]
with o: pass
sorted(t)
len(n)
len(s, s)
d.get(xs)
n = list(map(len, ws))
"""


def said(line: str, source: str = "") -> bool:
    return raises_nothing(
        ast.parse(line).body[0] if line != "return" else ast.Return(None), KNOWN, shadows(ast.parse(source))
    )


@pytest.mark.parametrize("line", SURE.strip().split("\n"))
def test_sure(line: str) -> None:
    assert said(line)


@pytest.mark.parametrize("line", UNSURE.strip().split("\n"))
def test_unsure(line: str) -> None:
    assert not said(line)


@pytest.mark.parametrize(
    "source",
    [
        "def len(x): pass",
        "len = 1",
        "import len",
        "from m import *",
        "def f(len): pass",
        "class len: pass",
        "import a as len",
    ],
)
def test_a_name_that_is_no_built_in_here(source: str) -> None:
    assert not said("n = len(s)", source)
    assert said("n = n + 1", source)


def test_a_class_may_read_like_a_number() -> None:
    assert veils(ast.parse("class A(int): pass"))
    assert veils(ast.parse("class A:\n    def __repr__(self): return '1'"))
    assert veils(ast.parse("class A:\n    __repr__ = f"))
    assert not veils(ast.parse("class A:\n    def f(self): return '1'"))


def test_what_a_repr_tells() -> None:
    assert kind_of("{'a'}") is not None
    assert kind_of("<O>") is None
    assert kind_of("1.5") is None
    assert kind_of("9" * 2000) is None
    assert kind_of("A(1)") is None


@pytest.mark.parametrize("level", range(LEVELS))
def test_what_is_sure_never_raises_in_real_runs(level: int) -> None:
    made = [program(seed, level) for seed in range(120)]
    lines = sure = 0
    for each, trace in zip(made, traces_of([(each.source, each.call) for each in made]), strict=True):
        tree = ast.parse(each.source)
        at = {node.lineno: node for node in ast.walk(tree) if isinstance(node, ast.stmt)}
        frames = trace.frames if trace else ()
        for frame, after in pairwise(frames):
            if frame.event is not FrameKind.LINE or frame.line is None:
                continue
            lines += 1
            if raises_nothing(at[frame.line], frame.locals, shadows(tree)):
                sure += 1
                assert after.event is not FrameKind.EXCEPTION, (frame, after)
    assert sure > 0.7 * lines
