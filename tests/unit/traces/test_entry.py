"""The marked context of a trace, its pinned inputs, and the ids of a prompt."""

from __future__ import annotations

import ast

import pytest

from cwm_agent.errors import ModelUnavailable, UsageError
from cwm_agent.traces.encode import frame_segments, prompt_segments
from cwm_agent.traces.entry import mark, wrap
from cwm_agent.traces.grammar import CWM, START_MARKER, Special, look_up
from cwm_agent.traces.segments import as_ids, as_text

SOURCE = "def f(a):\n    return a\n"


def test_a_call_is_wrapped_in_a_marked_main_whose_call_frame_can_be_seeded() -> None:
    entry = wrap(SOURCE, " f(1) ")
    assert entry.text == SOURCE + "\n\ndef main():  # << START_OF_TRACE\n    return f(1)\n"
    assert entry.text.split("\n")[entry.line - 1] == entry.source + START_MARKER
    assert as_text([*prompt_segments(entry.text), *frame_segments(entry.call())]) == (
        f"<|begin_of_text|><|trace_context_start|>{entry.text}<|frame_sep|>"
        "<|call_sep|>{}<|action_sep|>def main():\n<|frame_sep|>"
    )


def test_main_gives_way_to_the_users_own() -> None:
    assert wrap("def main(n):\n    return n\n", "main(1)").function == "_main"
    assert wrap("", "main()").function == "_main"
    assert wrap("", "1 +\\\n1").text.endswith("    return 1 + 1\n")


@pytest.mark.parametrize(
    ("source", "name", "line", "marked"),
    [
        (SOURCE, "f", 1, 1),
        ("@deco\nclass A:\n    @deco\n    async def f(\n        self,\n    ):\n        pass\n", "A.f", 4, 4),
        ("def f(a='''\n'''):\n    pass\n", "f", 1, 2),
        ("def f(a, \\\n      b):\n    pass\n", "f", 1, 2),
        ("def f():  # << START_OF_TRACE\n    pass\n", "f", 1, 1),
        ("def f(): return 1\r\n\x0cdef g(): return 2\r\n", "g", 2, 2),
        ("def f():\n    pass\ndef f():\n    return 1\n", "f", 3, 3),
    ],
)
def test_the_entry_is_marked_where_a_comment_can_stand(source: str, name: str, line: int, marked: int) -> None:
    entry = mark(source, name)
    lines = entry.text.split("\n")
    assert entry.line == line
    assert [number for number, text in enumerate(lines, 1) if text.endswith(START_MARKER)] == [marked]
    assert ast.dump(ast.parse(entry.text)) == ast.dump(ast.parse(source))
    assert START_MARKER not in entry.source


@pytest.mark.parametrize(
    ("source", "name"), [("def f(:", "f"), (SOURCE, "g"), (SOURCE, "f.g"), ("x\x00", "f"), ("(" * 5000, "f")]
)
def test_what_cannot_be_marked_is_said(source: str, name: str) -> None:
    with pytest.raises(UsageError):
        mark(source, name)


@pytest.mark.parametrize("call", ["", "f(", "x = 1", "f(1); g()", "(" * 5000])
def test_what_is_no_call_is_said(call: str) -> None:
    with pytest.raises(UsageError):
        wrap(SOURCE, call)


def test_a_prompt_becomes_ids_and_its_source_stays_text() -> None:
    ids = as_ids(prompt_segments("x = '<|line_sep|>'"), CWM, lambda text: [len(text)])
    assert ids == [128000, 128107, 18, 128100]


def test_the_ids_of_another_model_are_looked_up_by_string() -> None:
    ids = {special.value: number for number, special in enumerate(Special) if special is not Special.PAD}
    found = look_up(ids.get)
    assert found.id(Special.LINE) == ids["<|line_sep|>"]
    assert found.stop_ids() == (1, 5, 6)
    assert CWM.stop_ids() == (128001, 128008, 128009)
    del ids["<|arg_sep|>"]
    with pytest.raises(ModelUnavailable, match="arg_sep"):
        look_up(ids.get)
    with pytest.raises(ModelUnavailable, match="one token for several"):
        look_up(lambda _string: 0)
