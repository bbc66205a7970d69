"""Lays out statements step by step, in the order and on the lines in which the interpreter runs them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from cwm_agent.analysis.blocks import Block, Blocks
from cwm_agent.analysis.codes import Code, Function, signature_types
from cwm_agent.analysis.expressions import Expressions
from cwm_agent.analysis.folding import folds
from cwm_agent.analysis.graph import MAYBE, NEVER, SURE, Graph, Op
from cwm_agent.analysis.matching import Matching
from cwm_agent.analysis.simple import Simple
from cwm_agent.analysis.trying import Trying


def lay_out(code: Code, quiet: dict[int, int], *, lazy: bool = False) -> Graph:
    """The steps of a code object; `lazy`: annotations are not evaluated."""
    inside = {} if isinstance(code.node, ast.Lambda | ast.GeneratorExp) and code.first in quiet else quiet
    graph = Graph(inside)
    statements = Statements(graph, lazy=lazy)
    node = code.node
    if isinstance(node, ast.Lambda):
        statements.expressions.visit(node.body)
        graph.either(Op.RETURN, (node.lineno, node.body.lineno), node)
    elif isinstance(node, ast.GeneratorExp):
        statements.generator(node)
    else:
        statements.whole(node)
    return graph


class Statements:
    """Puts the steps of statements into a graph."""

    def __init__(self, graph: Graph, *, lazy: bool = False) -> None:
        self.graph = graph
        self.expressions = Expressions(graph)
        self.blocks = Blocks(graph, self.run)
        self._lazy = lazy
        self._simple = Simple(graph, self.expressions, lazy=lazy)
        trying = Trying(graph, self.expressions, self.blocks, self.run)
        self._visitors: dict[type[ast.AST], Callable[[Any], None]] = {
            ast.FunctionDef: self._function,
            ast.AsyncFunctionDef: self._function,
            ast.ClassDef: self._class,
            ast.Return: self._return,
            ast.For: self._for,
            ast.AsyncFor: self._for,
            ast.While: self._while,
            ast.If: self._if,
            ast.Match: Matching(graph, self.expressions, self.run).match,
            ast.Expr: self._expression,
            ast.Pass: self._nothing,
            ast.Break: lambda node: self._jump(node, again=False),
            ast.Continue: lambda node: self._jump(node, again=True),
            **self._simple.visitors,
            **trying.visitors,
        }

    def run(self, body: Sequence[ast.stmt]) -> None:
        """The statements of a block, as far as they can be reached."""
        for statement in body:
            if not self.graph.open:
                return
            visitor = self._visitors.get(type(statement))
            if visitor is not None:
                visitor(statement)

    def whole(self, node: ast.Module | Function | ast.ClassDef) -> None:
        """A body from its start to the return at its end."""
        self._simple.in_class = not isinstance(node, Function)
        body = node.body
        if isinstance(node, ast.ClassDef):
            self.graph.step(Op.NOTHING, min([node.lineno, *(each.lineno for each in node.decorator_list)]))
        if body and isinstance(body[0], ast.Expr) and _is_text(body[0].value):
            if self._simple.in_class:
                self.graph.maybe(body[0].lineno)
            body = body[1:]
        if not body and isinstance(node, Function):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            self.graph.either(Op.NOTHING, (first, node.lineno, node.body[0].lineno))
        self.run(body)
        self.graph.step(Op.RETURN, 0, None)

    def generator(self, node: ast.GeneratorExp) -> None:
        """A generator expression: its loops around a yield."""
        self.graph.maybe(node.lineno)
        self.expressions.loops(node.generators, lambda: self._yield_element(node), given=True)
        self.graph.step(Op.RETURN, 0, None)

    def _yield_element(self, node: ast.GeneratorExp) -> None:
        self.expressions.visit(node.elt)
        self.graph.either(Op.YIELD, (node.elt.lineno, node.lineno), node)

    def _nothing(self, node: ast.stmt) -> None:
        self.graph.step(Op.NOTHING, node.lineno)

    def _expression(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):
            self.graph.step(Op.NOTHING, node.lineno)
            return
        self.expressions.visit(node.value)
        self.graph.step(Op.DROP, 0)
        self.graph.maybe(node.lineno)

    def _function(self, node: Function) -> None:
        self.expressions.all([*node.decorator_list, *node.args.defaults, *node.args.kw_defaults])
        if not self._lazy:
            self.expressions.all(signature_types(node))
        self.graph.step(Op.NOTHING, node.lineno)
        self._decorate(node)

    def _decorate(self, node: Function | ast.ClassDef) -> None:
        for decorator in reversed(node.decorator_list):
            self.graph.either(Op.DECORATE, (decorator.lineno, node.lineno), node)
        self.graph.step(Op.BIND, node.lineno, node, node.name)

    def _class(self, node: ast.ClassDef) -> None:
        self.expressions.all(node.decorator_list)
        first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
        if first != node.lineno:
            self.graph.maybe(first)
        self.graph.step(Op.NOTHING, node.lineno)
        self.expressions.all([*node.bases, *(each.value for each in node.keywords)])
        self.graph.either(Op.CLASS, (first, node.lineno), node)
        self._decorate(node)

    def _return(self, node: ast.Return) -> None:
        constant = node.value is None or folds(node.value)
        if node.value is not None:
            self.expressions.visit(node.value)
        if node.value is None or node.value.lineno != node.lineno:
            self.graph.step(Op.NOTHING, node.lineno)
        elif not constant:
            self.graph.maybe(node.lineno)
        unwound = any(block.item or block.final for block in self.blocks.stack)
        self.blocks.unwind()
        self.graph.step(Op.RETURN, 0 if unwound else node.lineno, node)
        self.graph.open = []

    def _jump(self, node: ast.stmt, *, again: bool) -> None:
        self.graph.step(Op.NOTHING, node.lineno)
        loop = self.blocks.unwind(to_loop=True)
        if loop is not None:
            if loop.over is not None and not again:
                self.graph.step(Op.DROP, 0, loop.over)
            self.graph.jump(loop.again if again else loop.exit, SURE if again else NEVER)
        self.graph.open = []

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        graph, waits = self.graph, isinstance(node, ast.AsyncFor)
        top, done = graph.label(), graph.label()
        self.expressions.visit(node.iter)
        lines = (node.lineno, node.iter.lineno)
        graph.either(Op.ITER, lines, node.iter)
        graph.put(top)
        graph.either(Op.DELEGATE if waits else Op.NEXT, lines, node.iter)
        over = list(graph.open)
        self.expressions.bind(node.target)
        self.blocks.stack = [*self.blocks.stack, Block(graph.handler, done, top, over=node.iter)]
        self.run(node.body)
        self.blocks.stack = self.blocks.stack[:-1]
        graph.jump(top, SURE)
        graph.open = over
        self.run(node.orelse)
        graph.put(done)

    def _while(self, node: ast.While) -> None:
        graph = self.graph
        top, done = graph.label(), graph.label()
        graph.put(top)
        if isinstance(node.test, ast.Constant):
            graph.step(Op.NOTHING, node.lineno)
        true, false = self.expressions.branch(node.test, node.lineno)
        graph.open = true
        self.blocks.stack = [*self.blocks.stack, Block(graph.handler, done, top)]
        self.run(node.body)
        self.blocks.stack = self.blocks.stack[:-1]
        graph.jump(top, MAYBE)  # the test stands at the end of the loop too
        graph.open = false
        self.run(node.orelse)
        graph.put(done)

    def _if(self, node: ast.If) -> None:
        graph = self.graph
        if isinstance(node.test, ast.Constant):
            graph.step(Op.NOTHING, node.lineno)
        true, false = self.expressions.branch(node.test, node.lineno)
        graph.open = true
        self.run(node.body)
        done = graph.open
        graph.open = false
        self.run(node.orelse)
        graph.open = done + graph.open


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
