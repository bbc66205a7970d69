"""Small changes to a program, each of which still parses: what a slip of the hand makes of it."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator

_ARITHMETIC: tuple[type[ast.operator], ...] = (ast.Sub, ast.FloorDiv, ast.Mult)
"""Without `+` and `%`, which are mostly of texts and lists: what is left of most such programs is a TypeError."""
_ORDER: tuple[type[ast.cmpop], ...] = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)

Change = Callable[[], None]


def mutated(rng: random.Random, source: str) -> str:
    """The source with one thing changed, as `ast.unparse` writes it; unchanged where nothing can be."""
    tree = ast.parse(source)
    changes = list(_changes(rng, tree))
    if changes:
        rng.choice(changes)()
    return ast.unparse(tree) + "\n"


def _changes(rng: random.Random, tree: ast.Module) -> Iterator[Change]:
    for node in ast.walk(tree):
        match node:
            case ast.BinOp(op=op) | ast.AugAssign(op=op) if isinstance(op, _ARITHMETIC):
                yield _set(node, "op", rng.choice([each for each in _ARITHMETIC if not isinstance(op, each)])())
            case ast.Compare(ops=[op]) if isinstance(op, _ORDER):
                yield _set(node, "ops", [rng.choice([each for each in _ORDER if not isinstance(op, each)])()])
            case ast.Constant(value=int(value)) if not isinstance(value, bool) and abs(value) < 100:
                yield _set(node, "value", abs(value + rng.choice((-1, 1, 2))))
            case ast.If(test=test) | ast.IfExp(test=test):
                yield _set(node, "test", ast.UnaryOp(ast.Not(), test))
            case ast.BoolOp(op=op):
                yield _set(node, "op", ast.Or() if isinstance(op, ast.And) else ast.And())


def _set(node: ast.AST, field: str, value: object) -> Change:
    return lambda: setattr(node, field, value)
