"""A source without docstrings and comments is the same program, and every other line is where it was."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from cwm_agent.analysis.bare import blanked, superfluous
from cwm_agent.nano.programs import program
from cwm_agent.traces.entry import source_lines

ROOT = Path(__file__).parents[3]
SOURCE = '''\
"""A module."""
# a comment
import os  # stays


class Box:
    """A box.

    # of things
    """

    size = 1


def f(a):
    "One line."
    # why
    b = """
# text, not a comment
"""
    return a + len(b)


def alone():
    """All there is."""


def beside(): "words"; return 1


async def later():
    r"""Raw."""
    return 1
'''
ALONE = "def f():\n    '''All there is.'''\n"


def without_words(text: str) -> str:
    """The tree, the words of whatever has more than words taken out."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if len(node.body) > 1 and ast.get_docstring(node, clean=False) is not None:
            node.body.pop(0)
    return ast.dump(tree)


def test_docstrings_and_comments_and_nothing_else() -> None:
    assert sorted(superfluous(SOURCE)) == [1, 2, 7, 8, 9, 10, 16, 17, 32]
    shown = blanked(SOURCE, superfluous(SOURCE))
    assert len(source_lines(shown)) == len(source_lines(SOURCE))
    assert "# text, not a comment" in shown
    assert "All there is." in shown


def test_a_source_that_asks_for_its_docstrings_keeps_them() -> None:
    assert superfluous('"""Words."""\n# comment\nprint(__doc__)\n') == {2}


@pytest.mark.parametrize("text", ["def f(:\n", "'''", "x = (\n", "\0", "if 1:\n  a\n b\n"])
def test_what_is_no_python_is_left_as_it_is(text: str) -> None:
    assert superfluous(text) == frozenset()


def test_other_line_ends_are_counted_as_python_counts_them() -> None:
    assert superfluous("a = 1\r\n# c\r\nb = 2\r\n") == {2}
    assert blanked("a = 1\r\n# c\r\nb = 2\r\n", frozenset({2})) == "a = 1\n\nb = 2\n"


def test_what_is_left_is_the_same_program() -> None:
    texts = [SOURCE, ALONE, *(program(seed, seed % 4).source for seed in range(100))]
    texts += [
        file.read_text()
        for room in ("analysis", "traces", "demo")
        for file in (ROOT / "cwm_agent" / room).rglob("*.py")
    ]
    for text in texts:
        if "__doc__" not in text:
            assert without_words(blanked(text, superfluous(text))) == without_words(text)
