"""Which objects a step may change: those reachable from some names, or any."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from msgspec import Struct

from cwm_agent.analysis.callees import Callees, Calls
from cwm_agent.analysis.codes import Code
from cwm_agent.analysis.graph import Node, Op
from cwm_agent.analysis.imports import is_standard

_PURE = frozenset(
    {
        *("abs", "all", "any", "ascii", "bin", "bool", "bytes", "callable", "chr", "complex", "dict", "divmod"),
        *("enumerate", "filter", "float", "format", "frozenset", "getattr", "hasattr", "hash", "hex", "id", "input"),
        *("int", "isinstance", "issubclass", "iter", "len", "list", "map", "max", "min", "object", "oct", "open"),
        *("ord", "pow", "print", "range", "repr", "reversed", "round", "set", "slice", "sorted", "str", "sum"),
        *("super", "tuple", "type", "zip"),
    }
)
_OWN_ONLY = frozenset(
    {
        *("add", "append", "appendleft", "clear", "difference_update", "discard", "extend", "extendleft", "insert"),
        *("intersection_update", "pop", "popitem", "popleft", "remove", "reverse", "rotate", "setdefault", "sort"),
        *("symmetric_difference_update", "update", "write", "writelines"),
    }
)
_READS = frozenset(
    {
        *(name for kind in (str, bytes, int, float, tuple, frozenset) for name in dir(kind) if name[0] != "_"),
        *("get", "items", "keys", "values", "most_common", "elements"),
    }
)
_QUIET = frozenset({Op.NOTHING, Op.LOAD, Op.RETURN, Op.RERAISE})


class Change(Struct, frozen=True):
    """What a step may change: what is reachable from `roots` (names), or `anything`."""

    roots: frozenset[str] = frozenset()
    anything: bool = False

    def __or__(self, other: Change) -> Change:
        return Change(self.roots | other.roots, self.anything or other.anything)

    @property
    def nothing(self) -> bool:
        """Whether no object changes."""
        return not self.roots and not self.anything


NOTHING = Change()
ANYTHING = Change(anything=True)


class Mutation:
    """What the steps of a source may change, judged by its call graph."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._confined: dict[int, bool] = {}

    def of(self, node: Node, code: Code) -> Change:
        """What the step may change."""
        if node.op in _QUIET:
            return NOTHING
        if node.op is Op.IMPORT and isinstance(node.of, ast.Import | ast.ImportFrom) and is_standard(node.of):
            return NOTHING
        if node.op in (Op.YIELD, Op.DELEGATE, Op.ENTER, Op.EXIT, Op.IMPORT, Op.CLASS, Op.DECORATE):
            return ANYTHING
        callees = self._calls.of(node, code)
        if node.op is Op.CALL:
            assert isinstance(node.of, ast.Call)
            return self._called(node.of, code, callees)
        own = self._own(node)
        if not callees.fresh and not callees.resumed:
            return own
        given = _names(node.of) if node.of is not None else frozenset()
        return own | Change(given, anything=not self._stays_inside(callees))

    @staticmethod
    def _own(node: Node) -> Change:
        """What the operation itself changes, without the functions that it calls."""
        match node.op, node.of:
            case ((Op.SET_ATTRIBUTE | Op.SET_SUBSCRIPT), (ast.Attribute(value=owner) | ast.Subscript(value=owner))):
                return Change(_names(owner))
            case Op.BINARY, ast.AugAssign(target=target):
                return Change(_names(target))
            case ((Op.ITER | Op.NEXT | Op.SPREAD), ast.expr() as asked):
                return NOTHING if _is_display(asked) else Change(_names(asked))
            case ((Op.UNPACK | Op.MATCH), _):
                return NOTHING
        return NOTHING

    def _called(self, call: ast.Call, code: Code, callees: Callees) -> Change:
        given = _names(call)
        reaches = callees.fresh or callees.resumed
        if isinstance(call.func, ast.Name):
            meaning = self._calls.names.meaning(call.func.id, code)
            if meaning.builtin and not meaning.unknown and not reaches:
                return NOTHING if call.func.id in _PURE else Change(_arguments(call), call.func.id != "next")
            if meaning.codes and not (meaning.unknown or meaning.imported or meaning.builtin):
                return Change(_arguments(call), anything=not self._stays_inside(callees))
        elif isinstance(call.func, ast.Attribute) and not callees.must:
            named = self._calls.methods(call.func.attr)
            owner = _names(call.func.value)
            if not named and not reaches and call.func.attr in _READS:
                return NOTHING
            if not named and not reaches and call.func.attr in _OWN_ONLY:
                return Change(owner)
        return Change(given, anything=not reaches or not self._stays_inside(callees))

    def _stays_inside(self, callees: Callees) -> bool:
        """Whether these can change nothing but what they are given."""
        return callees.certain and all(map(self._is_confined, callees.fresh | callees.resumed))

    def _is_confined(self, number: int) -> bool:
        """Whether a function, with all that it calls, uses no variable of a scope around it."""
        if number not in self._confined:
            self._confined[number] = True  # for one that calls itself
            code = self._calls.codes.all[number]
            self._confined[number] = not code.resumed and all(self._is_own(node, code) for node in code.own)
        return self._confined[number]

    def _is_own(self, node: ast.AST, code: Code) -> bool:
        match node:
            case ast.Name(id=name):
                if name in code.binds or name in code.outside:
                    return name not in code.outside
                return not self._calls.names.meaning(name, code).unknown
            case ast.Attribute(value=ast.Name(id=name)):
                return not self._calls.names.meaning(name, code).codes or name in code.binds
            case ast.Global() | ast.Nonlocal() | ast.Import() | ast.ImportFrom():
                return False
            case ast.Call():
                callees = self._calls.called(node, code)
                return callees.certain and all(map(self._is_confined, callees.fresh | callees.resumed))
        return True


def _is_display(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="range")):
            return True
        case ast.Call(func=ast.Name(id="enumerate" | "zip" | "reversed" | "sorted"), args=arguments):
            return all(map(_is_display, arguments))
    return isinstance(node, ast.Constant | ast.Tuple | ast.List | ast.Set | ast.Dict | ast.JoinedStr)


def _names(node: ast.AST | None) -> frozenset[str]:
    if node is None:
        return frozenset()
    return frozenset(each.id for each in ast.walk(node) if isinstance(each, ast.Name))


def _arguments(call: ast.Call) -> frozenset[str]:
    parts: Iterable[ast.expr] = [*call.args, *(each.value for each in call.keywords)]
    return frozenset(name for part in parts for name in _names(part))
