"""Lays out the statements that change names and values: assignments, deletions, imports, assertions."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from cwm_agent.analysis.expressions import Expressions
from cwm_agent.analysis.graph import Graph, Op


class Simple:
    """Puts the steps of simple statements into a graph. `lazy`: annotations are not evaluated."""

    def __init__(self, graph: Graph, expressions: Expressions, *, lazy: bool) -> None:
        self.graph = graph
        self.expressions = expressions
        self.in_class = False
        self._lazy = lazy
        self.visitors: dict[type[ast.AST], Callable[[Any], None]] = {
            ast.Delete: self._delete,
            ast.Assign: self._assign,
            ast.AugAssign: self._augmented,
            ast.AnnAssign: self._annotated,
            ast.Assert: self._assert,
            ast.Import: self._import,
            ast.ImportFrom: self._import,
        }

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self._unbind(target)

    def _unbind(self, target: ast.expr) -> None:
        match target:
            case ast.Name(id=name):
                self.graph.step(Op.UNBIND, target.lineno, target, name)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for each in targets:
                    self._unbind(each)
            case ast.Attribute() | ast.Subscript():
                self.expressions.bind(target)

    def _assign(self, node: ast.Assign) -> None:
        pairs = _paired(node)
        self.expressions.visit(node.value)
        for target in node.targets:
            if pairs:
                assert isinstance(target, ast.Tuple | ast.List)
                for each in target.elts:
                    self.expressions.bind(each)
            else:
                self.expressions.bind(target)

    def _augmented(self, node: ast.AugAssign) -> None:
        target = node.target
        if isinstance(target, ast.Name):
            self.graph.step(Op.LOAD, target.lineno, target, target.id)
        else:
            self.expressions.visit(target)
        self.expressions.visit(node.value)
        self.graph.step(Op.BINARY, node.lineno, node)
        if isinstance(target, ast.Name):
            self.graph.step(Op.BIND, target.lineno, target, target.id)
        elif isinstance(target, ast.Attribute):
            self.graph.step(Op.SET_ATTRIBUTE, target.end_lineno or target.lineno, target, target.attr)
        else:
            self.graph.step(Op.SET_SUBSCRIPT, target.lineno, target)

    def _annotated(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.expressions.visit(node.value)
            self.expressions.bind(node.target)
        elif isinstance(node.target, ast.Attribute):
            self.expressions.visit(node.target.value)
        if self.in_class and node.simple:
            if not self._lazy:
                self.expressions.visit(node.annotation)
            self.graph.maybe(node.lineno)
        elif node.value is None:
            self.graph.maybe(node.lineno)

    def _assert(self, node: ast.Assert) -> None:
        graph = self.graph
        true, false = self.expressions.branch(node.test, node.lineno)
        graph.open = false
        graph.maybe(node.test.lineno)
        graph.maybe(node.lineno)
        self.expressions.all([node.msg])
        if graph.open:
            graph.either(Op.RAISE, (node.lineno, node.test.lineno), node)
        graph.open = true

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        self.graph.step(Op.IMPORT, node.lineno, node)
        for each in node.names:
            name = each.asname or (each.name if isinstance(node, ast.ImportFrom) else each.name.split(".")[0])
            if name != "*":
                self.graph.step(Op.BIND, node.lineno, node, name)


def _paired(node: ast.Assign) -> bool:
    """Whether a display is assigned to targets of the same number, which needs no unpacking."""
    if len(node.targets) != 1:
        return False
    value, target = node.value, node.targets[0]
    if not isinstance(value, ast.Tuple | ast.List) or not isinstance(target, ast.Tuple | ast.List):
        return False
    starred = any(isinstance(each, ast.Starred) for each in [*value.elts, *target.elts])
    return not starred and len(value.elts) == len(target.elts)
