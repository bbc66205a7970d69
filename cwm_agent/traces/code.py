"""The pieces of code of a source text that make frames of their own: functions, lambdas, generators, classes."""

from __future__ import annotations

import ast

from msgspec import Struct

from cwm_agent.errors import UsageError
from cwm_agent.traces.entry import Function, parse, source_lines, without_marker

_RESUMED = (ast.Yield, ast.YieldFrom, ast.Await, ast.AsyncFor, ast.AsyncWith)
_Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.GeneratorExp | ast.ClassDef


class Code(Struct, frozen=True):
    """One code object. `name` is as in a traceback, `owner` the class around it; lines count from 1.

    `starts` are the lines that a call frame may name: the first decorator and the `def` line. `resumes` are the lines
    at which it may be left and entered again. `lines` are those that its frames may name.
    """

    name: str
    owner: str
    parameters: tuple[str, ...]
    starts: tuple[int, ...]
    lines: frozenset[int]
    resumes: frozenset[int]


class SourceIndex:
    """The lines of a source text, by their text, and the code objects in it; a text that does not parse has none."""

    def __init__(self, source: str) -> None:
        self.lines = [without_marker(line) for line in source_lines(source)]
        self._by_text: dict[str, list[int]] = {}
        for number, line in enumerate(self.lines, 1):
            self._by_text.setdefault(line, []).append(number)
        try:
            self.codes = _codes(parse(source), len(self.lines))
        except (UsageError, RecursionError):
            self.codes = ()

    def named(self, text: str) -> list[int]:
        """The numbers of all lines that read so; the start marker and blanks at the end do not count."""
        return self._by_text.get(without_marker(text), [])


def _codes(tree: ast.Module, length: int) -> tuple[Code, ...]:
    """The module's own code first, then the others from the outside in."""
    whole = Code("<module>", "", (), (1,), _own_lines(tree, 1, length), frozenset())
    found, waiting = [whole], [(node, "") for node in ast.iter_child_nodes(tree)]
    while waiting:
        node, owner = waiting.pop()
        if isinstance(node, _Scope):
            found.append(_code(node, owner))
        inside = node.name if isinstance(node, ast.ClassDef) else "" if isinstance(node, Function) else owner
        waiting += [(child, inside) for child in ast.iter_child_nodes(node)]
    return tuple(found)


def _code(node: _Scope, owner: str) -> Code:
    first, last = node.lineno, node.end_lineno or node.lineno
    own = _own_lines(node, first, last)
    if isinstance(node, ast.Lambda):
        return Code("<lambda>", owner, _parameters(node.args), (first,), own, _resumes(node))
    if isinstance(node, ast.GeneratorExp):
        return Code("<genexpr>", owner, (".0",), (first,), own, own)
    starts = tuple(dict.fromkeys([*(each.lineno for each in node.decorator_list[:1]), first]))
    if isinstance(node, ast.ClassDef):
        return Code(node.name, owner, (), starts, own | set(starts), frozenset())
    return Code(node.name, owner, _parameters(node.args), starts, own | set(starts), _resumes(node))


def _parameters(arguments: ast.arguments) -> tuple[str, ...]:
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return tuple(each.arg for each in [*named, *filter(None, [arguments.vararg, arguments.kwarg])])


def _own_lines(node: ast.AST, first: int, last: int) -> frozenset[int]:
    """The lines from first to last without the bodies of inner functions and classes on lines of their own."""
    lines = set(range(first, last + 1))
    for inner in _inside(node):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            start = inner.body[0].lineno
            lines -= set(range(start + (start == inner.lineno), (inner.end_lineno or start) + 1))
    return frozenset(lines)


def _resumes(node: ast.AST) -> frozenset[int]:
    """The lines of its own expressions that give control away."""
    found: set[int] = set()
    for inner in _inside(node):
        if isinstance(inner, ast.comprehension) and inner.is_async:
            found.add(inner.iter.lineno)
        elif isinstance(inner, _RESUMED):
            found |= set(range(inner.lineno, (inner.end_lineno or inner.lineno) + 1))
    return frozenset(found)


def _inside(node: ast.AST) -> list[ast.AST]:
    """Every node below that belongs to this code: inner scopes are named, not entered."""
    found: list[ast.AST] = []
    waiting = list(ast.iter_child_nodes(node))
    while waiting:
        inner = waiting.pop()
        found.append(inner)
        if not isinstance(inner, _Scope):
            waiting += ast.iter_child_nodes(inner)
    return found
