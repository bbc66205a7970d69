"""What a line can change: the names that it binds or deletes, and the values that change while they stay bound."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from msgspec import Struct

from cwm_agent.analysis.codes import Code
from cwm_agent.analysis.flow import Flow
from cwm_agent.analysis.graph import Node, Op
from cwm_agent.analysis.layout import Layout
from cwm_agent.analysis.literals import literals_of
from cwm_agent.analysis.mutation import ANYTHING, NOTHING, Change, Mutation
from cwm_agent.analysis.reprs import custom_reprs

_CONCURRENT = frozenset({"threading", "concurrent", "multiprocessing", "signal", "_thread", "gc", "weakref", "ctypes"})


class LineEffects(Struct, frozen=True):
    """What a line does to the locals of its function, as the source tells it.

    `binds` are the names that it may bind, in the order in which it binds them; `literals` the reprs of those whose
    new value the source alone tells; `mutates`: objects reachable from locals may change.
    """

    binds: tuple[str, ...] = ()
    deletes: frozenset[str] = frozenset()
    literals: dict[str, str] = {}
    mutates: bool = False


class _Line(Struct, frozen=True):
    effects: LineEffects
    change: Change


class Effects:
    """The effects of the lines of one source text; UsageError where it does not parse.

    `flow` is that of the same source, where the caller has it.
    """

    def __init__(self, source: str, flow: Flow | None = None) -> None:
        self._flow = flow or Flow(source)
        self._codes = self._flow.codes
        self._calls = self._flow.calls
        self._mutation = Mutation(self._calls)
        self._reprs = custom_reprs(self._codes.tree)
        self._concurrent = any(
            name.split(".")[0] in _CONCURRENT for node in ast.walk(self._codes.tree) for name in _imported(node)
        )
        self._lines: dict[tuple[str, int], _Line] = {}

    def of(self, function: str, line: int) -> LineEffects:
        """What the line can do; of several functions of this name that have it, all that any of them can do."""
        return self._line(function, line).effects

    def may_change(self, function: str, line: int, before: Mapping[str, str]) -> frozenset[str]:
        """The names whose shown value can differ after the line; `before` are the reprs of the locals."""
        found = self._line(function, line)
        named = frozenset(found.effects.binds) | found.effects.deletes
        if found.change.nothing:
            return named
        if found.change.anything:
            held = {name: self._reprs.held(text) for name, text in before.items()}
            return named | {name for name, each in held.items() if not each.fixed}
        return named | self._reprs.sharing(found.change.roots, before)

    def _line(self, function: str, line: int) -> _Line:
        key = function, line
        if key not in self._lines:
            try:
                self._lines[key] = self._joined(function, line)
            except RecursionError:  # nested too deeply to be followed
                names = tuple(sorted({name for code in self._codes.named(function) for name in code.binds}))
                self._lines[key] = _Line(LineEffects(names, frozenset(names), {}, mutates=True), ANYTHING)
        return self._lines[key]

    def _joined(self, function: str, line: int) -> _Line:
        binds: dict[str, None] = {}
        deletes: set[str] = set()
        change = ANYTHING if self._concurrent else NOTHING
        literals: list[dict[str, str]] = []
        layouts = self._flow.layouts(function, line)
        for layout in layouts:
            code = layout.code
            steps = self._flow.steps_of(layout, line)
            for node in steps:
                for name in self._bound(node, layout):
                    binds.setdefault(self._codes.shown(name, code))
                if node.op is Op.UNBIND:
                    deletes.add(self._codes.shown(node.name, code))
            change |= self._changes(steps, code)
            literals.append(literals_of(code, line, self._codes))
        told = literals[0] if len(literals) == 1 and not deletes else {}
        told = {name: text for name, text in told.items() if name in binds}
        return _Line(LineEffects(tuple(binds), frozenset(deletes), told, not change.nothing), change)

    def _changes(self, steps: list[Node], code: Code) -> Change:
        """All that these steps change; where one name is bound before, its value is not known any more."""
        change = NOTHING
        bound: set[str] = set()
        for node in sorted(steps, key=lambda each: each.number):
            found = self._mutation.of(node, code)
            change |= ANYTHING if found.roots & bound else found
            if node.op is Op.BIND:
                bound.add(node.name)
        return change

    def _bound(self, node: Node, layout: Layout) -> frozenset[str] | tuple[str, ...]:
        """The names shown in the locals that a step may bind, by itself or through functions that it calls."""
        code = layout.code
        if node.op is Op.BIND:
            return (node.name,) if self._is_shown(node.name, code) else ()
        if node.op in (Op.YIELD, Op.DELEGATE):
            return self._shared(code)
        callees = self._calls.of(node, code)
        return self._shared(code) if callees.fresh or callees.resumed or not callees.certain else ()

    def _is_shown(self, name: str, code: Code) -> bool:
        scope = self._calls.names.scope(name, code)
        return scope is not None and (scope is code or scope.outer >= 0)

    def _shared(self, code: Code) -> frozenset[str]:
        """The locals of this code, free variables among them, that another code object can bind."""
        return self._calls.names.shared(code)


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [each.name for each in node.names] if isinstance(node, ast.Import) else []
