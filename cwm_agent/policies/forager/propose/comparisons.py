"""Comparison operators, and `is` against `==`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cwm_agent.policies.forager.kinds import Edit, Kind
from cwm_agent.policies.forager.propose.place import Place

SIGN: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}

# The wrong end of an interval is by far the commonest slip, the wrong direction the next.
OTHERS: dict[str, tuple[tuple[str, float], ...]] = {
    "<": (("<=", 1.0), (">", 0.7), (">=", 0.55), ("!=", 0.3), ("==", 0.25)),
    "<=": (("<", 1.0), (">=", 0.7), (">", 0.55), ("!=", 0.25), ("==", 0.3)),
    ">": ((">=", 1.0), ("<", 0.7), ("<=", 0.55), ("!=", 0.3), ("==", 0.25)),
    ">=": ((">", 1.0), ("<=", 0.7), ("<", 0.55), ("!=", 0.25), ("==", 0.3)),
    "==": (("!=", 0.8), (">=", 0.6), ("<=", 0.6), ("in", 0.35), ("<", 0.4), (">", 0.4), ("is", 0.2)),
    "!=": (("==", 0.8), ("<", 0.6), (">", 0.6), ("not in", 0.35), ("is not", 0.2)),
    "is": (("is not", 0.9), ("==", 0.8)),
    "is not": (("is", 0.9), ("!=", 0.8)),
    "in": (("not in", 0.9), ("==", 0.4)),
    "not in": (("in", 0.9), ("!=", 0.4)),
}
_IDENTITY = {("==", "is"), ("is", "=="), ("!=", "is not"), ("is not", "!=")}


def edits(place: Place) -> Iterator[Edit]:
    """Another comparison for each one of the statement."""
    for node in place.expressions:
        if not isinstance(node, ast.Compare):
            continue
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            sign = SIGN[type(operator)]
            where = place.between(left, right, sign)
            left = right
            if where is None:
                continue
            for other, weight in OTHERS[sign]:
                kind = Kind.IDENTITY if (sign, other) in _IDENTITY else Kind.COMPARISON
                yield Edit(kind, *where, other, f"compares with `{other}` instead of `{sign}`", weight)
