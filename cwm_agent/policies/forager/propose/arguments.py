"""Calls with swapped, missing, superfluous or mixed-up arguments."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations

from cwm_agent.policies.forager.kinds import Edit, Kind
from cwm_agent.policies.forager.propose.place import Place
from cwm_agent.policies.forager.scope import Signature

# What well-known functions take besides, as people leave it out.
EXTRA: dict[str, tuple[str, ...]] = {
    "sorted": ("reverse=True",),
    "sort": ("reverse=True",),
    "round": ("2",),
    "enumerate": ("1", "start=1"),
    "max": ("default=0", "default=None"),
    "min": ("default=0", "default=None"),
    "get": ("0", "[]", '""', "{}", "False"),
    "pop": ("0", "None", "-1"),
    "split": ("1", '","', '" "', "None, 1"),
    "rsplit": ("1",),
    "replace": ("1",),
    "sum": ("0",),
    "next": ("None",),
    "getattr": ("None",),
    "int": ("10", "2", "16"),
    "strip": ('" "',),
    "print": ('end=""',),
    "zip": ("strict=True",),
    "dumps": ("sort_keys=True",),
}


def edits(place: Place) -> Iterator[Edit]:
    """Other arguments for each call of the statement, and swapped elements of its tuples."""
    for node in place.expressions:
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            known = place.module.signatures.get(name)
            yield from _swapped(place, node)
            yield from _dropped(place, node, known)
            yield from _added(place, node, name, known)
            yield from _keywords(place, node, known)
        elif isinstance(node, ast.Tuple) and len(node.elts) == 2 and isinstance(node.ctx, ast.Load):
            yield _pair(place, node.elts[0], node.elts[1], "swaps the two elements of the tuple", 0.7)
        elif isinstance(node, ast.Tuple) and len(node.elts) == 2:
            yield _pair(place, node.elts[0], node.elts[1], "swaps the two targets", 0.6)


def _pair(place: Place, left: ast.expr, right: ast.expr, words: str, weight: float) -> Edit:
    start, end = place.source.span(left)[0], place.source.span(right)[1]
    middle = place.source.text[place.source.span(left)[1] : place.source.span(right)[0]]
    return Edit(Kind.ARGUMENT, start, end, f"{place.text(right)}{middle}{place.text(left)}", words, weight)


def _swapped(place: Place, node: ast.Call) -> Iterator[Edit]:
    if len(node.args) > 5 or any(isinstance(argument, ast.Starred) for argument in node.args):
        return
    for left, right in combinations(node.args, 2):
        near = node.args.index(right) - node.args.index(left) == 1
        words = f"swaps the arguments `{place.text(left)}` and `{place.text(right)}`"
        yield _pair(place, left, right, words, 1.0 if near else 0.6)
    if isinstance(node.func, ast.Attribute) and len(node.args) == 1:
        receiver, argument = node.func.value, node.args[0]
        text = f"{place.atom(argument)}.{node.func.attr}({place.text(receiver)})"
        yield place.replace(Kind.ARGUMENT, node, text, "swaps the receiver and the argument", 0.5)


def _parts(node: ast.Call) -> list[ast.expr | ast.keyword]:
    return sorted([*node.args, *node.keywords], key=lambda part: (part.lineno, part.col_offset))


def _dropped(place: Place, node: ast.Call, known: Signature | None) -> Iterator[Edit]:
    parts = _parts(node)
    enough = known is not None and len(parts) <= known.required
    for number, part in enumerate(parts):
        start, end = place.source.span(part)
        if number:
            start = place.source.span(parts[number - 1])[1]
        elif len(parts) > 1:
            end = place.source.span(parts[1])[0]
        words = f"leaves the argument `{place.source.slice(part)}` out"
        yield Edit(Kind.ARGUMENT, start, end, "", words, 0.1 if enough else 0.55)


def _added(place: Place, node: ast.Call, name: str, known: Signature | None) -> Iterator[Edit]:
    parts = _parts(node)
    at = place.source.span(parts[-1])[1] if parts else place.source.span(node)[1] - 1
    comma = ", " if parts else ""
    for text in EXTRA.get(name, ()):
        if not any(keyword.arg and text.startswith(keyword.arg) for keyword in node.keywords):
            yield Edit(Kind.ARGUMENT, at, at, f"{comma}{text}", f"passes `{text}` besides", 0.7)
    if known is None:
        return
    given = {keyword.arg for keyword in node.keywords}
    missing = [name for name in known.parameters[len(node.args) :] if name not in given]
    for order, parameter in enumerate(missing):
        for value in _values(place, parameter):
            weight = 1.0 if value.split(".")[-1] == parameter else 0.5
            if order == 0 and not node.keywords:
                yield Edit(Kind.ARGUMENT, at, at, f"{comma}{value}", f"passes `{value}` besides", weight)
            text = f"{parameter}={value}"
            yield Edit(Kind.ARGUMENT, at, at, f"{comma}{text}", f"passes `{text}` besides", weight * 0.95)


def _values(place: Place, parameter: str) -> Iterator[str]:
    if place.scope is None:
        return
    if parameter in place.scope.members:
        yield f"{place.scope.receiver}.{parameter}"
    yield from place.names[:8]
    yield from ("True", "False", "None")


def _keywords(place: Place, node: ast.Call, known: Signature | None) -> Iterator[Edit]:
    named = [keyword for keyword in node.keywords if keyword.arg]
    for left, right in combinations(named, 2):
        words = f"swaps the values of `{left.arg}` and `{right.arg}`"
        yield _pair(place, left.value, right.value, words, 0.9)
    if known is None:
        return
    given = {keyword.arg for keyword in named}
    for keyword in named:
        start = place.source.span(keyword)[0]
        for parameter in known.parameters:
            if parameter not in given and keyword.arg:
                words = f"passes `{parameter}` instead of `{keyword.arg}`"
                yield Edit(Kind.ARGUMENT, start, start + len(keyword.arg), parameter, words, 0.7)
