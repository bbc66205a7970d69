"""Lays out statements step by step, in the order and on the lines in which the interpreter runs them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from cwm_agent.analysis.blocks import Block, Blocks, leave
from cwm_agent.analysis.codes import Code, Function, signature_types
from cwm_agent.analysis.expressions import Expressions, folds
from cwm_agent.analysis.graph import MAYBE, NEVER, SURE, Graph, Op
from cwm_agent.analysis.matching import Matching

Try = ast.Try | ast.TryStar


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
        self._in_class = False
        self._handling = 0
        self._matching = Matching(graph, self.expressions, self.run)
        self._visitors: dict[type[ast.AST], Callable[[Any], None]] = {
            ast.FunctionDef: self._function,
            ast.AsyncFunctionDef: self._function,
            ast.ClassDef: self._class,
            ast.Return: self._return,
            ast.Delete: self._delete,
            ast.Assign: self._assign,
            ast.AugAssign: self._augmented,
            ast.AnnAssign: self._annotated,
            ast.For: self._for,
            ast.AsyncFor: self._for,
            ast.While: self._while,
            ast.If: self._if,
            ast.With: lambda node: self._with(node, node.items),
            ast.AsyncWith: lambda node: self._with(node, node.items),
            ast.Match: self._matching.match,
            ast.Raise: self._raise,
            ast.Try: self._try,
            ast.TryStar: self._try,
            ast.Assert: self._assert,
            ast.Import: self._import,
            ast.ImportFrom: self._import,
            ast.Expr: self._expression,
            ast.Pass: self._nothing,
            ast.Break: lambda _node: self._jump(_node, again=False),
            ast.Continue: lambda _node: self._jump(_node, again=True),
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
        self._in_class = not isinstance(node, Function)
        body = node.body
        if isinstance(node, ast.ClassDef):
            self.graph.step(Op.NOTHING, min([node.lineno, *(each.lineno for each in node.decorator_list)]))
        if body and isinstance(body[0], ast.Expr) and _is_text(body[0].value):
            if self._in_class:
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
        if self._in_class and node.simple:
            if not self._lazy:
                self.expressions.visit(node.annotation)
            self.graph.maybe(node.lineno)
        elif node.value is None:
            self.graph.maybe(node.lineno)

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
        graph.put(handler)
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
        graph.put(handler)
        cleanup = graph.handler = graph.label()
        self.run(node.finalbody)
        graph.handler = outer
        last = _last_lines(node.finalbody)
        if graph.open:
            graph.artificial()
            for line in last:
                graph.maybe(line)
            graph.step(Op.RERAISE, 0, node)
        graph.put(cleanup)
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
        graph.put(handler)
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
            graph.put(cleanup)
            graph.artificial()
            graph.step(Op.UNBIND, 0, clause, clause.name or "")
            graph.step(Op.RERAISE, 0, clause).restores = cleanup
        graph.open = missed + (done if star else [])
        return done

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


def _last_lines(body: Sequence[ast.stmt]) -> list[int]:
    """The line of the last statement, and of the last ones in it."""
    found: list[int] = []
    while body:
        last = body[-1]
        found.append(last.lineno)
        parts = [getattr(last, field, None) for field in ("finalbody", "orelse", "body")]
        if isinstance(last, ast.Match):
            parts = [last.cases[-1].body]
        body = next((part for part in parts if part), [])
    return found


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _paired(node: ast.Assign) -> bool:
    """Whether a display is assigned to targets of the same number, which needs no unpacking."""
    if len(node.targets) != 1:
        return False
    value, target = node.value, node.targets[0]
    if not isinstance(value, ast.Tuple | ast.List) or not isinstance(target, ast.Tuple | ast.List):
        return False
    starred = any(isinstance(each, ast.Starred) for each in [*value.elts, *target.elts])
    return not starred and len(value.elts) == len(target.elts)
