"""A file as the pieces that a context is made of: its top-level statements, what they define, and what they use."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from msgspec import Struct

from cwm_agent.analysis.codes import Codes
from cwm_agent.analysis.imports import Imported, imports_of
from cwm_agent.analysis.names import Names
from cwm_agent.errors import UsageError
from cwm_agent.traces.entry import source_lines

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Unit(Struct, frozen=True):
    """Top-level statements that stand or fall together: one, or several that share a line.

    `first` and `last` are its lines, `index` its number in its file. `uses` are the names of the module that it reads,
    `hints` those that stand in annotations alone, `attributes` the names after a dot. `touches` are names of other
    units whose values it changes when the module runs; `imports` what it imports, in whatever scope.
    """

    path: str
    index: int
    nodes: tuple[ast.stmt, ...]
    first: int
    last: int
    defines: tuple[str, ...]
    uses: tuple[str, ...]
    hints: tuple[str, ...]
    attributes: frozenset[str]
    touches: frozenset[str]
    imports: tuple[tuple[str, Imported], ...]

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from all others."""
        return self.path, self.index

    @property
    def is_import(self) -> bool:
        """Whether it is one import and nothing else."""
        return len(self.nodes) == 1 and isinstance(self.nodes[0], ast.Import | ast.ImportFrom)

    @property
    def is_definition(self) -> bool:
        """Whether it defines a function or class."""
        return any(isinstance(node, Definition) for node in self.nodes)


class Source:
    """One file of the project, in units; UsageError where it does not parse."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.lines = source_lines(text)
        codes = Codes(text)
        uses = _uses(codes)
        self.units = [
            _unit(path, index, nodes, uses)
            for index, nodes in enumerate(_together(codes.tree.body))
            if not _is_main(nodes)
        ]
        self.defined = {name: unit for unit in self.units for name in unit.defines}
        self.stars = [found for unit in self.units for name, found in unit.imports if name == "*"]

    def touching(self, names: tuple[str, ...]) -> list[Unit]:
        """The units that change the values of these names when the module runs."""
        return [unit for unit in self.units if not unit.touches.isdisjoint(names)]


def read(path: str, text: str) -> Source | None:
    """The file in units; None where it does not parse."""
    try:
        return Source(path, text)
    except UsageError:
        return None


def is_rule(unit: Unit) -> bool:
    """Whether it is an import from `__future__`."""
    node = unit.nodes[0]
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def first_line(node: ast.stmt) -> int:
    """The line on which a statement begins, its decorators counted."""
    decorators = node.decorator_list if isinstance(node, Definition) else []
    return min([node.lineno, *(each.lineno for each in decorators)])


def last_line(node: ast.stmt) -> int:
    """The line on which a statement ends."""
    return node.end_lineno or node.lineno


def _together(body: list[ast.stmt]) -> list[list[ast.stmt]]:
    groups: list[list[ast.stmt]] = []
    for node in body:
        if groups and first_line(node) <= last_line(groups[-1][-1]):
            groups[-1].append(node)
        else:
            groups.append([node])
    return groups


def _is_main(nodes: list[ast.stmt]) -> bool:
    """Whether it is what runs only when the file is a script."""
    test = nodes[0].test if isinstance(nodes[0], ast.If) else None
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _uses(codes: Codes) -> list[tuple[int, str, bool]]:
    """Each use of a name that is no local of a function: line, name, and whether it is in an annotation."""
    names = Names(codes)
    hinted = {id(inner) for node in ast.walk(codes.tree) for part in _annotations(node) for inner in ast.walk(part)}
    found = []
    for code in codes.all:
        for node in code.own:
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
                scope = names.scope(node.id, code)
                if scope is None or scope.number == 0:
                    found.append((node.lineno, node.id, id(node) in hinted))
    return found


def _annotations(node: ast.AST) -> Iterator[ast.expr]:
    for field in ("annotation", "returns"):
        part = getattr(node, field, None)
        if part is not None:
            yield part


def _unit(path: str, index: int, nodes: list[ast.stmt], uses: list[tuple[int, str, bool]]) -> Unit:
    first, last = first_line(nodes[0]), max(map(last_line, nodes))
    inside = [(name, hint) for line, name, hint in uses if first <= line <= last]
    read_names = dict.fromkeys(name for name, hint in inside if not hint)
    walked = [inner for node in nodes for inner in ast.walk(node)]
    defines = dict.fromkeys(name for node in nodes for name in _defined(node))
    touched = {name for node in nodes for name in _touched(node)}
    return Unit(
        path=path,
        index=index,
        nodes=tuple(nodes),
        first=first,
        last=last,
        defines=tuple(defines),
        uses=tuple(read_names),
        hints=tuple(dict.fromkeys(name for name, hint in inside if hint and name not in read_names)),
        attributes=frozenset(node.attr for node in walked if isinstance(node, ast.Attribute)),
        touches=frozenset(touched - set(defines)),
        imports=tuple(pair for node in walked for pair in imports_of(node, path).items()),
    )


def _defined(statement: ast.stmt) -> list[str]:
    """The names of the module that a top-level statement binds."""
    if isinstance(statement, Definition):
        return [statement.name]
    found: list[str] = []
    for node in ast.walk(statement):
        if isinstance(node, Definition):
            found.append(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found += [each.asname or each.name.split(".")[0] for each in node.names if each.name != "*"]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.append(node.id)
    return found


def _touched(statement: ast.stmt) -> list[str]:
    """The names whose values a top-level statement changes: `X[…] = …`, `X.y = …`, `X += …`, `X.append(…)`."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute() as owner)):
            return _base(owner)
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            return [name for target in targets if not isinstance(target, ast.Name) for name in _base(target)]
        case ast.AugAssign(target=target):
            return _base(target)
        case ast.For() | ast.While() | ast.If() | ast.With() | ast.Try():
            inner = (node for node in ast.iter_child_nodes(statement) if isinstance(node, ast.stmt))
            return [name for node in inner for name in _touched(node)]
    return []


def _base(node: ast.expr) -> list[str]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return [node.id] if isinstance(node, ast.Name) else []
