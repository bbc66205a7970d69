"""Another name or attribute that is in scope, and a missing `self.`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations

from cwm_agent.policies.forager.kinds import Edit, Kind
from cwm_agent.policies.forager.propose.place import Place, similarity
from cwm_agent.policies.forager.scope import BUILTINS

MOST = 24


def edits(place: Place) -> Iterator[Edit]:
    """Other names and attributes for each one that the statement reads, calls or assigns."""
    for node in place.expressions:
        if isinstance(node, ast.Name):
            yield from _self(place, node)
            if isinstance(node.ctx, ast.Store):
                yield from _targets(place, node)
            elif place.is_called(node):
                yield from _functions(place, node)
            else:
                yield from _values(place, node)
        elif isinstance(node, ast.Attribute):
            yield from _attributes(place, node)
    yield from _exchanged(place)


def _exchanged(place: Place) -> Iterator[Edit]:
    """Two names of the statement in each other's place."""
    read = [node for node in place.expressions if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    read = [node for node in read if not place.is_called(node)][:8]
    for left, right in combinations(sorted(read, key=lambda node: (node.lineno, node.col_offset)), 2):
        if left.id != right.id:
            (start, first), (second, end) = place.source.span(left), place.source.span(right)
            text = f"{right.id}{place.source.text[first:second]}{left.id}"
            yield Edit(Kind.NAME, start, end, text, f"exchanges `{left.id}` and `{right.id}`", 0.65)


def _ranked(name: str, others: Iterator[str] | tuple[str, ...], floor: float) -> Iterator[tuple[str, float]]:
    """The other names with a weight between `floor` and 1 that grows with their likeness to `name`."""
    seen = [other for other in dict.fromkeys(others) if other != name]
    ordered = sorted(seen, key=lambda other: -similarity(name, other))
    for other in ordered[:MOST]:
        yield other, floor + (1 - floor) * similarity(name, other)


def _values(place: Place, node: ast.Name) -> Iterator[Edit]:
    if node.id in ("self", "cls") or place.scope is None:
        return
    known = node.id in place.names
    local = set(place.scope.names(place.site.last_line)) | set(place.comprehension_names)
    for other, weight in _ranked(node.id, place.names, 0.55):
        share = 1.0 if other in local else 0.6
        words = f"uses `{other}` instead of `{node.id}`"
        yield place.replace(Kind.NAME, node, other, words, weight * share * (1.0 if known else 0.8))
    for member, called in place.scope.members.items():
        if not called and place.scope.receiver and member != node.id:
            other = f"{place.scope.receiver}.{member}"
            weight = 0.35 + 0.5 * similarity(node.id, member)
            yield place.replace(Kind.ATTRIBUTE, node, other, f"uses `{other}` instead of `{node.id}`", weight)


def _functions(place: Place, node: ast.Name) -> Iterator[Edit]:
    others = (*place.module.callables, *place.module.imported)
    for other, weight in _ranked(node.id, others, 0.3):
        yield place.replace(Kind.NAME, node, other, f"calls `{other}` instead of `{node.id}`", weight * 0.8)


def _targets(place: Place, node: ast.Name) -> Iterator[Edit]:
    if place.scope is None or not isinstance(place.site.node, ast.Assign | ast.AugAssign | ast.For):
        return
    others = tuple(dict.fromkeys([*place.scope.locals, *place.scope.parameters]))
    for other, weight in _ranked(node.id, tuple(name for name in others if name not in ("self", "cls")), 0.4):
        yield place.replace(Kind.NAME, node, other, f"assigns `{other}` instead of `{node.id}`", weight * 0.6)


def _self(place: Place, node: ast.Name) -> Iterator[Edit]:
    scope = place.scope
    if scope is None or not scope.receiver or node.id not in scope.members:
        return
    strange = node.id not in place.names and node.id not in BUILTINS
    shadowed = isinstance(node.ctx, ast.Store)
    other = f"{scope.receiver}.{node.id}"
    weight = 1.0 if strange or shadowed else 0.8
    yield place.replace(Kind.MISSING_SELF, node, other, f"uses `{other}` instead of `{node.id}`", weight)


def _attributes(place: Place, node: ast.Attribute) -> Iterator[Edit]:
    base = node.value.id if isinstance(node.value, ast.Name) else ""
    start = place.source.span(node)[1] - len(node.attr)
    if place.source.text[start : start + len(node.attr)] != node.attr:
        return
    called = place.is_called(node)
    for other, weight in _ranked(node.attr, tuple(_known(place, base, called=called)), 0.35):
        words = f"uses `.{other}` instead of `.{node.attr}`"
        yield Edit(Kind.ATTRIBUTE, start, start + len(node.attr), other, words, weight)
    local = place.scope.names(place.site.first_line) if place.scope else ()
    if not called and isinstance(node.ctx, ast.Load):
        for name in local:
            weight = 0.3 + 0.6 * similarity(node.attr, name)
            text = place.text(node)
            yield place.replace(Kind.NAME, node, name, f"uses `{name}` instead of `{text}`", weight)


def _known(place: Place, base: str, *, called: bool) -> Iterator[str]:
    """Attributes that may follow `base.`, those of the class first."""
    scope = place.scope
    if scope and base and base == scope.receiver:
        yield from (name for name, method in scope.members.items() if method == called)
        return
    yield from place.module.attributes.get(base, ()) if base else ()
    for node in place.source.tree.body:
        if isinstance(node, ast.ClassDef):
            members, _ = place.module.members(node)
            yield from (name for name, method in members.items() if method == called and not name.startswith("_"))
