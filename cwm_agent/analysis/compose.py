"""Puts chosen units together as one source text, of which every line knows where it comes from."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from msgspec import Struct

from cwm_agent.analysis.units import Source, Unit, first_line, is_rule, last_line


class Line(Struct, frozen=True):
    """One line of a context; `number` is 0 for one of ours."""

    text: str
    path: str
    number: int = 0


def whole(unit: Unit, source: Source) -> list[Line]:
    """A unit as it stands."""
    return _lines(source, range(unit.first, unit.last + 1))


def trimmed(unit: Unit, source: Source, wanted: frozenset[str]) -> list[Line]:
    """A class without the methods that nobody names; empty where there is nothing to leave out."""
    node = unit.nodes[0]
    if not isinstance(node, ast.ClassDef) or len(unit.nodes) != 1:
        return []
    kept = [each for each in node.body if _is_needed(each, wanted)]
    if not kept or len(kept) == len(node.body):
        return []
    found = _lines(source, range(unit.first, first_line(node.body[0])))
    for each in kept:
        found += _lines(source, range(first_line(each), last_line(each) + 1))
    return found


def _is_needed(statement: ast.stmt, wanted: frozenset[str]) -> bool:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return False
    if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return True
    return statement.name in wanted or (statement.name.startswith("__") and statement.name.endswith("__"))


def _lines(source: Source, numbers: Iterable[int]) -> list[Line]:
    return [Line(source.lines[number - 1], source.path, number) for number in numbers]


def rewritten(unit: Unit, defined: dict[str, str]) -> list[Line] | None:
    """An import of the project without the names that stand in the text; None where it stays as it is.

    `defined` maps each name that it binds and that is in the text to the name it has there.
    """
    node = unit.nodes[0]
    if not unit.is_import or not isinstance(node, ast.ImportFrom) or not defined:
        return None
    rest = [each for each in node.names if (each.asname or each.name) not in defined]
    texts = [ast.unparse(ast.ImportFrom(node.module, rest, node.level))] if rest else []
    texts += [f"{name} = {known}" for name, known in defined.items() if name != known]
    return [Line(text, unit.path) for text in texts]


def compose(chosen: Sequence[tuple[Unit, list[Line]]], order: Sequence[str]) -> list[Line]:
    """The lines of all units: file after file in this order, each in its own."""
    place = {path: number for number, path in enumerate(order)}
    ordered = sorted(
        (pair for pair in chosen if pair[1]),
        key=lambda pair: (not is_rule(pair[0]), place[pair[0].path], pair[0].index),
    )
    found: list[Line] = []
    before: Unit | None = None
    for unit, lines in ordered:
        if before is not None:
            apart = unit.is_definition or before.is_definition
            near = before.path == unit.path and unit.first - before.last < 2
            blanks = 2 if apart else 0 if near or (unit.is_import and before.is_import) else 1
            found += [Line("", unit.path)] * blanks
        found += lines
        before = unit
    return found
