"""What every family of edits is given: one suspicious statement, its expressions with their roles, and its scope."""

from __future__ import annotations

import ast
import re
from functools import cached_property

from cwm_agent.policies.forager.kinds import Edit, Kind
from cwm_agent.policies.forager.scope import FunctionScope, ModuleScope
from cwm_agent.policies.forager.source import Site, Source

_COMMENT = re.compile(r"#[^\r\n]*")
_ATOMS = (
    ast.Name,
    ast.Constant,
    ast.Attribute,
    ast.Subscript,
    ast.Call,
    ast.List,
    ast.Dict,
    ast.Set,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.JoinedStr,
)


class Place:
    """A statement with what the families ask about it."""

    def __init__(self, site: Site, module: ModuleScope) -> None:
        self.site = site
        self.module = module
        self.source: Source = site.source

    @cached_property
    def scope(self) -> FunctionScope | None:
        """The scope of the innermost function, if there is one."""
        function = self.site.function
        return self.module.inside(function, self.site.owner) if function else None

    @cached_property
    def parents(self) -> dict[int, ast.AST]:
        """The node above each of the statement's expressions, by identity."""
        found: dict[int, ast.AST] = {}
        for node in (self.site.node, *self.site.expressions):
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.keyword | ast.comprehension | ast.arguments | ast.withitem):
                    for inner in ast.iter_child_nodes(child):
                        found[id(inner)] = node
                found[id(child)] = node
        return found

    @property
    def expressions(self) -> tuple[ast.expr, ...]:
        """The statement's own expressions."""
        return self.site.expressions

    def parent(self, node: ast.AST) -> ast.AST:
        """The node above."""
        return self.parents.get(id(node), self.site.node)

    def text(self, node: ast.expr | ast.stmt) -> str:
        """A node's text."""
        return self.source.slice(node)

    def atom(self, node: ast.expr) -> str:
        """A node's text, in parentheses where an operator beside it could take it apart."""
        text = self.text(node)
        return text if isinstance(node, _ATOMS) else f"({text})"

    def replace(
        self,
        kind: Kind,
        node: ast.expr | ast.stmt,
        text: str,
        words: str,
        weight: float = 1.0,
        *,
        structural: bool = False,
    ) -> Edit:
        """The edit that puts `text` in the place of a node."""
        start, end = self.source.span(node)
        return Edit(kind, start, end, text, words, weight, structural)

    def between(self, left: ast.expr, right: ast.expr, sign: str) -> tuple[int, int] | None:
        """Where an operator's sign stands between two operands; None when it is not there as written."""
        start, end = self.source.span(left)[1], self.source.span(right)[0]
        gap = _COMMENT.sub(lambda match: " " * len(match[0]), self.source.text[start:end])
        pattern = re.escape(sign).replace(r"\ ", r"\s+")
        found = re.search(rf"(?<![\w<>=!*/]){pattern}(?![\w<>=*/])" if sign[0].isalpha() else pattern, gap)
        return (start + found.start(), start + found.end()) if found else None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names that hold values here: parameters and locals bound so far, then module constants."""
        local = self.scope.names(self.source.line_of(self.site.span[1] - 1)) if self.scope else ()
        return tuple(dict.fromkeys([*local, *self.comprehension_names, *self.module.constants]))

    @cached_property
    def comprehension_names(self) -> tuple[str, ...]:
        """Names bound by comprehensions and lambdas of this statement."""
        found: list[str] = []
        for node in self.expressions:
            if (
                isinstance(node, ast.Name)
                and isinstance(node.ctx, ast.Store)
                and isinstance(self.site.node, ast.Expr | ast.Return)
            ):
                found.append(node.id)
            elif isinstance(node, ast.Lambda):
                found += [argument.arg for argument in node.args.args]
        return tuple(found)

    def is_called(self, node: ast.expr) -> bool:
        """Whether the node is what a call calls."""
        parent = self.parent(node)
        return isinstance(parent, ast.Call) and parent.func is node

    def is_value(self, node: ast.expr) -> bool:
        """Whether the node's value is read: not a target, not the function of a call, not a keyword's pattern."""
        context = getattr(node, "ctx", None)
        return not isinstance(context, ast.Store | ast.Del) and not self.is_called(node)


def similarity(left: str, right: str) -> float:
    """How alike two identifiers are, from 0 to 1: shared words and shared first letters."""
    if left == right:
        return 1.0
    a, b = set(_parts(left)), set(_parts(right))
    shared = len(a & b) / max(len(a | b), 1)
    prefix = next((n for n, (x, y) in enumerate(zip(left, right, strict=False)) if x != y), min(len(left), len(right)))
    return max(shared, prefix / max(len(left), len(right)))


def _parts(name: str) -> list[str]:
    return [part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", name)]
