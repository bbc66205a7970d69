"""Mutable default arguments, and class attributes that every instance shares."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cwm_agent.policies.forager.kinds import Edit, Kind
from cwm_agent.policies.forager.propose.place import Place
from cwm_agent.policies.forager.source import FunctionNode

_FRESH = ("list", "dict", "set", "defaultdict", "Counter", "deque")


def mutable(node: ast.expr) -> bool:
    """Whether a default is made once and can change."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in _FRESH
    return isinstance(node, ast.List | ast.Dict | ast.Set)


def edits(place: Place) -> Iterator[Edit]:
    """Defaults that are made anew for each call, proposed on the `def` line."""
    function = place.site.node
    if not isinstance(function, FunctionNode) or place.site.body_start is None:
        return
    positional = [*function.args.posonlyargs, *function.args.args]
    pairs = list(zip(positional[len(positional) - len(function.args.defaults) :], function.args.defaults, strict=True))
    pairs += [(a, d) for a, d in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if d]
    for argument, default in pairs:
        if mutable(default):
            yield from _made_inside(place, function, argument.arg, default)


def _made_inside(place: Place, function: FunctionNode, name: str, default: ast.expr) -> Iterator[Edit]:
    sites = [place.source.site(node) for node in function.body]
    first = sites[0]
    documented = isinstance(first.node, ast.Expr) and isinstance(first.node.value, ast.Constant)
    if documented and len(sites) > 1:
        first = sites[1]
    if not first.alone:
        return
    start, end = place.source.span(default)
    at = first.line_span[0]
    if at < end:
        return
    step = place.source.indent
    guard = f"{first.indent}if {name} is None:\n{first.indent}{step}{name} = {place.text(default)}\n"
    text = "None" + place.source.text[end:at] + guard
    words = f"makes a new `{name}` for each call instead of sharing one default"
    yield Edit(Kind.DEFAULT, start, at, text, words, 1.0, structural=True)
