"""A module's text with its syntax tree and exact offsets, and the places in it where an edit can stand."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cached_property

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Loop = ast.For | ast.AsyncFor | ast.While
_NEWLINE = re.compile(r"\r\n|\r|\n")
_EXACT_FSTRINGS = sys.version_info >= (3, 12)


class Source:
    """One parsed file; offsets count characters of `text`. Raises SyntaxError when the text does not parse."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.tree = ast.parse(text)
        self.starts = [0, *(match.end() for match in _NEWLINE.finditer(text)), len(text) + 1]

    def line(self, number: int) -> str:
        """A line by its number from 1, without its end."""
        return self.text[self.starts[number - 1] : self.starts[number]].rstrip("\r\n")

    def offset(self, line: int, column: int) -> int:
        """Where a position of the syntax tree (line from 1, column in UTF-8 bytes) is in the text."""
        start = self.starts[line - 1]
        piece = self.text[start : start + column]
        if piece.isascii():
            return start + column
        encoded = self.text[start : self.starts[line]].encode()[:column]
        return start + len(encoded.decode(errors="ignore"))

    def span(
        self, node: ast.expr | ast.stmt | ast.arg | ast.keyword | ast.excepthandler | ast.pattern
    ) -> tuple[int, int]:
        """Start and end of a node."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)

    def slice(self, node: ast.expr | ast.stmt | ast.arg | ast.keyword | ast.excepthandler | ast.pattern) -> str:
        """A node's text."""
        start, end = self.span(node)
        return self.text[start:end]

    def line_of(self, offset: int) -> int:
        """The number of the line that holds a character."""
        low, high = 0, len(self.starts) - 1
        while low < high:
            middle = (low + high + 1) // 2
            if self.starts[middle] <= offset:
                low = middle
            else:
                high = middle - 1
        return low + 1

    @cached_property
    def sites(self) -> tuple[Site, ...]:
        """Every statement, in the order of the text."""
        return tuple(_collect(self, self.tree.body, None, (), None, None))

    @cached_property
    def site_of_line(self) -> dict[int, Site]:
        """For each line the innermost statement on it: a compound statement has the lines of its header alone."""
        found: dict[int, Site] = {}
        for site in self.sites:
            for number in range(site.first_line, site.last_line + 1):
                found[number] = site
        return found

    @cached_property
    def _by_node(self) -> dict[int, Site]:
        return {id(site.node): site for site in self.sites}

    def site(self, node: ast.stmt) -> Site:
        """The place of a statement of this file's tree."""
        return self._by_node[id(node)]

    @cached_property
    def indent(self) -> str:
        """One step of this file's indentation."""
        for site in self.sites:
            if site.parent is not None and site.alone:
                outer = self.site(site.parent)
                if outer.alone and site.indent.startswith(outer.indent) and site.indent != outer.indent:
                    return site.indent[len(outer.indent) :]
        return "    "


