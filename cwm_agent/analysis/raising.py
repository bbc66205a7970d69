"""Which steps can raise an exception of their own."""

from __future__ import annotations

import ast
import builtins

from cwm_agent.analysis.codes import Code
from cwm_agent.analysis.folding import folds
from cwm_agent.analysis.graph import Graph, Node, Op
from cwm_agent.analysis.names import BUILTINS

_NEVER = frozenset({Op.NOTHING, Op.BIND, Op.RETURN, Op.RERAISE, Op.DROP})


def raises(node: Node, code: Code, bound: frozenset[str], known: frozenset[str]) -> bool:
    """Whether the step may raise; `bound` are the locals that surely have a value, `known` the module's names."""
    if node.op in _NEVER:
        return False
    if node.op in (Op.LOAD, Op.UNBIND):
        if node.name in code.binds:
            return node.name not in bound
        return node.name not in known and node.name not in BUILTINS
    if node.op is Op.COMPARE and isinstance(node.of, ast.Compare):
        return not isinstance(node.of.ops[int(node.name)], ast.Is | ast.IsNot)
    if node.op is Op.CATCH and isinstance(node.of, ast.ExceptHandler):
        return not _is_exception(node.of.type, code, known)
    if node.op is Op.HASH:
        return not _hashable(node.of)
    return True


def _is_exception(node: ast.expr | None, code: Code, known: frozenset[str]) -> bool:
    """Whether it is a built-in class of exceptions, or a tuple of them."""
    match node:
        case ast.Name(id=name):
            found = getattr(builtins, name, None)
            hidden = name in known or name in code.binds
            return isinstance(found, type) and issubclass(found, BaseException) and not hidden
        case ast.Tuple(elts=elements):
            return all(_is_exception(each, code, known) for each in elements)
    return False


def _hashable(node: ast.AST | None) -> bool:
    if isinstance(node, ast.Dict):
        return all(key is not None and folds(key) for key in node.keys)
    if isinstance(node, ast.DictComp):
        return folds(node.key)
    return isinstance(node, ast.Set) and all(map(folds, node.elts))


def definitely_bound(graph: Graph, code: Code) -> list[frozenset[str]]:
    """For each step, the locals that have a value whichever way it was come to."""
    every = code.binds
    before: list[frozenset[str] | None] = [None] * len(graph.nodes)
    before[0] = frozenset(code.parameters)
    waiting = [0]
    while waiting:
        number = waiting.pop()
        node, bound = graph.nodes[number], before[number]
        assert bound is not None
        after = bound
        if node.op is Op.BIND and node.name in every:
            after = bound | {node.name}
        elif node.op is Op.UNBIND:
            after = bound - {node.name}
        targets = [(target, after) for target, _ in node.edges]
        if node.handler is not None:
            targets.append((node.handler, bound & after))
        for target, given in targets:
            old = before[target]
            new = given if old is None else old & given
            if new != old:
                before[target] = new
                waiting.append(target)
    return [found if found is not None else every for found in before]
