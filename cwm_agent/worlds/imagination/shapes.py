"""The statements of a source by line: whether a line surely binds or deletes a name, and what it surely hands on."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping
from types import CodeType

from msgspec import Struct

from cwm_agent.analysis.passing import raises_nothing, shadows, veils
from cwm_agent.traces.entry import Function
from cwm_agent.worlds.imagination.binding import bound, plain_function, told

_RETURNS = (ast.Yield, ast.YieldFrom, ast.Await)
Stands = ast.stmt | ast.ExceptHandler


class Piece(Struct, frozen=True):
    """One function of the source: `order` is that of its locals, `shared` are those that inner functions also see."""

    name: str
    node: Function | ast.Lambda | ast.ClassDef
    first: int
    last: int
    parameters: tuple[str, ...]
    order: tuple[str, ...]
    shared: frozenset[str]
    borrowed: tuple[str, ...]


class Shapes:
    """What can be read off the statements of one source text."""

    def __init__(self, text: str, tree: ast.Module) -> None:
        self._at: dict[int, list[Stands]] = {}
        for node in ast.walk(tree):
            if isinstance(node, Stands):
                self._at.setdefault(node.lineno, []).append(node)
        self._pieces = _pieces(text, tree)
        self._tree = tree
        self._plain: dict[str, ast.FunctionDef | None] = {}
        self._veiled = veils(tree)
        self._shadowed = shadows(tree)

    def piece(self, function: str, line: int | None) -> Piece | None:
        """The function of this name around this line, the innermost."""
        around = [each for each in self._pieces.get(function, []) if line and each.first <= line <= each.last]
        return min(around, key=lambda each: each.last - each.first, default=None)

    def _only(self, line: int) -> Stands | None:
        """The statement of this line, where it is the only one and its head ends there."""
        found = self._at.get(line, [])
        return found[0] if len(found) == 1 and _head_end(found[0]) == line else None

    def raises_nothing(self, line: int, known: Mapping[str, str]) -> bool:
        """Whether the one statement of this line surely raises nothing, the locals being what is known."""
        node = self._only(line)
        return node is not None and not self._veiled and raises_nothing(node, known, self._shadowed)

    def stores(self, line: int) -> set[str]:
        """The names that are written to somewhere in the statements that begin on this line."""
        nodes = [each for node in self._at.get(line, []) for part in _head(node) for each in ast.walk(part)]
        return {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}

    def binds(self, line: int, name: str, targets: frozenset[int]) -> bool | None:
        """Whether the line, having run to its end and one of `targets` being next, has bound a name; None: it may."""
        match self._only(line):
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.Import() | ast.ImportFrom() as node:
                return True if name in _stored(node) else None
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() as node:
                return True if name in _stored(node) and not node.decorator_list else None
            case ast.With() | ast.AsyncWith() as node:
                return True if name in _stored(node) else None
            case ast.For() | ast.AsyncFor() | ast.ExceptHandler() as node if name in _stored(node):
                return _goes_in(node, targets)
        return None

    def deletes(self, line: int, name: str) -> bool:
        """Whether the line, having run to its end, has surely deleted a name."""
        match self._only(line):
            case ast.Delete(targets=targets):
                return any(isinstance(each, ast.Name) and each.id == name for each in targets)
        return False

    def fails_whole(self, line: int) -> bool:
        """Whether the line, where it raises, binds nothing."""
        match self._only(line):
            case ast.Assign(targets=[ast.Name()]) | ast.AnnAssign(target=ast.Name()) | ast.AugAssign():
                pass
            case ast.Expr() | ast.Return() | ast.Raise() | ast.Assert() | ast.For():
                pass
            case _:
                return False
        return not any(isinstance(node, ast.NamedExpr) for node in ast.walk(self._at[line][0]))

    def assigned(self, line: int, name: str, known: Mapping[str, str]) -> str | None:
        """The repr that a plain assignment of a literal or of another name gives to this one."""
        match self._only(line):
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                return told(value, known)
        return None

    def returned(self, line: int, piece: Piece, known: Mapping[str, str]) -> str | None:
        """The repr of what a return from this line gives back, where that is told."""
        if not isinstance(piece.node, Function) or any(_gives_back(node) for node in ast.walk(piece.node)):
            return None
        node = self._only(line)
        if isinstance(node, ast.Return):
            value = node.value or ast.Constant(None)
            return told(value, known)
        simple = ast.Expr | ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Pass | ast.For | ast.While | ast.If
        return "None" if isinstance(node, simple) else None

    def passed(self, line: int, piece: Piece, known: Mapping[str, str]) -> dict[str, str | None] | None:
        """What the one call on this line hands to the parameters of the called function; None where that is unsure.

        `known` are the locals of the function that calls.
        """
        inner = self._inner(line)
        calls = [each for each in inner if isinstance(each, ast.Call)]
        odd = (ast.NamedExpr, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, *_RETURNS)
        if len(calls) != 1 or any(isinstance(each, odd) for each in inner):
            return None
        function = self._called_by_name(calls[0], piece, known)
        return None if function is None else bound(calls[0], function, known)

    def calls_plainly(self, line: int, piece: Piece, known: Mapping[str, str]) -> bool:
        """Whether an exception that leaves this function, called from this line, is raised there again."""
        calls = [each for each in self._inner(line) if isinstance(each, ast.Call)]
        return any(self._called_by_name(each, piece, known) for each in calls)

    def _inner(self, line: int) -> list[ast.AST]:
        """Every node of what runs on this line itself, where one statement stands there."""
        node = self._only(line)
        return [each for part in _head(node) for each in ast.walk(part)] if node is not None else []

    def _called_by_name(self, call: ast.Call, piece: Piece, known: Mapping[str, str]) -> ast.FunctionDef | None:
        """The function, where this is a call of it by a name that nothing else can have."""
        if not isinstance(call.func, ast.Name) or call.func.id != piece.name or piece.name in known:
            return None
        if piece.name not in self._plain:
            self._plain[piece.name] = plain_function(self._tree, piece.name)
        function = self._plain[piece.name]
        return function if function is piece.node else None


def _head(node: Stands) -> list[ast.AST]:
    """The parts of a statement that run on its own line: all of a simple one, the head of one with a body."""
    match node:
        case ast.For(target=target, iter=over) | ast.AsyncFor(target=target, iter=over):
            return [target, over]
        case ast.While(test=test) | ast.If(test=test):
            return [test]
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return list(items)
        case ast.ExceptHandler(type=kind):
            return [kind] if kind else []
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Try() | ast.TryStar() | ast.Match():
            return []
    return [node]


def _head_end(node: Stands) -> int:
    inner = [each for part in _head(node) for each in ast.walk(part)]
    return max((getattr(each, "end_lineno", None) or node.lineno for each in inner), default=node.lineno)


def _stored(node: Stands) -> set[str]:
    """The names that the statement itself binds, those of inner expressions left out."""
    match node:
        case ast.Assign(targets=targets):
            return {name for each in targets for name in _targets(each)}
        case ast.AugAssign(target=target) | ast.For(target=target) | ast.AsyncFor(target=target):
            return _targets(target)
        case ast.AnnAssign(target=target, value=ast.expr()):
            return _targets(target)
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return {each.asname or each.name.split(".")[0] for each in names}
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return {name for each in items if each.optional_vars for name in _targets(each.optional_vars)}
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.ExceptHandler(name=str(name)):
            return {name}
    return set()


def _targets(node: ast.expr) -> set[str]:
    match node:
        case ast.Name(id=name):
            return {name}
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return set().union(*map(_targets, elements))
        case ast.Starred(value=inner):
            return _targets(inner)
    return set()


def _goes_in(node: ast.For | ast.AsyncFor | ast.ExceptHandler, targets: frozenset[int]) -> bool | None:
    """Whether the lines that can be next are all in the body of a statement, or none of them."""
    body = range(node.body[0].lineno, (node.body[-1].end_lineno or 0) + 1)
    inside = {line in body for line in targets}
    return inside.pop() if len(inside) == 1 else None


def _gives_back(node: ast.AST) -> bool:
    """Whether a return can be of another line than it says, or the function be left without one."""
    if isinstance(node, ast.Try | ast.TryStar):
        return bool(node.finalbody)
    return isinstance(node, (*_RETURNS, ast.With, ast.AsyncWith))


def _pieces(text: str, tree: ast.Module) -> dict[str, list[Piece]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            codes = _code_objects(compile(text, "<context>", "exec", dont_inherit=True))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return {}  # it parses, and no interpreter would run it
    found: dict[str, list[Piece]] = {}
    for node in ast.walk(tree):
        if not isinstance(node, Function | ast.Lambda | ast.ClassDef):
            continue
        name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
        code = codes.get((name, first))
        if code is None:
            continue
        found.setdefault(name, []).append(_piece(name, node, first, code))
    return found


def _piece(name: str, node: Function | ast.Lambda | ast.ClassDef, first: int, code: CodeType) -> Piece:
    order = dict.fromkeys([*code.co_varnames, *code.co_cellvars, *code.co_freevars])
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)
    return Piece(
        name=name,
        node=node,
        first=first,
        last=node.end_lineno or first,
        parameters=() if isinstance(node, ast.ClassDef) else code.co_varnames[:count],
        order=tuple(order),
        shared=frozenset([*code.co_cellvars, *code.co_freevars]),
        borrowed=code.co_freevars,
    )


def _code_objects(code: CodeType) -> dict[tuple[str, int], CodeType]:
    """All pieces of code by name and first line; two lambdas of one line are one too few."""
    found: dict[tuple[str, int], CodeType] = {}
    doubled: set[tuple[str, int]] = set()
    waiting = [code]
    while waiting:
        code = waiting.pop()
        key = code.co_name, code.co_firstlineno
        if key in found:
            doubled.add(key)
        found[key] = code
        waiting += [each for each in code.co_consts if isinstance(each, CodeType)]
    return {key: code for key, code in found.items() if key not in doubled}
