"""Lays out `try` and `with`: where exceptions go, and what runs on every way out."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from cwm_agent.analysis.blocks import Block, Blocks, leave
from cwm_agent.analysis.expressions import Expressions
from cwm_agent.analysis.graph import Graph, Op

Try = ast.Try | ast.TryStar
_Run = Callable[[Sequence[ast.stmt]], None]


class Trying:
    """Puts the steps of `try`, `with` and `raise` into a graph; `run` lays out a body."""

    def __init__(self, graph: Graph, expressions: Expressions, blocks: Blocks, run: _Run) -> None:
        self.graph = graph
        self.expressions = expressions
        self.blocks = blocks
        self.run = run
        self._handling = 0
        self.visitors: dict[type[ast.AST], Callable[[Any], None]] = {
            ast.With: lambda node: self._with(node, node.items),
            ast.AsyncWith: lambda node: self._with(node, node.items),
            ast.Raise: self._raise,
            ast.Try: self._try,
            ast.TryStar: self._try,
        }

    def _with(self, node: ast.With | ast.AsyncWith, items: list[ast.withitem]) -> None:
        graph, (item, *others) = self.graph, items
        waits = isinstance(node, ast.AsyncWith)
        lines = (node.lineno, item.context_expr.lineno)
        self.expressions.visit(item.context_expr)
        graph.either(Op.ENTER, lines, item)
        if waits:
            graph.either(Op.DELEGATE, lines, item)
        block = Block(graph.handler, item=item, line=node.lineno, waits=waits)
        handler = graph.label()
        graph.handler = handler
        self.blocks.stack = [*self.blocks.stack, block]
        if item.optional_vars is not None:
            self.expressions.bind(item.optional_vars)
        self._with(node, others) if others else self.run(node.body)
        self.blocks.stack = self.blocks.stack[:-1]
        graph.handler = block.handler
        if graph.open:
            leave(graph, block)
        done = graph.open
        graph.begin(handler)
        leave(graph, block)
        passed = list(graph.open)
        graph.artificial()
        graph.step(Op.RERAISE, 0, node).restores = handler
        graph.open = done + passed

    def _raise(self, node: ast.Raise) -> None:
        self.expressions.all([node.exc, node.cause])
        again = node.exc is None and self._handling > 0
        self.graph.step(Op.RERAISE if again else Op.RAISE, node.lineno, node)
        self.graph.open = []

    def _try(self, node: Try) -> None:
        graph = self.graph
        graph.step(Op.NOTHING, node.lineno)
        outer = graph.handler
        if not node.finalbody:
            self._guarded(node)
            return
        handler = graph.label()
        graph.handler = handler
        self.blocks.stack = [*self.blocks.stack, Block(outer, final=tuple(node.finalbody))]
        if node.handlers:
            self._guarded(node)
        else:
            self.run([*node.body, *node.orelse])
        self.blocks.stack = self.blocks.stack[:-1]
        graph.handler = outer
        self.run(node.finalbody)
        done = graph.open
        self._pass_on(node, handler)
        graph.open = done

    def _pass_on(self, node: Try, handler: int) -> None:
        """The `finally` body on the way of an exception; on 3.11 its last line is shown once more."""
        graph, outer = self.graph, self.graph.handler
        graph.begin(handler)
        cleanup = graph.handler = graph.label()
        self.run(node.finalbody)
        graph.handler = outer
        last = _last_lines(node.finalbody)
        if graph.open:
            graph.artificial()
            for line in last:
                graph.maybe(line)
            graph.step(Op.RERAISE, 0, node)
        graph.begin(cleanup)
        for line in last:
            graph.maybe(line)
        graph.step(Op.RERAISE, 0, node).restores = cleanup

    def _guarded(self, node: Try) -> None:
        """The body, its `else`, and the clauses."""
        graph, outer = self.graph, self.graph.handler
        handler = graph.label()
        graph.handler = handler
        self.run(node.body)
        graph.handler = outer
        self.run(node.orelse)
        done = graph.open
        graph.begin(handler)
        for clause in node.handlers:
            done = done + self._clause(clause, star=isinstance(node, ast.TryStar))
        if graph.open:
            graph.artificial()
            graph.step(Op.RERAISE, 0, node)
        graph.open = done

    def _clause(self, clause: ast.ExceptHandler, *, star: bool) -> list[int]:
        """One clause: gives back what is open after its body; open are the steps where it does not fit."""
        graph = self.graph
        missed: list[int] = []
        if clause.type is None:
            graph.step(Op.NOTHING, clause.lineno)
        else:
            self.expressions.visit(clause.type)
            graph.step(Op.CATCH, clause.lineno, clause)
            missed = list(graph.open)
        outer = graph.handler
        if clause.name is not None:
            graph.step(Op.BIND, clause.lineno, clause, clause.name)
            graph.handler = graph.label()
        cleanup = graph.handler if clause.name is not None else None
        self._handling += 1
        self.run(clause.body)
        self._handling -= 1
        graph.handler = outer
        if cleanup is not None and graph.open:
            graph.artificial()
            graph.step(Op.UNBIND, 0, clause, clause.name or "").quiet = True
        done = graph.open
        if cleanup is not None:
            graph.begin(cleanup)
            graph.artificial()
            graph.step(Op.UNBIND, 0, clause, clause.name or "")
            graph.step(Op.RERAISE, 0, clause).restores = cleanup
        graph.open = missed + (done if star else [])
        return done


def _last_lines(body: Sequence[ast.stmt]) -> list[int]:
    """The line of the last statement, and those of the last ones in its parts."""
    if not body:
        return []
    last = body[-1]
    found = [last.lineno]
    parts = [getattr(last, field, None) or [] for field in ("body", "orelse", "finalbody")]
    if isinstance(last, ast.Match):
        parts.append(last.cases[-1].body)
        found.append(last.cases[-1].pattern.lineno)
    if isinstance(last, Try) and last.handlers:
        parts.append(last.handlers[-1].body)
        found.append(last.handlers[-1].lineno)
    if isinstance(last, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return found
    return list(dict.fromkeys([*found, *(line for part in parts for line in _last_lines(part))]))
