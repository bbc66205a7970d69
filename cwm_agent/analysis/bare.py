"""Source without what says nothing to the interpreter: docstrings, and lines that are comments."""

from __future__ import annotations

import ast
import io
import tokenize

from cwm_agent.traces.entry import source_lines

_WITH_WORDS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def superfluous(text: str) -> frozenset[int]:
    """The numbers of these lines, from 1; none of a text that Python cannot read, or that asks for its docstrings."""
    try:
        tree = ast.parse(text)
        comments = {
            token.start[0]
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type == tokenize.COMMENT and token.line.lstrip().startswith("#")
        }
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError):
        return frozenset()
    if "__doc__" in text:
        return frozenset(comments)
    lines = source_lines(text)
    words = {
        number
        for node in ast.walk(tree)
        if isinstance(node, _WITH_WORDS) and len(node.body) > 1 and ast.get_docstring(node, clean=False) is not None
        for number in _alone(node.body[0], lines)
    }
    return frozenset(comments | words)


def blanked(text: str, numbers: frozenset[int]) -> str:
    """The text with these lines empty, so that every other line keeps its number."""
    return "\n".join("" if number in numbers else line for number, line in enumerate(source_lines(text), 1))


def _alone(node: ast.stmt, lines: list[str]) -> range:
    """The lines of a statement that has them for itself."""
    last = node.end_lineno or node.lineno
    before = lines[node.lineno - 1].encode()[: node.col_offset]
    after = lines[last - 1].encode()[node.end_col_offset :]
    return range(node.lineno, last + 1) if not before.strip() and not after.strip() else range(0)
