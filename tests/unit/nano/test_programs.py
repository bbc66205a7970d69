"""The programs that a small model learns from, and their traces."""

from __future__ import annotations

import ast

import pytest

from cwm_agent.nano.dataset import HELD_OUT, examples
from cwm_agent.nano.idioms import IDIOMS
from cwm_agent.nano.programs import LEVELS, is_classic, program, shape
from cwm_agent.nano.recording import FRAMES, traces_of
from cwm_agent.traces.decode import Ended, read_segments
from cwm_agent.traces.frames import FrameKind
from cwm_agent.traces.grammar import START_MARKER
from cwm_agent.traces.locals import shorten

CLASSIC = "def count(s, c):\n    n = 0\n    for x in s:\n        if x == c:\n            n += 1\n    return n\n"


@pytest.mark.parametrize("level", range(LEVELS))
def test_a_seed_is_a_program_for_ever(level: int) -> None:
    first = [program(seed, level) for seed in range(40)]
    assert first == [program(seed, level) for seed in range(40)]
    assert len({each.source for each in first}) > 20
    for each in first:
        names = [node.name for node in ast.parse(each.source).body if isinstance(node, ast.FunctionDef)]
        assert each.entry in names
        assert isinstance(ast.parse(each.call, mode="eval").body, ast.Call)


def test_the_classic_is_kept_out_under_whatever_names() -> None:
    assert is_classic(CLASSIC)
    assert is_classic(CLASSIC.replace("count", "find").replace("x", "letter"))
    assert not is_classic(CLASSIC.replace("==", "!="))
    assert not any(is_classic(program(seed, level).source) for level in range(LEVELS) for seed in range(300))


def test_the_shape_forgets_names_alone() -> None:
    assert shape("def f(a):\n    return a + 1\n") == shape("def g(b):\n    return b + 1\n")
    assert shape("def f(a):\n    return a + 1\n") != shape("def f(a):\n    return a + 2\n")
    assert shape("def f(a, b):\n    return a\n") != shape("def f(a, b):\n    return b\n")


def test_every_idiom_parses_once_its_holes_are_filled() -> None:
    made = {shape(program(seed, 3).source) for seed in range(400)}
    assert len(made) > len(IDIOMS)


def test_traces_are_those_of_the_real_tracer() -> None:
    (trace,) = traces_of([(CLASSIC, "count('ab', 'b')")])
    assert trace is not None
    assert [(frame.event, frame.line) for frame in trace.frames] == [
        (FrameKind.CALL, 1), *((FrameKind.LINE, line) for line in (2, 3, 4, 3, 4, 5, 3, 6)), (FrameKind.RETURN, 6)
    ]  # fmt: skip
    assert trace.frames[-1].value == "1"


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    while True:\n        pass\n",
        f"def f():\n    for x in range({FRAMES}):\n        pass\n",
        "def f():\n    return [0] * 10 ** 9\n",
        "def f():\n    while True:\n        try:\n            f()\n        except Exception:\n            pass\n",
    ],
    ids=["endless", "too long", "too large", "stubborn"],
)
def test_a_run_without_an_end_is_none_and_the_next_is_unharmed(source: str) -> None:
    first, second = traces_of([(source, "f()"), (CLASSIC, "count('', 'b')")])
    assert first is None
    assert second is not None
    assert len(second.frames) == 5


def test_an_exception_ends_a_trace_as_frames_do() -> None:
    (trace,) = traces_of([("def f(a):\n    return a[9]\n", "f([1])")])
    assert trace is not None
    assert [frame.event for frame in trace.frames[-2:]] == [FrameKind.EXCEPTION, FrameKind.RETURN]
    assert trace.frames[-2].value == "IndexError: list index out of range"


@pytest.mark.parametrize("level", range(LEVELS))
def test_an_example_is_a_prompt_and_frames_that_read_back(level: int) -> None:
    found = list(examples(range(HELD_OUT, HELD_OUT + 30), level))
    assert len(found) > 15
    wrapped = 0
    for each in found:
        assert START_MARKER in each.entry.text
        assert each.trace.frames[0].source == each.entry.source
        wrapped += each.entry.function != each.program.entry
        *frames, end = read_segments(each.frames)
        assert isinstance(end, Ended)
        assert frames == shorten(each.trace.frames)
    assert 0 < wrapped < len(found)
