"""Other exception types in `except`, `raise` and `suppress`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cwm_agent.policies.forager.kinds import Edit, Kind
from cwm_agent.policies.forager.propose.place import Place

COMMON = (
    "ValueError",
    "TypeError",
    "KeyError",
    "IndexError",
    "LookupError",
    "AttributeError",
    "ZeroDivisionError",
    "RuntimeError",
    "NotImplementedError",
    "StopIteration",
    "OSError",
    "FileNotFoundError",
    "Exception",
)
_NEAR = {
    frozenset(pair)
    for pair in (
        ("KeyError", "IndexError"),
        ("KeyError", "LookupError"),
        ("IndexError", "LookupError"),
        ("ValueError", "TypeError"),
        ("KeyError", "AttributeError"),
        ("KeyError", "ValueError"),
        ("ValueError", "ZeroDivisionError"),
        ("OSError", "FileNotFoundError"),
    )
}


def edits(place: Place) -> Iterator[Edit]:
    """Another exception for each one that the statement names."""
    statement = place.site.node
    if isinstance(statement, ast.Raise) and statement.exc is not None:
        named = statement.exc.func if isinstance(statement.exc, ast.Call) else statement.exc
        if isinstance(named, ast.Name):
            yield from _others(place, named, "raises", structural=False)
    elif isinstance(statement, ast.Try):
        for handler in statement.handlers:
            yield from _handler(place, handler)


def _types(place: Place) -> tuple[str, ...]:
    own = [
        node.name
        for node in place.source.tree.body
        if isinstance(node, ast.ClassDef)
        and any("Err" in ast.unparse(base) or "Exc" in ast.unparse(base) for base in node.bases)
    ]
    return tuple(dict.fromkeys([*own, *COMMON]))


def _others(place: Place, named: ast.Name, verb: str, *, structural: bool) -> Iterator[Edit]:
    for other in _types(place):
        if other != named.id:
            weight = 1.0 if frozenset((other, named.id)) in _NEAR or other not in COMMON else 0.6
            words = f"{verb} {other} instead of {named.id}"
            yield place.replace(Kind.EXCEPTION, named, other, words, weight, structural=structural)


def _handler(place: Place, handler: ast.ExceptHandler) -> Iterator[Edit]:
    if isinstance(handler.type, ast.Name):
        yield from _others(place, handler.type, "catches", structural=True)
    named = [handler.type] if isinstance(handler.type, ast.Name) else []
    if isinstance(handler.type, ast.Tuple):
        named = [node for node in handler.type.elts if isinstance(node, ast.Name)]
    if handler.type is None or not named:
        return
    have = [node.id for node in named]
    for other in _types(place):
        if other not in have:
            text = f"({', '.join([*have, other])})"
            weight = 0.9 if any(frozenset((other, name)) in _NEAR for name in have) else 0.5
            yield place.replace(Kind.EXCEPTION, handler.type, text, f"catches {other} too", weight, structural=True)
