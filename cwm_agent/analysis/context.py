"""The source text that a trace of an entry needs, out of the files of a project: nearest first, within a budget."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from msgspec import Struct

from cwm_agent.analysis.compose import Line, compose, rewritten, trimmed, whole
from cwm_agent.analysis.search import Search
from cwm_agent.analysis.units import Unit
from cwm_agent.errors import UsageError


class DoesNotFit(UsageError):
    """The function of an entry has by itself more text than there is room for."""


class Context(Struct, frozen=True):
    """What a world model is shown of the user's code.

    `text` is ordinary source; `origins` tells for each of its lines the path and line that it comes from, line 0 for
    one of ours. `wanted` are paths that may exist in the project and were not given; `left_out` names that did not fit
    or that would hide others.
    """

    text: str
    origins: tuple[tuple[str, int], ...]
    wanted: tuple[str, ...]
    left_out: tuple[str, ...]


def context(entry: str, path: str, sources: Mapping[str, str], *, cost: Callable[[str], int], budget: int) -> Context:
    """The text for a call expression in the module at `path`; `cost` counts the tokens of a text.

    UsageError where the entry is no expression or names nothing that the module has, DoesNotFit where it has no room by
    itself.
    """
    expression = _parsed(entry)
    if path not in sources:
        return Context("", (), (path,), ())
    search = Search(path, sources)
    search.run(expression)
    choice = _Choice(search, expression, cost, budget)
    for unit in search.found:
        choice.consider(unit)
    lines = compose(choice.rewritten(), search.order())
    missing = dict.fromkeys(name for unit in [*choice.left, *search.dropped] for name in unit.defines)
    return Context(
        "".join(f"{line.text}\n" for line in lines),
        tuple((line.path, line.number) for line in lines),
        tuple(search.wanted),
        tuple(name for name in missing if name not in choice.names),
    )


def _parsed(entry: str) -> ast.expr:
    try:
        return ast.parse(entry.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"Not a call expression: {entry}", remedy="Write it as in Python: `f(1, 2)`.") from error


class _Choice:
    """The units that fit, nearest first."""

    def __init__(self, search: Search, expression: ast.expr, cost: Callable[[str], int], budget: int) -> None:
        self._search = search
        self._cost = cost
        self._room = budget
        self._budget = budget
        self._attributes = {node.attr for node in ast.walk(expression) if isinstance(node, ast.Attribute)}
        self._attributes |= {name for unit in search.found for name in unit.attributes}
        self._chosen: list[tuple[Unit, list[Line]]] = []
        self.left: list[Unit] = []

    @property
    def names(self) -> set[str]:
        """The names that the chosen units define, imports not counted."""
        return {name for unit, _ in self._chosen if not unit.is_import for name in unit.defines}

    def consider(self, unit: Unit) -> None:
        """Take the unit where it fits, a class without needless methods where it does not fit whole."""
        source = self._search.file(unit.path)
        assert source is not None
        lines = whole(unit, source)
        price = self._price(lines)
        if price > self._room:
            shorter = trimmed(unit, source, frozenset(self._attributes))
            lines = shorter or lines
            price = self._price(lines)
        if price <= self._room:
            self._room -= price
            self._chosen.append((unit, lines))
            return
        if unit.key in self._search.entries and not unit.is_import:
            raise DoesNotFit(
                f"{', '.join(unit.defines)} takes {price} tokens of the {self._budget} that there are for source.",
                remedy="Trace a function that is shorter.",
            )
        self.left.append(unit)

    def _price(self, lines: list[Line]) -> int:
        return self._cost("".join(f"{line.text}\n" for line in lines))

    def rewritten(self) -> list[tuple[Unit, list[Line]]]:
        """The units, their imports without what stands in the text."""
        own = {name: unit.path for unit, _ in self._chosen if not unit.is_import for name in unit.defines}
        found = []
        for unit, lines in self._chosen:
            known = {
                name: imported.name
                for name, imported in unit.imports
                if imported.name in own and own[imported.name] != unit.path and unit.is_import
            }
            changed = rewritten(unit, known)
            found.append((unit, lines if changed is None else changed))
        return found
