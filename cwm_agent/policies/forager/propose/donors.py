"""Donors: expressions and statements of the same module whose names all mean something here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from cwm_agent.policies.forager.kinds import Edit, Kind
from cwm_agent.policies.forager.propose.place import Place, similarity
from cwm_agent.policies.forager.scope import BUILTINS
from cwm_agent.policies.forager.source import Source

MOST = 40
_SIMPLE = ast.Assign | ast.AugAssign | ast.Expr | ast.Return | ast.Raise


def edits(place: Place) -> Iterator[Edit]:
    """Other code of the module in the place of the statement, of its condition or its value, or before it."""
    if place.scope is None:
        return
    known = _known(place)
    statement = place.site.node
    if isinstance(statement, ast.If | ast.While):
        yield from _expressions(place, statement.test, "condition", known)
    elif isinstance(statement, ast.Return | ast.Assign | ast.AugAssign) and statement.value is not None:
        yield from _expressions(place, statement.value, "value", known)
    if place.site.alone:
        yield from _statements(place, known)


def _known(place: Place) -> frozenset[str]:
    scope = place.scope
    assert scope is not None
    local = scope.names(place.site.first_line)
    own = ("self",) if scope.receiver else ()
    module = (*place.module.constants, *place.module.callables, *place.module.imported)
    return frozenset([*local, *own, *module]) | BUILTINS


@lru_cache(maxsize=8)
def _donors(source: Source) -> tuple[tuple[str, str, frozenset[str], int], ...]:
    """Each once: what it is (condition, value, statement), its text, the names it reads, its line."""
    found: dict[tuple[str, str], tuple[frozenset[str], int]] = {}
    for site in source.sites:
        if site.function is None:
            continue
        node = site.node
        parts: list[tuple[str, ast.expr | ast.stmt]] = []
        if isinstance(node, ast.If | ast.While):
            parts.append(("condition", node.test))
        elif isinstance(node, ast.Return | ast.Assign | ast.AugAssign) and node.value is not None:
            parts.append(("value", node.value))
        if isinstance(node, _SIMPLE) and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            parts.append(("statement", node))
        for what, part in parts:
            text = source.slice(part)
            if "\n" not in text and len(text) < 100:
                names = (
                    inner.id
                    for inner in ast.walk(part)
                    if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load)
                )
                found.setdefault((what, text), (frozenset(names), part.lineno))
    return tuple((what, text, names, line) for (what, text), (names, line) in found.items())


def _near(place: Place, what: str, known: frozenset[str]) -> list[str]:
    """Donors of one sort whose names are known, those near by first."""
    line = place.site.first_line
    fitting = [
        (abs(at - line), text) for kind, text, names, at in _donors(place.source) if kind == what and names <= known
    ]
    return [text for _, text in sorted(fitting)][:MOST]


def _expressions(place: Place, node: ast.expr, what: str, known: frozenset[str]) -> Iterator[Edit]:
    old = place.text(node)
    for text in _near(place, what, known):
        weight = 0.6 + 0.4 * similarity(old, text)
        yield place.replace(Kind.DONOR, node, text, f"uses `{text}`, as elsewhere in the file", weight)


def _statements(place: Place, known: frozenset[str]) -> Iterator[Edit]:
    start, indent = place.site.line_span[0], place.site.indent
    last = isinstance(place.site.node, ast.Return)
    simple = place.site.body_start is None
    for text in _near(place, "statement", known):
        jump = text.startswith(("return", "raise"))
        if simple:
            yield place.replace(
                Kind.DONOR, place.site.node, text, f"does `{text}` instead, as elsewhere in the file", 0.6
            )
        if not jump and not place.source.text.startswith("elif", place.site.span[0]):
            line = f"{indent}{text}\n"
            words = f"does `{text}` first, as elsewhere in the file"
            yield Edit(Kind.DONOR, start, start, line, words, 0.9, structural=True)
        if not jump and not last and simple:
            after = place.site.line_span[1]
            lead = "" if place.source.text[:after].endswith("\n") else "\n"
            line = f"{lead}{indent}{text}\n"
            words = f"does `{text}` afterwards, as elsewhere in the file"
            yield Edit(Kind.DONOR, after, after, line, words, 0.9, structural=True)
