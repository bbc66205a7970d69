"""Lays out expressions step by step, in the order and on the lines in which the interpreter runs them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cwm_agent.analysis.codes import Comprehension
from cwm_agent.analysis.folding import folds
from cwm_agent.analysis.graph import SURE, Graph, Op

_MANY = 15  # displays and calls with more parts than this are built in pieces
Open = list[int]


class Expressions:
    """Puts the steps of expressions into a graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._visitors: dict[type[ast.AST], Callable[[Any], None]] = {
            ast.Name: self._name,
            ast.BinOp: self._binary,
            ast.UnaryOp: self._unary,
            ast.BoolOp: self._chosen,
            ast.IfExp: self._conditional,
            ast.Compare: self._compare,
            ast.Call: self._call,
            ast.Attribute: self._attribute,
            ast.Subscript: self._subscript,
            ast.Slice: self._parts,
            ast.Tuple: self._display,
            ast.List: self._display,
            ast.Set: self._display,
            ast.Dict: self._dict,
            ast.Starred: self._starred,
            ast.NamedExpr: self._walrus,
            ast.JoinedStr: self._parts,
            ast.FormattedValue: self._formatted,
            ast.Lambda: self._lambda,
            ast.ListComp: self._comprehension,
            ast.SetComp: self._comprehension,
            ast.DictComp: self._comprehension,
            ast.GeneratorExp: self._generator,
            ast.Yield: self._yield,
            ast.YieldFrom: self._delegate,
            ast.Await: self._delegate,
        }

    def visit(self, node: ast.expr) -> None:
        """Compute the value."""
        if folds(node):
            self.graph.step(Op.NOTHING, node.lineno)
            return
        visitor = self._visitors.get(type(node), self._parts)
        visitor(node)

    def all(self, nodes: Iterable[ast.expr | None]) -> None:
        """Compute the values, one after the other."""
        for node in nodes:
            if node is not None:
                self.visit(node)

    def branch(self, node: ast.expr, line: int) -> tuple[Open, Open]:
        """Compute a condition of what stands on this line: the steps that are open where it holds, and where not."""
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                true, false = self.branch(operand, line)
                return false, true
            case ast.BoolOp(op=op, values=values):
                return self._branches(isinstance(op, ast.And), values, line)
            case ast.Constant(value=value):
                self.graph.maybe(node.lineno)
                return (self.graph.open, []) if value else ([], self.graph.open)
        self.visit(node)
        self.graph.step(Op.TRUTH, 0, node)
        self.graph.maybe(line)
        return list(self.graph.open), list(self.graph.open)

    def _branches(self, both: bool, values: Sequence[ast.expr], line: int) -> tuple[Open, Open]:  # noqa: FBT001
        done: Open = []
        rest: Open = self.graph.open
        for value in values:
            self.graph.open = rest
            true, false = self.branch(value, line)
            rest, out = (true, false) if both else (false, true)
            done = done + out
        return (rest, done) if both else (done, rest)

    def _parts(self, node: ast.expr) -> None:
        """What only computes its parts and puts them together."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.visit(child)
        self.graph.step(Op.NOTHING, node.lineno)

    def _name(self, node: ast.Name) -> None:
        self.graph.step(Op.LOAD, node.lineno, node, node.id)

    def _binary(self, node: ast.BinOp) -> None:
        self.visit(node.left)
        self.visit(node.right)
        self.graph.step(Op.BINARY, node.lineno, node)

    def _unary(self, node: ast.UnaryOp) -> None:
        self.visit(node.operand)
        self.graph.step(Op.UNARY, node.lineno, node)

    def _chosen(self, node: ast.BoolOp) -> None:
        done: Open = []
        for value in node.values[:-1]:
            self.visit(value)
            self.graph.step(Op.TRUTH, node.lineno, value)
            done += self.graph.open
        self.visit(node.values[-1])
        self.graph.open += done

    def _conditional(self, node: ast.IfExp) -> None:
        true, false = self.branch(node.test, node.lineno)
        self.graph.open = true
        self.visit(node.body)
        if len(self.graph.open) > 1:
            self.graph.artificial()  # a jump from where several ways meet has no line
        done = self.graph.open
        self.graph.open = false
        self.visit(node.orelse)
        self.graph.open = done + self.graph.open

    def _compare(self, node: ast.Compare) -> None:
        self.visit(node.left)
        done: Open = []
        for at, right in enumerate(node.comparators):
            self.visit(right)
            self.graph.step(Op.COMPARE, node.lineno, node, str(at))
            if at + 1 < len(node.comparators):
                self.graph.step(Op.TRUTH, node.lineno, node)
                done += self.graph.open
        self.graph.open += done

    def _call(self, node: ast.Call) -> None:
        line = node.lineno
        self.visit(node.func)
        if isinstance(node.func, ast.Attribute):
            line = node.func.end_lineno or line
        many = len(node.args) + 2 * len(node.keywords) > _MANY
        spread = many or any(isinstance(argument, ast.Starred) for argument in node.args)
        for argument in node.args:
            if spread:
                self.graph.maybe(node.lineno)
            self.visit(argument)
        if spread:
            self.graph.maybe(node.lineno)
        for keyword in node.keywords:
            self.visit(keyword.value)
            if keyword.arg is None:
                self.graph.step(Op.SPREAD, node.lineno, keyword.value)
            elif spread:
                self.graph.maybe(node.lineno)
        if spread or any(keyword.arg is None for keyword in node.keywords):
            self.graph.either(Op.CALL, (line, node.lineno), node)
        else:
            self.graph.step(Op.CALL, line, node)

    def _attribute(self, node: ast.Attribute) -> None:
        self.visit(node.value)
        self.graph.step(Op.ATTRIBUTE, node.end_lineno or node.lineno, node, node.attr)

    def _subscript(self, node: ast.Subscript) -> None:
        self.visit(node.value)
        self.visit(node.slice)
        self.graph.step(Op.SUBSCRIPT, node.lineno, node)

    def _display(self, node: ast.Tuple | ast.List | ast.Set) -> None:
        hashed = isinstance(node, ast.Set)
        if len(node.elts) > 2 and all(map(folds, node.elts)):
            self.graph.step(Op.NOTHING, node.lineno)
            return
        pieces = len(node.elts) > _MANY or any(isinstance(each, ast.Starred) for each in node.elts)
        for element in node.elts:
            if pieces:
                self.graph.maybe(node.lineno)
            self.visit(element)
        self.graph.step(Op.HASH if hashed else Op.NOTHING, node.lineno, node)

    def _dict(self, node: ast.Dict) -> None:
        constant = len(node.keys) > 1 and all(key is not None and folds(key) for key in node.keys)
        pieces = len(node.keys) > _MANY or None in node.keys
        for key, value in zip(node.keys, node.values, strict=True):
            if pieces:
                self.graph.maybe(node.lineno)
            if key is not None and constant:
                self.graph.maybe(key.lineno)
            elif key is not None:
                self.visit(key)
            self.visit(value)
            if key is None:
                self.graph.step(Op.SPREAD, node.lineno, value)
        self.graph.step(Op.HASH, node.lineno, node)

    def _starred(self, node: ast.Starred) -> None:
        self.visit(node.value)
        self.graph.step(Op.SPREAD, node.lineno, node.value)

    def _walrus(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.graph.step(Op.BIND, node.target.lineno, node, node.target.id)

    def _formatted(self, node: ast.FormattedValue) -> None:
        self.visit(node.value)
        if node.format_spec is not None:
            self.visit(node.format_spec)
        self.graph.step(Op.FORMAT, node.lineno, node)

    def _lambda(self, node: ast.Lambda) -> None:
        self.all([*node.args.defaults, *node.args.kw_defaults])
        self.graph.step(Op.NOTHING, node.lineno)

    def _generator(self, node: ast.GeneratorExp) -> None:
        first = node.generators[0]
        self.graph.maybe(node.lineno)
        self.visit(first.iter)
        if not first.is_async:
            self.graph.step(Op.ITER, node.lineno, first.iter)
        self.graph.step(Op.NOTHING, node.lineno)

    def _comprehension(self, node: Comprehension) -> None:
        """The whole loop is one step with the line on which it begins."""
        if not self.graph.hushed:
            self.graph.step(Op.NOTHING, node.lineno)
        self.graph.hushed += 1
        elements = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self.loops(node.generators, lambda: self._collect(node, elements))
        self.graph.hushed -= 1

    def _collect(self, node: Comprehension, elements: list[ast.expr]) -> None:
        self.all(elements)
        if not isinstance(node, ast.ListComp):
            self.graph.step(Op.HASH, node.lineno, node)

    def loops(
        self, generators: Sequence[ast.comprehension], inside: Callable[[], None], *, given: bool = False
    ) -> None:
        """The nested loops of a comprehension; `given`: the first iterator comes from outside."""
        if not generators:
            inside()
            return
        each = generators[0]
        graph = self.graph
        if not given:
            self.visit(each.iter)
            graph.step(Op.ITER, each.iter.lineno, each.iter)
        top = graph.label()
        graph.put(top)
        graph.step(Op.DELEGATE if each.is_async else Op.NEXT, each.iter.lineno, each.iter)
        done = list(graph.open)
        self.bind(each.target)
        for test in each.ifs:
            graph.open, false = self.branch(test, test.lineno)
            kept, graph.open = graph.open, false
            graph.jump(top, SURE)
            graph.open = kept
        self.loops(generators[1:], inside)
        graph.jump(top, SURE)
        graph.open = done

    def _yield(self, node: ast.Yield) -> None:
        self.all([node.value])
        self.graph.step(Op.YIELD, node.lineno, node)

    def _delegate(self, node: ast.Await | ast.YieldFrom) -> None:
        self.visit(node.value)
        self.graph.step(Op.DELEGATE, node.lineno, node.value)

    def bind(self, target: ast.expr) -> None:
        """Store what was computed last into a target."""
        match target:
            case ast.Name(id=name):
                self.graph.step(Op.BIND, target.lineno, target, name)
            case ast.Attribute(value=owner, attr=name):
                self.visit(owner)
                self.graph.step(Op.SET_ATTRIBUTE, target.end_lineno or target.lineno, target, name)
            case ast.Subscript(value=owner, slice=index):
                self.visit(owner)
                self.visit(index)
                self.graph.step(Op.SET_SUBSCRIPT, target.lineno, target)
            case ast.Starred(value=inner):
                self.bind(inner)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                self.graph.step(Op.UNPACK, target.lineno, target)
                for each in targets:
                    self.bind(each)
