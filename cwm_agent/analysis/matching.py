"""Lays out `match` statements: the cases are tried from the top, and each may bind names before it fails."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from cwm_agent.analysis.expressions import Expressions
from cwm_agent.analysis.graph import Graph, Op


class Matching:
    """Puts the steps of `match` statements into a graph; `run` lays out the body of a case."""

    def __init__(self, graph: Graph, expressions: Expressions, run: Callable[[Sequence[ast.stmt]], None]) -> None:
        self._graph = graph
        self._expressions = expressions
        self._run = run

    def match(self, node: ast.Match) -> None:
        """The subject, then case after case."""
        graph = self._graph
        self._expressions.visit(node.subject)
        done: list[int] = []
        for case in node.cases:
            if not graph.open:
                break
            failed = self._pattern(case.pattern)
            self._bind(case.pattern)
            if case.guard is not None:
                graph.open, false = self._expressions.branch(case.guard, case.pattern.lineno)
                failed += false
            self._run(case.body)
            done += graph.open
            graph.open = failed
        graph.open += done

    def _pattern(self, pattern: ast.pattern) -> list[int]:
        """Try a pattern; the steps that are open where it does not fit."""
        graph = self._graph
        match pattern:
            case ast.MatchAs(pattern=None):
                graph.step(Op.NOTHING, pattern.lineno)
                return []
            case ast.MatchAs(pattern=ast.pattern() as inner):
                return self._pattern(inner)
            case ast.MatchStar():
                return []
            case ast.MatchOr(patterns=choices):
                return self._either(pattern, choices)
            case ast.MatchValue(value=value):
                self._expressions.visit(value)
            case ast.MatchMapping(keys=keys):
                self._expressions.all(keys)
            case ast.MatchClass(cls=kind):
                self._expressions.visit(kind)
        graph.step(Op.MATCH, pattern.lineno, pattern)
        failed = list(graph.open)
        for inner in _inside(pattern):
            failed += self._pattern(inner)
        return failed

    def _either(self, whole: ast.MatchOr, choices: list[ast.pattern]) -> list[int]:
        fitting: list[int] = []
        graph = self._graph
        for choice in choices:
            failed = self._pattern(choice)
            graph.maybe(whole.lineno)
            fitting += graph.open
            graph.open = failed
            graph.maybe(whole.lineno)
        failed, graph.open = graph.open, fitting
        return failed

    def _bind(self, pattern: ast.pattern) -> None:
        """The captures, stored once the whole pattern fits."""
        for inner in _inside(pattern):
            self._bind(inner)
        match pattern:
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                self._graph.step(Op.BIND, pattern.lineno, pattern, name)


def _inside(pattern: ast.pattern) -> list[ast.pattern]:
    return [node for node in ast.iter_child_nodes(pattern) if isinstance(node, ast.pattern)]
