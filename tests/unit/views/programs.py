"""Small programs whose real traces the views are tried on, and what a model might have imagined instead."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import msgspec

from cwm_agent.observations import Completed, LimitReached, Origin
from cwm_agent.traces.compare import compare
from cwm_agent.traces.frames import Basis, Frame, Trace
from cwm_agent.views.view import TraceView
from tests.unit import tracing

NESTED = """
def double(n):
    return n * 2


def total(xs, scale=1):
    sum = 0
    for x in xs:
        sum += double(x)
        row = [sum] * 40
    try:
        check(sum)
    except ValueError as error:
        del row
    return sum * scale


def check(n):
    raise ValueError(f"bad {n}")
"""
WIDE = """
def greet(names):
	out = {}
	for name in names:
		out[name] = "お早う " + name  # 朝の挨拶
	return "\\x1b[31m" + " ".join(out)
"""
DEEP = """
def down(n):
    if n:
        return down(n - 1)
    return "x" * 300
"""


@cache
def real(source: str, call: str, python: str = tracing.RUNNING) -> Trace:
    """What the tracer says of a call."""
    with tempfile.TemporaryDirectory() as folder:
        traced = tracing.call(Path(folder), source, call, python=python)
    frames = [msgspec.convert({k: v for k, v in each.items() if k != "origin"}, Frame) for each in traced.frames]
    assert frames, traced.err
    return Trace(tuple(frames))


def dreamt(trace: Trace) -> Trace:
    """The same as a model might write it: the sum is one too high from frame 13 on, and three frames are forgotten."""
    frames = []
    for number, each in enumerate(trace.frames):
        basis = dict.fromkeys(each.locals, Basis.FREE) | {"<line>": Basis.CHOSEN if number % 5 == 0 else Basis.FORCED}
        basis |= {"<value>": Basis.FREE} if each.value is not None else {}
        changed = {"sum": str(int(each.locals["sum"]) + 1)} if number >= 13 and "sum" in each.locals else {}
        frames.append(msgspec.structs.replace(each, locals={**each.locals, **changed}, basis=basis))
    return Trace((*frames[:21], *frames[24:]))


def one(source: str, call: str, origin: Origin = Origin.REAL) -> TraceView:
    """A view of one trace."""
    trace = real(source, call)
    imagined, ran = (trace, None) if origin is Origin.IMAGINED else (None, trace)
    return TraceView(subject=call, path="f.py", source=source, imagined=imagined, real=ran)


def both(call: str = "total([1, 2, 3])") -> TraceView:
    """A view of two traces that part."""
    trace = real(NESTED, call)
    return TraceView(
        subject=call,
        path="f.py",
        source=NESTED,
        imagined=dreamt(trace),
        real=trace,
        outcomes={Origin.IMAGINED: Completed(0), Origin.REAL: Completed(0)},
        comparison=compare(dreamt(trace), trace),
    )


VIEWS = {
    "nested": lambda: one(NESTED, "total([1, 2, 3])"),
    "folded": lambda: one(NESTED, "total(list(range(30)))", Origin.IMAGINED),
    "wide": lambda: one(WIDE, "greet(['太郎', 'Zoë'])"),
    "deep": lambda: one(DEEP, "down(9)"),
    "both": both,
    "cut": lambda: TraceView(
        subject="total([1, 2, 3])",
        real=Trace(real(NESTED, "total([1, 2, 3])").frames[:5], complete=False),
        outcomes={Origin.REAL: LimitReached("frames", "5 of them")},
    ),
}
