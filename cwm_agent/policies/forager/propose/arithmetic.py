"""Arithmetic: another operator, swapped or dropped operands, other grouping, plain against augmented assignment."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cwm_agent.policies.forager.kinds import Edit, Kind
from cwm_agent.policies.forager.propose.place import Place

SIGN: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
}
OTHERS: dict[str, tuple[tuple[str, float], ...]] = {
    "+": (("-", 1.0), ("*", 0.6), ("/", 0.25), ("%", 0.2)),
    "-": (("+", 1.0), ("*", 0.3), ("/", 0.3), ("%", 0.3)),
    "*": (("/", 0.8), ("+", 0.7), ("**", 0.5), ("//", 0.5), ("-", 0.3)),
    "/": (("//", 1.0), ("*", 0.8), ("%", 0.5), ("-", 0.25)),
    "//": (("/", 1.0), ("%", 0.8), ("*", 0.5)),
    "%": (("//", 0.8), ("/", 0.5), ("*", 0.4)),
    "**": (("*", 0.9), ("//", 0.2)),
    "&": (("|", 0.9), ("^", 0.5), ("-", 0.3)),
    "|": (("&", 0.9), ("^", 0.5)),
    "^": (("|", 0.7), ("&", 0.7), ("**", 0.5)),
    "<<": ((">>", 0.9),),
    ">>": (("<<", 0.9),),
}
_SYMMETRIC = (ast.Add, ast.Mult, ast.BitAnd, ast.BitOr, ast.BitXor)


def edits(place: Place) -> Iterator[Edit]:
    """Other arithmetic for each operation of the statement."""
    for node in place.expressions:
        if isinstance(node, ast.BinOp):
            yield from _operator(place, node)
            yield from _operands(place, node)
            yield from _grouping(place, node)
            yield from _leading(place, node)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield place.replace(Kind.OPERATOR, node, place.text(node.operand), "drops the minus sign", 0.6)
    statement = place.site.node
    if isinstance(statement, ast.AugAssign):
        yield from _augmented(place, statement)
        yield from _first_time(place, statement, statement.target, "+")
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        yield from _accumulate(place, statement)
        yield from _first_time(place, statement, statement.targets[0], "+")


def _operator(place: Place, node: ast.BinOp) -> Iterator[Edit]:
    sign = SIGN.get(type(node.op))
    where = place.between(node.left, node.right, sign) if sign else None
    if sign is None or where is None:
        return
    text = isinstance(node.left, ast.Constant | ast.JoinedStr) and isinstance(getattr(node.left, "value", ""), str)
    for other, weight in OTHERS[sign]:
        yield Edit(Kind.OPERATOR, *where, other, f"uses `{other}` instead of `{sign}`", weight * (0.1 if text else 1.0))


def _operands(place: Place, node: ast.BinOp) -> Iterator[Edit]:
    left, right = place.atom(node.left), place.atom(node.right)
    sign = SIGN.get(type(node.op), "")
    if sign and not (isinstance(node.op, _SYMMETRIC) and isinstance(node.right, ast.Constant)):
        weight = 0.3 if isinstance(node.op, _SYMMETRIC) else 0.7
        yield place.replace(Kind.OPERATOR, node, f"{right} {sign} {left}", f"swaps the operands of `{sign}`", weight)
    yield place.replace(Kind.OPERATOR, node, left, f"drops `{sign} {right}`", 0.45)
    yield place.replace(Kind.OPERATOR, node, right, f"drops `{left} {sign}`", 0.3)


def _grouping(place: Place, node: ast.BinOp) -> Iterator[Edit]:
    """`a + b * c` as `(a + b) * c`, and `(a + b) * c` as `a + b * c`."""
    sign = SIGN.get(type(node.op), "")
    if isinstance(node.right, ast.BinOp) and sign:
        inner = SIGN.get(type(node.right.op), "")
        first, second, third = place.atom(node.left), place.atom(node.right.left), place.atom(node.right.right)
        if inner:
            text = f"({first} {sign} {second}) {inner} {third}"
            yield place.replace(Kind.OPERATOR, node, text, f"applies `{sign}` before `{inner}`", 0.6)
    if isinstance(node.left, ast.BinOp) and sign:
        inner = SIGN.get(type(node.left.op), "")
        first, second, third = place.atom(node.left.left), place.atom(node.left.right), place.atom(node.right)
        if inner:
            text = f"{first} {inner} ({second} {sign} {third})"
            if sign in ("*", "/", "//", "%") and inner in ("+", "-"):
                text = f"{first} {inner} {second} {sign} {third}"
            yield place.replace(Kind.OPERATOR, node, text, f"applies `{sign}` before `{inner}`", 0.6)


def _leading(place: Place, node: ast.BinOp) -> Iterator[Edit]:
    """`a - b * c / d` as `(a - b) * c / d`, and whole division that rounds up."""
    leaf: ast.expr = node.right
    while isinstance(leaf, ast.BinOp) and isinstance(leaf.op, ast.Mult | ast.Div | ast.FloorDiv | ast.Mod):
        leaf = leaf.left
    if isinstance(node.op, ast.Add | ast.Sub) and isinstance(node.right, ast.BinOp) and leaf is not node.right.left:
        start, end = place.source.span(node)
        middle = place.source.span(leaf)[1]
        text = f"({place.source.text[start:middle]}){place.source.text[middle:end]}"
        yield place.replace(Kind.OPERATOR, node, text, f"applies `{SIGN[type(node.op)]}` first", 0.7)
    if isinstance(node.op, ast.FloorDiv):
        top, bottom = place.atom(node.left), place.atom(node.right)
        text = f"-(-{top} // {bottom})"
        yield place.replace(Kind.OPERATOR, node, text, "rounds the quotient up", 0.6)
        text = f"({top} + {bottom} - 1) // {bottom}"
        yield place.replace(Kind.OPERATOR, node, text, "rounds the quotient up", 0.55)


def _augmented(place: Place, node: ast.AugAssign) -> Iterator[Edit]:
    sign = SIGN.get(type(node.op))
    where = place.between(node.target, node.value, f"{sign}=")
    if sign is None or where is None:
        return
    yield Edit(Kind.OPERATOR, *where, "=", f"assigns instead of `{sign}=`", 0.6)
    for other, weight in OTHERS[sign]:
        yield Edit(Kind.OPERATOR, *where, f"{other}=", f"uses `{other}=` instead of `{sign}=`", weight)


def _accumulate(place: Place, node: ast.Assign) -> Iterator[Edit]:
    """`x = v` as `x += v`, where x already had a value."""
    if isinstance(node.targets[0], ast.Tuple | ast.List | ast.Starred) or place.scope is None:
        return
    where = place.between(node.targets[0], node.value, "=")
    name = getattr(node.targets[0], "id", "")
    bound = name in place.scope.parameters or place.scope.locals.get(name, node.lineno) < node.lineno
    looped = 0.7 if place.site.loop or bound else 0.3
    if where:
        yield Edit(Kind.OPERATOR, *where, "+=", "adds to the value instead of replacing it", looped)
        yield Edit(Kind.OPERATOR, *where, "-=", "subtracts from the value instead of replacing it", looped * 0.4)
        yield Edit(Kind.OPERATOR, *where, "*=", "multiplies the value instead of replacing it", looped * 0.3)


def _first_time(place: Place, statement: ast.Assign | ast.AugAssign, target: ast.expr, sign: str) -> Iterator[Edit]:
    """`d[k] = v` and `d[k] += v` as counting up from nothing, and as collecting in a list."""
    if not isinstance(target, ast.Subscript) or isinstance(target.slice, ast.Slice):
        return
    base, key, value = place.text(target.value), place.text(target.slice), place.text(statement.value)
    where = place.text(target)
    text = f"{where} = {base}.get({key}, 0) {sign} {place.atom(statement.value)}"
    yield place.replace(Kind.OPERATOR, statement, text, f"adds to `{where}`, from 0 on", 0.7)
    item = value[1:-1] if isinstance(statement.value, ast.List) and len(statement.value.elts) == 1 else value
    text = f"{base}.setdefault({key}, []).append({item})"
    yield place.replace(Kind.OPERATOR, statement, text, f"collects the values of `{where}` in a list", 0.45)
