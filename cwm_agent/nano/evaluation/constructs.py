"""Which constructs of Python a program uses, so that accuracy can be told by them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_OF_NODE: tuple[tuple[str, tuple[type[ast.AST], ...]], ...] = (
    ("if", (ast.If, ast.IfExp)),
    ("for", (ast.For,)),
    ("while", (ast.While,)),
    ("break, continue", (ast.Break, ast.Continue)),
    ("try, raise", (ast.Try, ast.Raise)),
    ("comprehension", (ast.ListComp, ast.SetComp, ast.DictComp)),
    ("generator", (ast.Yield, ast.YieldFrom, ast.GeneratorExp)),
    ("class", (ast.ClassDef,)),
    ("f-string", (ast.JoinedStr,)),
    ("slice", (ast.Slice,)),
    ("list", (ast.List,)),
    ("tuple", (ast.Tuple,)),
    ("dict", (ast.Dict,)),
    ("set", (ast.Set,)),
)
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)


def constructs(source: str) -> tuple[str, ...]:
    """The names of those that stand in a source, `straight line` where there is no branch, loop or call of its own."""
    tree = ast.parse(source)
    found = {name for node in ast.walk(tree) for name in _of(node)}
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    own = {each.name for each in functions}
    if any(_calls(each, own - {each.name}) for each in functions):
        found.add("nested call")
    if any(_calls(each, {each.name}) for each in functions):
        found.add("recursion")
    if not found & {"if", "for", "while", "try, raise", "nested call", "recursion"}:
        found.add("straight line")
    return tuple(sorted(found))


def _of(node: ast.AST) -> Iterator[str]:
    for name, kinds in _OF_NODE:
        if isinstance(node, kinds):
            yield name
    match node:
        case ast.Constant(value=str()):
            yield "string"
        case ast.Constant(value=float()):
            yield "float"
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if isinstance(op, _ARITHMETIC):
            yield "arithmetic"
        case ast.Call(func=ast.Attribute()):
            yield "method"
        case ast.Compare():
            yield "comparison"


def _calls(function: ast.FunctionDef, names: set[str]) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
        for node in ast.walk(function)
    )
