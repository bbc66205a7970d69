"""Boolean operators, negation of conditions, dropped operands, swapped arms of a conditional expression."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cwm_agent.policies.forager.kinds import Edit, Kind
from cwm_agent.policies.forager.propose.place import Place


def edits(place: Place) -> Iterator[Edit]:
    """Other logic for each condition of the statement."""
    for node in place.expressions:
        if isinstance(node, ast.BoolOp):
            yield from _operator(place, node)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield place.replace(Kind.NEGATION, node, place.text(node.operand), "drops the `not`", 0.9)
        elif isinstance(node, ast.IfExp):
            body, test, other = place.atom(node.body), place.text(node.test), place.atom(node.orelse)
            text = f"{other} if {test} else {body}"
            yield place.replace(Kind.NEGATION, node, text, "swaps the two arms of the conditional", 0.8)
            yield place.replace(Kind.UNGUARD, node, place.text(node.body), "always takes the first arm", 0.5)
            yield place.replace(Kind.UNGUARD, node, place.text(node.orelse), "always takes the second arm", 0.5)
    for condition, weight in _conditions(place):
        if not (isinstance(condition, ast.UnaryOp) and isinstance(condition.op, ast.Not)):
            yield place.replace(
                Kind.NEGATION, condition, f"not {place.atom(condition)}", "negates the condition", weight
            )


def _operator(place: Place, node: ast.BoolOp) -> Iterator[Edit]:
    sign = "and" if isinstance(node.op, ast.And) else "or"
    other = "or" if sign == "and" else "and"
    parts = [place.text(value) for value in node.values]
    for left, right in zip(node.values, node.values[1:], strict=False):
        where = place.between(left, right, sign)
        if where:
            yield Edit(Kind.BOOLEAN, *where, other, f"uses `{other}` instead of `{sign}`", 1.0)
    for number in range(len(parts)):
        rest = parts[:number] + parts[number + 1 :]
        text = f" {sign} ".join(rest)
        text = f"({text})" if len(rest) > 1 and "\n" in place.text(node) else text
        yield place.replace(Kind.BOOLEAN, node, text, f"drops `{parts[number]}` from the condition", 0.5)
    for left, right in zip(node.values, node.values[1:], strict=False):
        for value, outside in ((left, right), (right, left)):
            if isinstance(value, ast.BoolOp) and len(value.values) == 2 and len(node.values) == 2:
                yield from _regroup(place, node, value, outside, first=value is left)


def _regroup(place: Place, node: ast.BoolOp, value: ast.BoolOp, outside: ast.expr, *, first: bool) -> Iterator[Edit]:
    sign, inner = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
    a, b, c = place.text(value.values[0]), place.text(value.values[1]), place.text(outside)
    text = f"{a} {inner} ({b} {sign} {c})" if first else f"({c} {sign} {a}) {inner} {b}"
    yield place.replace(Kind.BOOLEAN, node, text, f"groups `{sign}` before `{inner}`", 0.6)


def _conditions(place: Place) -> Iterator[tuple[ast.expr, float]]:
    statement = place.site.node
    if isinstance(statement, ast.If | ast.While | ast.Assert):
        yield statement.test, 1.0
    if isinstance(statement, ast.Return) and isinstance(
        statement.value, ast.Compare | ast.BoolOp | ast.Call | ast.Name
    ):
        yield statement.value, 0.55
    for node in place.expressions:
        if isinstance(node, ast.BoolOp):
            yield from ((value, 0.7) for value in node.values)
        elif isinstance(node, ast.IfExp):
            yield node.test, 0.3
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            for part in node.generators:
                yield from ((test, 0.9) for test in part.ifs)
            if isinstance(node, ast.GeneratorExp) and isinstance(node.elt, ast.Compare | ast.Call):
                yield node.elt, 0.5
