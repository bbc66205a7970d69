"""Missing and superfluous calls, conversions, copies and awaits."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cwm_agent.policies.forager.kinds import Edit, Kind
from cwm_agent.policies.forager.propose.methods import OTHER_METHODS
from cwm_agent.policies.forager.propose.place import Place

WRAPPERS = (
    "int",
    "str",
    "len",
    "abs",
    "float",
    "list",
    "sorted",
    "set",
    "round",
    "tuple",
    "sum",
    "reversed",
    "bool",
    "max",
    "min",
)
SUFFIXES = (".strip()", ".lower()", ".upper()", ".items()", ".keys()", ".values()", ".split()", ".casefold()")
_PREDICATES = ("is", "has", "can", "get", "total", "count")


def edits(place: Place) -> Iterator[Edit]:
    """Calls where there are none, none where there are some, and copies."""
    for node in place.expressions:
        if isinstance(node, ast.Call):
            yield from _called(place, node)
        elif isinstance(node, ast.Await):
            yield place.replace(Kind.MISSING_CALL, node, place.text(node.value), "drops the `await`", 0.5)
        if isinstance(node, ast.Name | ast.Attribute) and place.is_value(node):
            yield from _missing(place, node)
        if place.is_value(node) and isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
            yield from _wrapped(place, node)
            yield from _copied(place, node)
        elif isinstance(node, ast.BinOp | ast.GeneratorExp | ast.ListComp):
            yield from _wrapped(place, node)


def _called(place: Place, node: ast.Call) -> Iterator[Edit]:
    start, end = place.source.span(node)
    function = place.source.span(node.func)[1]
    if not node.args and not node.keywords:
        yield Edit(Kind.MISSING_CALL, function, end, "", f"drops the call of `{place.text(node.func)}`", 0.5)
    if len(node.args) == 1 and not isinstance(node.args[0], ast.Starred | ast.GeneratorExp):
        inner = place.text(node.args[0])
        words = f"uses `{inner}` itself, without `{place.text(node.func)}`"
        yield place.replace(Kind.WRAP, node, place.atom(node.args[0]), words, 0.6)
    if isinstance(node.func, ast.Attribute):
        yield place.replace(Kind.WRAP, node, place.text(node.func.value), f"drops `.{node.func.attr}(…)`", 0.5)
    if isinstance(place.site.function, ast.AsyncFunctionDef) and not isinstance(place.parent(node), ast.Await):
        yield Edit(Kind.MISSING_CALL, start, start, "await ", "awaits the call", 1.0)


def _missing(place: Place, node: ast.Name | ast.Attribute) -> Iterator[Edit]:
    name = node.id if isinstance(node, ast.Name) else node.attr
    parent = place.parent(node)
    if isinstance(parent, ast.Attribute) and isinstance(node, ast.Name) and name not in place.module.signatures:
        return
    known = place.module.signatures.get(name)
    if known is not None:
        weight = 1.0 if known.required == 0 else 0.3
    elif isinstance(node, ast.Attribute):
        weight = 0.9 if name in OTHER_METHODS else 0.5 if name.startswith(_PREDICATES) else 0.25
    else:
        weight = 0.1
    end = place.source.span(node)[1]
    yield Edit(Kind.MISSING_CALL, end, end, "()", f"calls `{place.text(node)}`", weight)


def _wrapped(place: Place, node: ast.expr) -> Iterator[Edit]:
    parent = place.parent(node)
    if isinstance(parent, ast.Attribute):
        return
    inside = parent.func.id if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) else ""
    text = place.text(node)
    if len(text) > 60:
        return
    bare = text[1:-1] if isinstance(node, ast.GeneratorExp) and text.startswith("(") else text
    for wrapper in WRAPPERS:
        if wrapper == inside or (isinstance(node, ast.GeneratorExp) and not text.startswith("(")):
            continue
        weight = 0.6 if wrapper in ("int", "str", "len", "abs", "list", "sorted", "set") else 0.4
        yield place.replace(Kind.WRAP, node, f"{wrapper}({bare})", f"wraps `{text}` in `{wrapper}(…)`", weight)
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
        end = place.source.span(node)[1]
        for suffix in SUFFIXES:
            likely = 0.9 if isinstance(place.site.node, ast.For) == (suffix in (".items()", ".values()")) else 0.5
            yield Edit(Kind.WRAP, end, end, suffix, f"uses `{text}{suffix}`", likely)


def _copied(place: Place, node: ast.expr) -> Iterator[Edit]:
    statement = place.site.node
    whole = getattr(statement, "value", None) is node or getattr(statement, "iter", None) is node
    passed = isinstance(place.parent(node), ast.Call | ast.Dict | ast.List | ast.Tuple)
    if not whole and not passed:
        return
    text, weight = place.text(node), 1.0 if whole else 0.7
    yield place.replace(Kind.COPY, node, f"list({text})", f"copies `{text}` with list(…)", weight)
    yield place.replace(Kind.COPY, node, f"{text}.copy()", f"copies `{text}`", weight)
    yield place.replace(Kind.COPY, node, f"dict({text})", f"copies `{text}` with dict(…)", weight * 0.9)
    yield place.replace(Kind.COPY, node, f"{text}[:]", f"copies `{text}`", weight * 0.5)
    if "deepcopy" in place.module.imported:
        yield place.replace(Kind.COPY, node, f"deepcopy({text})", f"copies `{text}` and all in it", weight)
    if "copy" in place.module.imported:
        yield place.replace(Kind.COPY, node, f"copy.deepcopy({text})", f"copies `{text}` and all in it", weight * 0.9)
