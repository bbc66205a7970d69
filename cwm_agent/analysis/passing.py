"""Which statements surely raise nothing, the values of the locals being those that their reprs show."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import lru_cache

from msgspec import Struct

from cwm_agent.analysis.reprs import poses

_LONGEST = 1000
"""Characters of a repr: what is made of longer values may meet a limit of the interpreter."""


class Kind(Struct, frozen=True):
    """What a value is: `int` (a bool too), `str`, `none`, `list`, `tuple`, `dict`, `set`, `iterator`, or else `any`.

    `element` is what all elements of a list or tuple are, where they are of one kind.
    """

    name: str
    element: str = ""


INT, STR, NONE, ANY, ITERATOR = Kind("int"), Kind("str"), Kind("none"), Kind("any"), Kind("iterator")
_HASHABLE = {"int", "str", "none"}
_SIZED = {"str", "list", "tuple", "dict", "set"}
ITERABLE = {"str", "list", "tuple", "set", "iterator"}  # a dict may change its size in the loop
_SEQUENCES = {"str", "list", "tuple"}
_TEXT_METHODS = {"upper", "lower", "strip", "title", "isdigit", "isalpha", "islower", "isupper", "split"}
_ANSWERS = {"split": Kind("list", "str"), "isdigit": INT, "isalpha": INT, "islower": INT, "isupper": INT}

Locals = Mapping[str, str]


def raises_nothing(statement: ast.AST, known: Locals, shadowed: frozenset[str]) -> bool:
    """Whether the statement's own line, or its head, surely raises nothing.

    `known` are the locals and their reprs, `shadowed` the names that may be no built-ins here. Where the source veils,
    no repr is to be believed.
    """
    reader = Reader(known, shadowed)
    match statement:
        case ast.Pass() | ast.Break() | ast.Continue() | ast.Try() | ast.Return(value=None):
            return True
        case ast.Expr(value=value) | ast.Return(value=ast.expr() as value):
            return reader.kind(value) is not None
        case ast.If(test=test) | ast.While(test=test):
            return reader.kind(test) is not None
        case ast.Assign(targets=targets, value=value):
            return reader.kind(value) is not None and all(reader.takes(each, value) for each in targets)
        case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
            return reader.kind(ast.BinOp(ast.Name(name, ast.Load()), op, value)) is not None
        case ast.For():
            return reader.loops(statement)
    return False


def shadows(tree: ast.Module) -> frozenset[str]:
    """The names that the source binds anywhere; after `from … import *` they may be any of the built-ins used here."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.alias(name="*"):
                found |= _BUILTINS.keys()
            case ast.alias(name=name, asname=other):
                found.add(other or name.split(".")[0])
    return frozenset(found)


def veils(tree: ast.Module) -> bool:
    """Whether a class of the source may read like a built-in value, and be none."""
    return poses(tree)


@lru_cache(maxsize=4096)
def kind_of(text: str) -> Kind | None:
    """What a value with this repr is; None where that is not told."""
    if len(text) > _LONGEST:
        return None
    try:
        node = ast.parse(text, mode="eval").body
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return Reader({}, frozenset()).kind(node)


