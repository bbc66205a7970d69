"""Which steps of a line surely raise nothing and call nothing, the values of the locals being those that are shown."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from functools import lru_cache

from cwm_agent.analysis.codes import Comprehension
from cwm_agent.analysis.graph import Node, Op
from cwm_agent.analysis.passing import ITERABLE, Kind, Reader, kind_of, shadows, veils

_COMPUTING = frozenset({Op.BINARY, Op.UNARY, Op.COMPARE, Op.TRUTH, Op.SUBSCRIPT, Op.CALL, Op.HASH, Op.ITER})
_LONGEST = 1000


class Known:
    """Judges steps by the reprs of the locals; where the source veils, no repr is to be believed."""

    def __init__(self, tree: ast.Module) -> None:
        self._shadowed = shadows(tree)
        self._veiled = veils(tree)
        self._loops = {node.iter: node for node in ast.walk(tree) if isinstance(node, ast.For)}
        self._targets = {node.target: node for node in self._loops.values()}

    def plain(self, steps: Iterable[Node], before: Mapping[str, str]) -> frozenset[int]:
        """The numbers of those steps of one line that do nothing but give a value; `before` are the locals there."""
        if self._veiled:
            return frozenset()
        reader = _Values(before, self._shadowed)
        ordered = sorted(steps, key=lambda node: node.number)
        again = _goes_round(ordered)
        bound = {node.name for node in ordered if node.op is Op.BIND} if again else set()
        found: set[int] = set()
        methods: set[ast.AST] = set()
        for node in ordered:
            names = {each.id for each in ast.walk(node.of) if isinstance(each, ast.Name)} if node.of else set()
            if not names & bound and self._is_plain(node, reader):
                found.add(node.number)
                if isinstance(node.of, ast.Call):
                    methods.add(node.of.func)
            if node.op is Op.BIND:
                bound.add(node.name)
            if isinstance(node.of, ast.Call) and isinstance(node.of.func, ast.Attribute):
                bound |= names  # a method may have changed it
        return frozenset(found | {node.number for node in ordered if node.of in methods and node.op is Op.ATTRIBUTE})

    def _is_plain(self, node: Node, reader: _Values) -> bool:
        if node.op in (Op.LOAD, Op.BIND, Op.UNBIND):
            text = reader.known.get(node.name)
            told = text is not None and kind_of(text) is not None
            return told or (text is not None and node.op is Op.LOAD) or (text is None and node.op is Op.BIND)
        if node.op in _COMPUTING and isinstance(node.of, ast.AugAssign):
            return reader.changes(node.of)
        if node.op in _COMPUTING and isinstance(node.of, ast.expr):
            return not isinstance(node.of, Comprehension) and reader.kind(node.of) is not None
        if node.op is Op.NEXT and isinstance(node.of, ast.expr):
            loop = self._loops.get(node.of)
            return loop is not None and reader.goes_over(loop)
        if node.op is Op.UNPACK and isinstance(node.of, ast.expr):
            loop = self._targets.get(node.of)
            return loop is not None and reader.loops(loop)
        if node.op is Op.SET_SUBSCRIPT and isinstance(node.of, ast.Subscript):
            return reader.takes(node.of, node.of.value) or reader.replaces(node.of)
        return False


def _goes_round(steps: list[Node]) -> bool:
    """Whether some of these steps of a line may run again while it is shown."""
    inside = {node.number: node for node in steps}
    back = [inside[to] for node in steps for to, _ in node.edges if to <= node.number and to in inside]
    return any(to in inside for node in back for to, _ in node.edges)


class _Values(Reader):
    """Reads elements too, where they are shown."""

    def kind(self, node: ast.expr) -> Kind | None:
        """What the expression gives."""
        if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice):
            text = self.element(node)
            return None if text is None else kind_of(text)
        return super().kind(node)

    def element(self, node: ast.Subscript) -> str | None:
        """The repr of the element that a subscript names; None where there is none, or it is not shown."""
        if not isinstance(node.value, ast.Name) or node.value.id not in self.known:
            return None
        index = self._index(node.slice)
        whole = _literal(self.known[node.value.id])
        if isinstance(whole, list | tuple | str) and isinstance(index, int):
            return repr(whole[index]) if -len(whole) <= index < len(whole) else None
        return repr(whole[index]) if isinstance(whole, dict) and index is not None and index in whole else None

    def replaces(self, node: ast.Subscript) -> bool:
        """Whether it names an element that can be replaced."""
        return self.is_of(node.value, {"list", "dict"}) and self.element(node) is not None

    def _index(self, node: ast.expr) -> int | str | None:
        match node:
            case ast.Constant(value=int() | str() as constant):
                return constant
            case ast.Name(id=name) if name in self.known:
                value = _literal(self.known[name])
                return value if isinstance(value, int | str) else None
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                below = self._index(operand)
                return -below if isinstance(below, int) else None
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
                one, two = self._index(left), self._index(right)
                if isinstance(one, int) and isinstance(two, int):
                    return one + two if isinstance(op, ast.Add) else one - two
        return None

    def changes(self, node: ast.AugAssign) -> bool:
        """Whether the operation of an augmented assignment is one of built-in values."""
        target = node.target
        left: ast.expr | None = None
        if isinstance(target, ast.Name):
            left = ast.Name(target.id, ast.Load())
        elif isinstance(target, ast.Subscript):
            left = ast.Subscript(target.value, target.slice, ast.Load())
        return left is not None and self.kind(ast.BinOp(left, node.op, node.value)) is not None

    def goes_over(self, loop: ast.For) -> bool:
        """Whether taking the next element raises and calls nothing."""
        names = {each.id for each in ast.walk(loop.iter) if isinstance(each, ast.Name)}
        stored = {each.id for each in ast.walk(loop) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
        return not names & stored and self.is_of(loop.iter, ITERABLE)


@lru_cache(maxsize=1024)
def _literal(text: str) -> object:
    """The value that a repr writes, where it is one of literals; else None."""
    if len(text) > _LONGEST:
        return None
    try:
        value: object = ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return value
