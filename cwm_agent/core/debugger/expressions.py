"""Expressions over the locals of a frame, computed from their reprs alone. Nothing of the user's program is run.

Names, literals, arithmetic, comparisons, `and`, `or`, `not`, `in`, subscripts, slices, conditional expressions and a
few built-in functions. A local whose repr is no literal stands for itself and cannot be computed with, except that
`p.x` reads `x` off a repr such as `P(x=1)`.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from cwm_agent.errors import UsageError

EXPRESSION_LIMIT = 2000
"""Characters of an expression."""
VALUE_LIMIT = 100_000
"""Characters of a repr that is read, and elements of a value that is made."""
_BITS = 20_000
_ABILITIES = "names, literals, arithmetic, comparisons, `in`, subscripts, and " + (
    "abs, all, any, bool, float, int, len, list, max, min, repr, round, set, sorted, str, sum, tuple"
)
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (abs, all, any, bool, float, int, len, list, max, min, repr, round, set, sorted, str, sum, tuple)
}
_NOT_FINITE = ("nan", "inf", "-inf")
_BINARY: dict[type[ast.operator], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.BitAnd: operator.and_,
}
_UNARY: dict[type[ast.unaryop], Callable[..., Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
    ast.Invert: operator.invert,
}
_COMPARED: dict[type[ast.cmpop], Callable[..., Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda one, other: operator.contains(other, one),
    ast.NotIn: lambda one, other: not operator.contains(other, one),
}
_FAILURES = (ArithmeticError, TypeError, ValueError, LookupError, AttributeError, RecursionError, MemoryError)


class Opaque:
    """A value of which only the repr is known."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def read(text: str) -> object:
    """The value of a repr, or an Opaque. What holds `...` is opaque: there something may have been left out."""
    if text in _NOT_FINITE:
        return float(text)
    if len(text) > VALUE_LIMIT:
        return Opaque(text)
    try:
        value: object = ast.literal_eval(text)
        return Opaque(text) if _has_ellipsis(value) else value
    except (SyntaxError, *_FAILURES):
        return Opaque(text)


def evaluate(expression: str, names: Mapping[str, str]) -> str:
    """The repr of an expression's value, where each name stands for its repr; UsageError says why there is none."""
    tree = _parse(expression)
    if isinstance(tree, ast.Name) and tree.id in names:
        return names[tree.id]
    return repr(_computed(tree, names))


def holds(condition: str, names: Mapping[str, str]) -> bool:
    """Whether a condition is true; UsageError where that cannot be told."""
    value = _computed(_parse(condition), names)
    if isinstance(value, Opaque):
        raise _opaque(value)
    return bool(value)


def check(expression: str) -> str:
    """The expression without blanks around it; UsageError where it does not parse."""
    _parse(expression)
    return expression.strip()


def _parse(expression: str) -> ast.expr:
    if len(expression) > EXPRESSION_LIMIT:
        raise UsageError(f"The expression is longer than {EXPRESSION_LIMIT} characters.")
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"Not an expression: {expression.strip()}", remedy=f"It can have {_ABILITIES}.") from error


def _computed(tree: ast.expr, names: Mapping[str, str]) -> object:
    try:
        return _Evaluation(names).value(tree)
    except _FAILURES as error:
        raise UsageError(f"{type(error).__name__}: {error}") from error