class Reader:
    """Tells what expressions give; None: they may raise, or run code of the source."""

    def __init__(self, known: Locals, shadowed: frozenset[str]) -> None:
        self.known = known
        self._shadowed = shadowed

    def kind(self, node: ast.expr) -> Kind | None:
        """What the expression gives."""
        match node:
            case ast.Constant(value=value):
                return _constant(value)
            case ast.Name(id=name):
                return kind_of(self.known[name]) if name in self.known else None
            case ast.UnaryOp(op=op, operand=operand):
                return self._unary(op, self.kind(operand))
            case ast.BinOp(left=left, op=op, right=right):
                return self._binary(self.kind(left), op, self.kind(right), right)
            case ast.BoolOp(values=values):
                return _one([self.kind(each) for each in values])
            case ast.Compare(left=left, ops=ops, comparators=right):
                return self._compared([left, *right], ops)
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                name = "list" if isinstance(node, ast.List) else "tuple"
                return self._display(name, elements)
            case ast.Dict(keys=keys, values=values):
                return self._dict(keys, values)
            case ast.Set(elts=elements):
                return Kind("set") if all(self.is_of(each, _HASHABLE) for each in elements) else None
            case ast.Subscript(value=value, slice=ast.Slice() as part):
                return self._sliced(self.kind(value), part)
            case ast.Call():
                return self._called(node)
        return None

    def takes(self, target: ast.expr, value: ast.expr) -> bool:
        """Whether an assignment of this value, which raises nothing, to this target raises nothing."""
        match target:
            case ast.Name():
                return True
            case ast.Tuple(elts=targets):
                whole = isinstance(value, ast.Tuple) and len(value.elts) == len(targets)
                return whole and all(isinstance(each, ast.Name) for each in targets)
            case ast.Subscript(value=ast.Name() as name, slice=key):
                return self.is_of(name, {"dict"}) and self.is_of(key, _HASHABLE)
        return False

    def loops(self, node: ast.For) -> bool:
        """Whether a loop takes its next element, whatever its body does."""
        over = node.iter
        names = {each.id for each in ast.walk(over) if isinstance(each, ast.Name)}
        if names & {
            each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
        }:
            return False
        match node.target:
            case ast.Name():
                return self.is_of(over, ITERABLE)
            case ast.Tuple(elts=[ast.Name(), ast.Name()]):
                pairs = isinstance(over, ast.Call) and isinstance(over.func, ast.Name) and over.func.id == "enumerate"
                return pairs and self.is_of(over, ITERABLE)
        return False

    def is_of(self, node: ast.expr, names: set[str]) -> bool:
        """Whether it surely gives a value of one of these kinds."""
        found = self.kind(node)
        return found is not None and found.name in names

    def _unary(self, op: ast.unaryop, operand: Kind | None) -> Kind | None:
        if isinstance(op, ast.Not):
            return None if operand is None else INT
        return INT if operand == INT else None

    def _binary(self, left: Kind | None, op: ast.operator, right: Kind | None, by: ast.expr) -> Kind | None:
        if left is None or right is None:
            return None
        if left == right == INT:
            whole = isinstance(op, ast.Mod | ast.FloorDiv) and isinstance(by, ast.Constant) and by.value
            return INT if isinstance(op, ast.Add | ast.Sub | ast.Mult) or whole else None
        if isinstance(op, ast.Add) and left.name == right.name and left.name in _SEQUENCES:
            return left if left == right else Kind(left.name)
        return None

    def _compared(self, parts: list[ast.expr], ops: list[ast.cmpop]) -> Kind | None:
        kinds = [self.kind(each) for each in parts]
        for left, op, right in zip(kinds, ops, kinds[1:], strict=False):
            if left is None or right is None or not _compares(left, op, right):
                return None
        return INT

    def _display(self, name: str, elements: list[ast.expr]) -> Kind | None:
        kinds = [self.kind(each) for each in elements]
        if None in kinds:
            return None
        names = {each.name for each in kinds if each is not None}
        return Kind(name, names.pop() if len(names) == 1 else "")

    def _dict(self, keys: list[ast.expr | None], values: list[ast.expr]) -> Kind | None:
        whole = all(key is not None and self.is_of(key, _HASHABLE) for key in keys)
        return Kind("dict") if whole and all(self.kind(each) is not None for each in values) else None

    def _sliced(self, kind: Kind | None, part: ast.Slice) -> Kind | None:
        if kind is None or kind.name not in _SEQUENCES:
            return None
        bounds = all(each is None or self.is_of(each, {"int", "none"}) for each in (part.lower, part.upper))
        step = part.step is None or (self.is_of(part.step, {"int"}) and _nonzero(part.step))
        return kind if bounds and step else None

    def _called(self, node: ast.Call) -> Kind | None:
        kinds = [self.kind(each) for each in node.args]
        if node.keywords or None in kinds:
            return None
        given = [each for each in kinds if each is not None]
        match node.func:
            case ast.Name(id=name) if name not in self._shadowed and name not in self.known:
                rule = _BUILTINS.get(name)
                return rule(given, node.args) if rule else None
            case ast.Attribute(value=value, attr=name):
                return _method(self.kind(value), name, given)
        return None


def _constant(value: object) -> Kind | None:
    if isinstance(value, int):
        return INT
    return STR if isinstance(value, str) else NONE if value is None else None


def _one(kinds: list[Kind | None]) -> Kind | None:
    """The kind of a value that is one of these."""
    if None in kinds:
        return None
    return kinds[0] if len(set(kinds)) == 1 else ANY


def _nonzero(node: ast.expr) -> bool:
    inner = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else node
    return isinstance(inner, ast.Constant) and bool(inner.value)


def _compares(left: Kind, op: ast.cmpop, right: Kind) -> bool:
    match op:
        case ast.Eq() | ast.NotEq() | ast.Is() | ast.IsNot():
            return True
        case ast.In() | ast.NotIn():
            if right.name == "str":
                return left.name == "str"
            return right.name in ("list", "tuple") or (right.name in ("dict", "set") and left.name in _HASHABLE)
    return left == right and left in (INT, STR)


def _method(of: Kind | None, name: str, given: list[Kind]) -> Kind | None:
    if of is None:
        return None
    if of == STR and name in _TEXT_METHODS and not given:
        return _ANSWERS.get(name, STR)
    if of.name == "list" and name == "append" and len(given) == 1:
        return NONE
    if of.name == "dict" and name == "get" and given and len(given) < 3 and given[0].name in _HASHABLE:
        return ANY
    if of.name == "dict" and name in ("keys", "values", "items") and not given:
        return ANY
    return None


def _range(given: list[Kind], nodes: list[ast.expr]) -> Kind | None:
    whole = 0 < len(given) < 4 and all(each == INT for each in given) and (len(given) < 3 or _nonzero(nodes[2]))
    return ITERATOR if whole else None


def _text(given: list[Kind], nodes: list[ast.expr]) -> Kind | None:
    """What `str` of a name or a constant gives: a number that is only being made may have too many digits."""
    return STR if len(given) == 1 and isinstance(nodes[0], ast.Name | ast.Constant) else None


def _alike(given: list[Kind], _nodes: list[ast.expr]) -> Kind | None:
    if len(given) != 1 or given[0].name not in ("list", "tuple", "str"):
        return None
    element = "str" if given[0] == STR else given[0].element
    return Kind("list", element) if element in ("int", "str") else None


def _of_one(names: set[str], gives: Kind) -> Callable[[list[Kind], list[ast.expr]], Kind | None]:
    return lambda given, _nodes: gives if len(given) == 1 and given[0].name in names else None


_BUILTINS: dict[str, Callable[[list[Kind], list[ast.expr]], Kind | None]] = {
    "len": _of_one(_SIZED, INT),
    "abs": _of_one({"int"}, INT),
    "bool": _of_one({"int", "none", *_SIZED}, INT),
    "list": _of_one(_SIZED, Kind("list")),
    "dict": _of_one({"dict"}, Kind("dict")),
    "enumerate": _of_one(ITERABLE, ITERATOR),
    "sum": lambda given, _nodes: INT if len(given) == 1 and given[0].element == "int" else None,
    "range": _range,
    "str": _text,
    "sorted": _alike,
}