class Site:
    """One statement and what surrounds it: its block, functions, class and loop."""

    def __init__(
        self,
        source: Source,
        node: ast.stmt,
        block: list[ast.stmt],
        parent: ast.stmt | None,
        functions: tuple[FunctionNode, ...],
        owner: ast.ClassDef | None,
        loop: Loop | None,
    ) -> None:
        self.source = source
        self.node = node
        self.block = block
        self.parent = parent
        self.functions = functions
        self.owner = owner
        self.loop = loop

    @property
    def function(self) -> FunctionNode | None:
        """The innermost function that holds the statement."""
        return self.functions[-1] if self.functions else None

    @property
    def index(self) -> int:
        """The statement's place in its block."""
        return next(number for number, other in enumerate(self.block) if other is self.node)

    @cached_property
    def span(self) -> tuple[int, int]:
        """Start and end of the statement, its decorators included."""
        start, end = self.source.span(self.node)
        decorators = getattr(self.node, "decorator_list", None)
        if decorators:
            first = self.source.span(decorators[0])[0]
            start = self.source.text.rindex("@", 0, first)
        return start, end

    @cached_property
    def body_start(self) -> int | None:
        """Where a compound statement's first inner statement begins; None for a simple one."""
        body = getattr(self.node, "body", None)
        if not body and isinstance(self.node, ast.Match):
            return self.source.span(self.node.cases[0].pattern)[0]
        if not isinstance(body, list):
            return None
        decorators = getattr(body[0], "decorator_list", None)
        return (
            self.source.text.rindex("@", 0, self.source.span(decorators[0])[0])
            if decorators
            else self.source.span(body[0])[0]
        )

    @property
    def first_line(self) -> int:
        """The line on which the statement begins."""
        return self.source.line_of(self.span[0])

    @property
    def last_line(self) -> int:
        """The last line of the statement, or of its header when it is compound."""
        if self.body_start is None or isinstance(self.node, ast.Try | ast.Match):
            return self.source.line_of(max(self.span[1] - 1, self.span[0]))
        return max(self.first_line, self.source.line_of(self.body_start) - 1)

    @cached_property
    def indent(self) -> str:
        """The white space before the statement's line."""
        start = self.source.starts[self.source.line_of(self.span[0]) - 1]
        text = self.source.text[start : self.span[0]]
        return text[: len(text) - len(text.lstrip(" \t\f"))]

    @cached_property
    def alone(self) -> bool:
        """Whether nothing but a comment shares the statement's lines, so that whole lines can be moved."""
        start, end = self.span
        first, last = self.source.line_of(start), self.source.line_of(end - 1)
        before = self.source.text[self.source.starts[first - 1] : start]
        after = self.source.text[end : self.source.starts[last]].strip()
        return not before.strip() and (not after or after.startswith("#"))

    @property
    def line_span(self) -> tuple[int, int]:
        """From the start of the statement's first line to the start of the line after its last."""
        start, end = self.span
        last = self.source.line_of(end - 1)
        return self.source.starts[self.source.line_of(start) - 1], min(self.source.starts[last], len(self.source.text))

    @cached_property
    def expressions(self) -> tuple[ast.expr, ...]:
        """The statement's own expressions, those of inner statements and of annotations left out."""
        return tuple(node for node in _own(self.node) if isinstance(node, ast.expr) and self._exact(node))

    @cached_property
    def _inside_fstrings(self) -> frozenset[int]:
        found: set[int] = set()
        for node in _own(self.node):
            if isinstance(node, ast.JoinedStr):
                found |= {id(inner) for inner in ast.walk(node) if inner is not node}
        return frozenset(found)

    def _exact(self, node: ast.expr) -> bool:
        """Whether the tree's offsets are to be trusted; before Python 3.12 not always inside f-strings."""
        if id(node) not in self._inside_fstrings:
            return True
        if isinstance(node, ast.Constant | ast.JoinedStr | ast.FormattedValue):
            return False
        if _EXACT_FSTRINGS:
            return True
        try:
            again = ast.parse(self.source.slice(node), mode="eval").body
        except (SyntaxError, IndexError, ValueError):
            return False
        return ast.dump(again) == ast.dump(node).replace("ctx=Store()", "ctx=Load()")


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below a statement, without inner statements, annotations and docstrings."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "type_comment", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.stmt) or not isinstance(child, ast.AST):
                continue
            if isinstance(child, ast.expr) and isinstance(node, ast.Expr) and isinstance(child, ast.Constant):
                continue
            yield child
            yield from _own(child)


def _collect(
    source: Source,
    block: list[ast.stmt],
    parent: ast.stmt | None,
    functions: tuple[FunctionNode, ...],
    owner: ast.ClassDef | None,
    loop: Loop | None,
) -> Iterator[Site]:
    for node in block:
        yield Site(source, node, block, parent, functions, owner, loop)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _collect(source, node.body, node, (*functions, node), owner, None)
        elif isinstance(node, ast.ClassDef):
            yield from _collect(source, node.body, node, (), node, None)
        else:
            inner = node if isinstance(node, ast.For | ast.AsyncFor | ast.While) else loop
            for name, body in _blocks(node):
                yield from _collect(
                    source, body, node, functions, owner, loop if name == "orelse" and inner is node else inner
                )


def _blocks(node: ast.stmt) -> Iterator[tuple[str, list[ast.stmt]]]:
    for name in ("body", "handlers", "orelse", "finalbody", "cases"):
        for part in [getattr(node, name, None)]:
            if not isinstance(part, list) or not part:
                continue
            if isinstance(part[0], ast.stmt):
                yield name, part
            else:
                for holder in part:
                    yield name, holder.body
