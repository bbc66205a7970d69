"""Which frames the tracer writes: what they hold, and that back ends and versions agree about them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.unit.tracer_corpus import MORE, SAME, sources
from tests.unit.tracing import RUNNING, Frame, call, newer_than, pythons, trace, version_of, write

CORPUS = sources(SAME, MORE)
STRAWBERRY = CORPUS["strawberry"]


def test_the_classic(tmp_path: Path) -> None:
    traced = call(tmp_path, STRAWBERRY, 'count("cr", "r")')
    assert (traced.exit, traced.out, traced.err, traced.over) == (0, "", "", "")
    assert traced.steps() == [
        *("call count 2", "line count 3", "line count 4", "line count 5", "line count 4", "line count 5"),
        *("line count 6", "line count 4", "line count 7", "return count 7"),
    ]
    first, last = traced.frames[0], traced.frames[-1]
    assert first["locals"] == {"word": "'cr'", "letter": "'r'"}
    assert (first["file"], first["depth"], first["source"]) == ("f.py", 0, "def count(word, letter):")
    assert (first["value"], first["thread"]) == (None, 0)
    assert (last["value"], last["locals"]) == ("1", {})
    assert traced.frames[4]["source"] == "    for c in word:"
    assert list(traced.frames[4]["locals"]) == ["word", "letter", "n", "c"]


def test_a_line_shows_the_state_before_it_runs(tmp_path: Path) -> None:
    traced = call(tmp_path, "def f():\n    a = 1\n    a = 2\n    del a\n    b = 3\n    a = 4\n    return b\n", "f()")
    states = [frame["locals"] for frame in traced.frames if frame["event"] == "line"]
    assert states == [{}, {"a": "1"}, {"a": "2"}, {}, {"b": "3"}, {"b": "3", "a": "4"}]
    assert list(states[-1]) == ["b", "a"]


def test_a_mutated_container_is_shown_whole(tmp_path: Path) -> None:
    source = """\
        def f(xs):
            d = {"k": 1}
            xs.append(2)
            xs[0] = True
            d["k"] = 1.0
            d["n"] = "1"
            xs.insert(0, None)
            xs.pop()
            del d["k"]
            xs.append([3])
            xs[-1].append(4)
            xs.clear()
            d.clear()
            return xs
        """
    traced = call(tmp_path, source, "f([1])")
    lists = [frame["locals"]["xs"] for frame in traced.frames if frame["event"] == "line"]
    dicts = [frame["locals"].get("d") for frame in traced.frames if frame["event"] == "line"]
    assert lists == [
        *("[1]", "[1]", "[1, 2]", "[True, 2]", "[True, 2]", "[True, 2]", "[None, True, 2]", "[None, True]"),
        *("[None, True]", "[None, True, [3]]", "[None, True, [3, 4]]", "[]", "[]"),
    ]
    assert dicts == [
        *(None, *["{'k': 1}"] * 3, "{'k': 1.0}", *["{'k': 1.0, 'n': '1'}"] * 3),
        *(*["{'n': '1'}"] * 4, "{}"),
    ]


CHANGES = """
    import random

    def change(r, xs, d):
        what = r.randrange(12)
        if what == 0 and xs:
            xs[r.randrange(len(xs))] = r.choice([1, True, 1.0, "a", None, [2], 300 + r.randrange(3)])
        elif what == 1:
            xs.append(r.randrange(3) * 1000)
        elif what == 2:
            xs.insert(0, "x")
        elif what == 3 and xs:
            xs.pop(r.randrange(len(xs)))
        elif what == 4:
            xs.reverse()
        elif what == 5:
            d[r.choice("abcd")] = r.choice([1, True, 1.0, -0.0, 0.0, "a", (1, 2), {}])
        elif what == 6 and d:
            d.pop(r.choice(list(d)))
        elif what == 7 and d:
            key = next(iter(d))
            d[key] = d.pop(key)
        elif what == 8 and len(xs) > 8:
            xs.clear()
        elif what == 9:
            d[r.choice([1, "e"])] = None

    def f():
        r = random.Random(7)
        xs, d = [], {}
        for turn in range(400):
            if turn % 37 == 0:
                kept, xs = xs, 5
                truth = repr(xs)
                xs = kept
            change(r, xs, d)
            truth = repr(xs)
            also = repr(d)
            turn
    """


def test_containers_are_shown_as_they_are_through_random_changes(tmp_path: Path) -> None:
    traced = call(tmp_path, CHANGES, "f()", "--frames", "100000")
    lines = [frame["locals"] for frame in traced.frames if frame["source"].strip() == "turn"]
    assert len(lines) == 400
    for state in lines:
        assert state["xs"] == _unquoted(state["truth"])
        assert state["d"] == _unquoted(state["also"])


def _unquoted(text: str) -> str:
    value = ast.literal_eval(text)
    assert isinstance(value, str)
    return value


def test_an_exception_is_a_frame_in_each_function_that_it_passes(tmp_path: Path) -> None:
    source = """\
        def g():
            raise ValueError('no', 1)

        def f():
            try:
                g()
            except ValueError:
                return 1
        """
    traced = call(tmp_path, source, "f()")
    found = [(f["event"], f["function"], f["line"], f["value"]) for f in traced.frames if f["value"] is not None]
    assert found == [
        ("exception", "g", 2, "ValueError: ('no', 1)"),
        ("return", "g", 2, "None"),
        ("exception", "f", 6, "ValueError: ('no', 1)"),
        ("return", "f", 8, "1"),
    ]


def test_the_end_of_an_iterator_is_no_exception_of_the_loop(tmp_path: Path) -> None:
    traced = call(tmp_path, CORPUS["iterators"], "main()")
    raised = [(frame["function"], frame["value"]) for frame in traced.frames if frame["event"] == "exception"]
    assert raised == [("__next__", "StopIteration")] * 2


def test_code_without_a_file_shows_its_text(tmp_path: Path) -> None:
    traced = call(tmp_path, CORPUS["executed"], "main()")
    inside = [frame for frame in traced.frames if frame["file"] == "<string>" and frame["function"] == "h"]
    assert [frame["source"] for frame in inside[:3]] == ["def h(a):", "    b = a + 1", "    return b"]
    assert inside[2]["locals"] == {"a": "2", "b": "3"}


def test_other_peoples_code_is_stepped_over(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "f.py": "import textwrap, lib\n\ndef f():\n    return lib.twice(lambda: textwrap.dedent(' x'))\n",
            "venv/lib/python3/site-packages/lib.py": "def twice(g):\n    g()\n    return g()\n",
            "run.py": "import sys\nsys.path.append('venv/lib/python3/site-packages')\nimport f\nf.f()\n",
        },
    )
    traced = trace(tmp_path, "--script", "run.py")
    assert {frame["file"] for frame in traced.frames} == {"run.py", "f.py"}
    lambdas = [frame["depth"] for frame in traced.frames if frame["function"] == "<lambda>"]
    assert lambdas == [2] * 6


def test_each_thread_has_depths_of_its_own(tmp_path: Path) -> None:
    traced = call(tmp_path, CORPUS["threads"], "main()")
    inside = [(frame["thread"], frame["depth"], frame["event"]) for frame in traced.frames if frame["thread"]]
    assert inside == [(n, 0, event) for n in (1, 2) for event in ("call", "line", "return")]
    assert {frame["depth"] for frame in traced.frames if frame["thread"] == 0} == {0}


@pytest.mark.parametrize("python", newer_than(3, 12))
def test_both_back_ends_write_the_same(tmp_path: Path, python: str) -> None:
    write(tmp_path, _together())
    traces = [
        trace(tmp_path, "--backend", name, "--call", "everything()", "f.py", python=python)
        for name in ("settrace", "monitoring")
    ]
    assert traces[0].exit == traces[1].exit == 0
    assert len(traces[0].frames) > 500
    assert traces[0].frames == traces[1].frames


@pytest.mark.parametrize("python", [python for python in pythons() if python != RUNNING])
def test_every_version_writes_the_same(tmp_path: Path, python: str) -> None:
    for name in sources(SAME):
        expected, found = (_frames(tmp_path, CORPUS[name], each) for each in (RUNNING, python))
        assert found == expected, name


def test_a_version_without_monitoring_says_so(tmp_path: Path) -> None:
    old = [python for python in pythons() if version_of(python) < (3, 12)]
    for python in old[:1]:
        traced = call(tmp_path, STRAWBERRY, "main()", "--backend", "monitoring", python=python)
        assert (traced.exit, traced.frames) == (2, [])
        assert "no sys.monitoring" in traced.err


def _frames(folder: Path, source: str, python: str) -> list[Frame]:
    traced = call(folder, source, "main()", python=python)
    assert (traced.exit, traced.err) == (0, "")
    return traced.frames


def _together() -> dict[str, str]:
    """All programs behind one call, so that a comparison costs two processes and not forty."""
    modules = {f"p{n}.py": source for n, source in enumerate(CORPUS.values())}
    imports = "\n".join(f"import p{n}" for n in range(len(modules)))
    calls = "\n".join(f"    p{n}.main()" for n in range(len(modules)))
    return {**modules, "f.py": f"{imports}\n\ndef everything():\n{calls}\n"}