class _Evaluation:
    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def value(self, node: ast.expr) -> object:
        """The value of one node; an Opaque only where a name, a subscript or an attribute is one."""
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self._named(name)
            case ast.Tuple() | ast.List() | ast.Set() | ast.Dict():
                return self._display(node)
            case ast.UnaryOp(op=op, operand=operand):
                return _UNARY[type(op)](self._plain(operand))
            case ast.BinOp(left=left, op=op, right=right):
                return _binary(op, self._plain(left), self._plain(right))
            case ast.BoolOp(op=op, values=values):
                return self._boolean(op, values)
            case ast.Compare():
                return self._compared(node)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.value(body if self._plain(test) else orelse)
            case ast.Subscript(value=held, slice=at):
                return self._item(self._plain(held), at)
            case ast.Attribute(value=held, attr=name):
                return _attribute(self.value(held), name)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name not in self._names:
                return self._called(name, args)
        raise UsageError(f"This cannot be computed here: {ast.unparse(node)}", remedy=f"What can: {_ABILITIES}.")

    def _plain(self, node: ast.expr) -> object:
        value = self.value(node)
        if isinstance(value, Opaque):
            raise _opaque(value)
        return value

    def _named(self, name: str) -> object:
        if name in self._names:
            return read(self._names[name])
        known = ", ".join(self._names)
        remedy = f"There {'is' if len(self._names) == 1 else 'are'} {known}." if known else "There are no locals here."
        raise UsageError(f"No local `{name}` here.", remedy=remedy)

    def _display(self, node: ast.Tuple | ast.List | ast.Set | ast.Dict) -> object:
        if isinstance(node, ast.Dict):
            if None in node.keys:
                raise UsageError("`**` cannot be computed here.")
            keys = [self._plain(key) for key in node.keys if key is not None]
            return dict(zip(keys, map(self._plain, node.values), strict=True))
        elements = [self._plain(each) for each in node.elts]
        kinds: dict[type[ast.expr], Callable[[list[object]], object]] = {ast.Tuple: tuple, ast.Set: set}
        return kinds.get(type(node), list)(elements)

    def _boolean(self, op: ast.boolop, values: list[ast.expr]) -> object:
        wanted = isinstance(op, ast.Or)
        value: object = None
        for each in values:
            value = self._plain(each)
            if bool(value) is wanted:
                break
        return value

    def _compared(self, node: ast.Compare) -> object:
        left, result = self._plain(node.left), True
        for op, other in zip(node.ops, node.comparators, strict=True):
            right = self._plain(other)
            result = bool(_COMPARED[type(op)](left, right))
            if not result:
                break
            left = right
        return result

    def _item(self, held: Any, at: ast.expr) -> object:
        return held[self._index(at)]

    def _index(self, node: ast.expr) -> object:
        if not isinstance(node, ast.Slice):
            return self._plain(node)
        return slice(*(None if part is None else self._plain(part) for part in (node.lower, node.upper, node.step)))

    def _called(self, name: str, args: list[ast.expr]) -> object:
        if name == "len" and len(args) == 1 and isinstance(held := self.value(args[0]), Opaque):
            raise _opaque(held)
        if name not in _FUNCTIONS:
            raise UsageError(
                f"`{name}` is not called: nothing of the program is run here.", remedy=f"It can have {_ABILITIES}."
            )
        return _FUNCTIONS[name](*map(self._plain, args))


def _binary(op: ast.operator, left: object, right: object) -> object:
    if type(op) not in _BINARY or (isinstance(op, ast.Mod) and isinstance(left, str | bytes)):
        raise UsageError("This operator cannot be computed here.", remedy=f"What can: {_ABILITIES}.")
    if isinstance(op, ast.Pow) and isinstance(left, int) and isinstance(right, int):
        _bound(left.bit_length() * max(right, 0), _BITS)
    elif isinstance(op, ast.LShift) and isinstance(right, int):
        _bound(right, _BITS)
    elif isinstance(op, ast.Mult):
        for one, times in ((left, right), (right, left)):
            if isinstance(times, int) and not isinstance(one, int | float | complex):
                _bound(_size(one) * max(times, 0), VALUE_LIMIT)
    return _BINARY[type(op)](left, right)


def _bound(size: int, limit: int) -> None:
    if size > limit:
        raise UsageError("The value would be too large to show.")


def _size(value: object) -> int:
    """How many elements a value has, those of its elements included."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(_size(key) + _size(each) for key, each in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return 1 + sum(map(_size, value))
    return 1


def _has_ellipsis(value: object) -> bool:
    if isinstance(value, dict):
        return any(_has_ellipsis(key) or _has_ellipsis(each) for key, each in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(_has_ellipsis, value))
    return value is ...


def _attribute(held: object, name: str) -> object:
    """`p.x` where the repr of `p` reads `P(…, x=…)`."""
    if isinstance(held, Opaque):
        try:
            tree = ast.parse(held.text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            tree = None
        for given in tree.keywords if isinstance(tree, ast.Call) else ():
            if given.arg == name:
                return read(ast.unparse(given.value))
        raise UsageError(f"Its repr does not tell `{name}`: {held.text[:80]}")
    raise UsageError(f"Attributes and methods are not looked up: .{name}", remedy=f"What can: {_ABILITIES}.")


def _opaque(value: Opaque) -> UsageError:
    return UsageError(f"Only its repr is known, so it cannot be computed with: {value.text[:80]}")
