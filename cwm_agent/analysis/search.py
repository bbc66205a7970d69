"""What an entry needs of a project's files: the units that it uses, and those that these use, nearest first."""

from __future__ import annotations

import ast
import builtins
import heapq
from collections.abc import Mapping

from cwm_agent.analysis.imports import Imported
from cwm_agent.analysis.units import Source, Unit, is_rule, read
from cwm_agent.errors import UsageError

_NEXT, _HINT = 1, 3  # how far a use is, and one in an annotation
_ALONG = 0.1  # an import comes with what needs it
_Key = tuple[str, int]


class Search:
    """Follows the names of an entry, a call expression in the module at `path`, through the files that are given."""

    def __init__(self, path: str, sources: Mapping[str, str]) -> None:
        self._path = path
        self._sources = sources
        self._files: dict[str, Source | None] = {}
        self._waiting: list[tuple[float, int, Unit]] = []
        self._met: set[_Key] = set()
        self._needs: dict[_Key, list[tuple[str, Unit]]] = {}
        self._taken: dict[str, Unit] = {}
        self.found: list[Unit] = []
        self.dropped: list[Unit] = []
        self.entries: set[_Key] = set()
        self.wanted: dict[str, None] = {}

    def run(self, expression: ast.expr) -> None:
        """Fill `found`; UsageError where the module has nothing of the name that is called."""
        module = self.file(self._path)
        if module is None:
            raise UsageError(f"{self._path} does not parse.")
        attributes = frozenset(node.attr for node in ast.walk(expression) if isinstance(node, ast.Attribute))
        for node in ast.walk(expression):
            if isinstance(node, ast.Name):
                units = self._resolve(module, node.id, attributes)
                self.entries |= {unit.key for unit in units}
                for unit in units:
                    self._push(0, unit)
        self._check(expression, module)
        while self._waiting:
            distance, _, unit = heapq.heappop(self._waiting)
            if self._take(unit):
                self._follow(unit, distance)
        self._settle()
        self._add_rules()

    def _add_rules(self) -> None:
        """The imports from `__future__`, which say how a file is read."""
        for path in dict.fromkeys(unit.path for unit in self.found):
            source = self.file(path)
            rules = [unit for unit in source.units if is_rule(unit)] if source else []
            self.found = [*(unit for unit in rules if self._take_rule(unit)), *self.found]

    def _take_rule(self, unit: Unit) -> bool:
        return not any(_alike(unit, other) for other in self.found)

    def _check(self, expression: ast.expr, module: Source) -> None:
        called = expression
        while isinstance(called, ast.Call | ast.Attribute | ast.Subscript | ast.Await):
            called = called.func if isinstance(called, ast.Call) else called.value
        known = not isinstance(called, ast.Name) or called.id in module.defined or hasattr(builtins, called.id)
        if not known and not module.stars:
            assert isinstance(called, ast.Name)
            some = [name for unit in module.units if unit.is_definition for name in unit.defines][:12]
            has = f"It has {', '.join(some)}." if some else ""
            raise UsageError(f"{self._path} has no {called.id}.", remedy=has)

    def file(self, path: str) -> Source | None:
        """The file in units; None where it was not given or does not parse."""
        if path not in self._files:
            text = self._sources.get(path)
            self._files[path] = None if text is None else read(path, text)
        return self._files[path]

    def order(self) -> list[str]:
        """The files that were found, each after those that it uses, that of the entry last."""
        uses = {self._path: [path for path, _ in sorted(self.entries)]}
        for (path, _), needs in self._needs.items():
            uses.setdefault(path, []).extend(other.path for _, other in needs)
        found: list[str] = []
        waiting = [(self._path, False)]
        seen: set[str] = set()
        while waiting:
            path, left = waiting.pop()
            if left:
                found.append(path)
            elif path not in seen:
                seen.add(path)
                waiting.append((path, True))
                waiting += [(other, False) for other in reversed(uses.get(path, []))]
        return found

    def _push(self, distance: float, unit: Unit) -> None:
        if unit.key not in self._met:
            self._met.add(unit.key)
            order = distance + (unit.path != self._path) / 2
            heapq.heappush(self._waiting, (order, len(self._met), unit))

    def _take(self, unit: Unit) -> bool:
        """Whether the unit can stand beside those that are there: a name means one thing."""
        for name in unit.defines:
            other = self._taken.get(name)
            if other is not None and other.path != unit.path and not self._is_same(unit, name, other):
                self.dropped.append(unit)
                return False
        if not any(found for _, found in unit.imports):
            self._taken.update(dict.fromkeys(unit.defines, unit))
        self.found.append(unit)
        return True

    def _is_same(self, unit: Unit, name: str, other: Unit) -> bool:
        """Whether a name means the same in two units: the same import, or an import of the other."""
        imported = dict(unit.imports).get(name) if unit.is_import else None
        return _alike(unit, other) or (imported is not None and other in self._import(imported, frozenset()))

    def _follow(self, unit: Unit, distance: float) -> None:
        source = self.file(unit.path)
        assert source is not None
        local = {} if unit.is_import else dict(unit.imports)
        needs = self._needs.setdefault(unit.key, [])
        for name in (*unit.uses, *unit.hints, *local):
            step = _NEXT if name in unit.uses or name in local else _HINT
            near = self._resolve(source, name, unit.attributes)
            near += self._import(local[name], unit.attributes) if name in local else []
            for other in near:
                needs.append((name, other))
                self._push(distance + (_ALONG if other.is_import else step), other)
        for other in source.touching(unit.defines):
            self._push(distance + _NEXT, other)

    def _resolve(self, source: Source, name: str, attributes: frozenset[str]) -> list[Unit]:
        """The units that this name of a module stands for, with the import that brings it."""
        unit = source.defined.get(name)
        if unit is None:
            return [found for star in source.stars for found in self._import_name(star.paths, name, attributes)]
        imported = dict(unit.imports).get(name)
        if imported is None:
            return [unit]
        return [unit, *self._import(imported, attributes)]

    def _import(self, imported: Imported, attributes: frozenset[str]) -> list[Unit]:
        if imported.name and imported.name != "*":
            return self._import_name(imported.paths, imported.name, attributes, imported.submodules)
        return self._of_module(imported.paths, attributes)

    def _of_module(self, paths: tuple[str, ...], attributes: frozenset[str]) -> list[Unit]:
        """What is used of a module that a name stands for."""
        module = self._first(paths)
        if module is None:
            return []
        names = [name for name in module.defined if name in attributes]
        return [unit for name in names for unit in self._resolve(module, name, attributes)]

    def _import_name(
        self, paths: tuple[str, ...], name: str, attributes: frozenset[str], below: tuple[str, ...] = ()
    ) -> list[Unit]:
        module = self._first(paths) if not any(path in self._sources for path in below) else None
        if module is not None and name in module.defined:
            return self._resolve(module, name, attributes)
        if module is not None and module.stars:
            return self._resolve(module, name, attributes)
        return self._of_module(below, attributes)

    def _first(self, paths: tuple[str, ...]) -> Source | None:
        """The first of these files that was given; all are wanted where none was."""
        given = next((path for path in paths if path in self._sources), None)
        if given is None:
            self.wanted.update(dict.fromkeys(paths))
            return None
        return self.file(given)

    def _settle(self) -> None:
        """Leave out what would mean another unit by a name than its own file does."""
        kept = {unit.key for unit in self.found}
        changed = True
        while changed:
            changed = False
            for unit in list(self.found):
                hidden = [
                    name
                    for name, other in self._needs.get(unit.key, [])
                    if other.key not in kept and name in self._taken and self._taken[name].key != other.key
                ]
                if hidden and unit.key not in self.entries:
                    self.found.remove(unit)
                    self.dropped.append(unit)
                    kept.discard(unit.key)
                    changed = True


def _alike(unit: Unit, other: Unit) -> bool:
    """Whether two files say the same: the same import."""
    return unit.is_import and other.is_import and ast.dump(unit.nodes[0]) == ast.dump(other.nodes[0])
