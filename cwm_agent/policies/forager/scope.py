"""Which names, attributes and functions an edit may use at a place."""

from __future__ import annotations

import ast
import builtins
from functools import cached_property

from msgspec import Struct

from cwm_agent.policies.forager.source import FunctionNode, Source

BUILTINS = frozenset(dir(builtins))


class Signature(Struct, frozen=True):
    """A function's parameters in order, `self` and `cls` left out, and how many of them need a value."""

    name: str
    parameters: tuple[str, ...]
    required: int


class ModuleScope:
    """What a whole module offers: functions, classes, constants, imported names, and attributes by their base."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._inside: dict[int, FunctionScope] = {}

    def inside(self, function: FunctionNode, owner: ast.ClassDef | None) -> FunctionScope:
        """The scope of one function, computed once."""
        known = self._inside.get(id(function))
        if known is None:
            known = self._inside[id(function)] = FunctionScope(function, owner)
        return known

    @cached_property
    def signatures(self) -> dict[str, Signature]:
        """Functions and methods by name, and classes by their __init__ or their fields; the last definition counts."""
        found: dict[str, Signature] = {}
        for node in ast.walk(self.source.tree):
            if isinstance(node, FunctionNode):
                found[node.name] = _signature(node.name, node)
            elif isinstance(node, ast.ClassDef):
                found[node.name] = _class_signature(node)
        return found

    @cached_property
    def constants(self) -> dict[str, ast.expr]:
        """Names bound once at module level to something that is not a function or class."""
        found: dict[str, ast.expr] = {}
        for node in self.source.tree.body:
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                found[node.targets[0].id] = node.value
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
                found[node.target.id] = node.value
        return {name: value for name, value in found.items() if not name.startswith("__")}

    @cached_property
    def callables(self) -> tuple[str, ...]:
        """Functions and classes defined at module level."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        return tuple(dict.fromkeys(node.name for node in self.source.tree.body if isinstance(node, kinds)))

    @cached_property
    def imported(self) -> tuple[str, ...]:
        """Names that imports bind."""
        found: list[str] = []
        for node in self.source.tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                found += [alias.asname or alias.name.split(".")[0] for alias in node.names]
        return tuple(name for name in dict.fromkeys(found) if name not in ("*", "annotations"))

    @cached_property
    def attributes(self) -> dict[str, tuple[str, ...]]:
        """Attribute names seen after each base text in the module, most used first; `*` holds all."""
        counts: dict[str, dict[str, int]] = {}
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.Attribute):
                base = node.value.id if isinstance(node.value, ast.Name) else ""
                for key in (base, "*"):
                    seen = counts.setdefault(key, {})
                    seen[node.attr] = seen.get(node.attr, 0) + 1
        return {base: tuple(sorted(seen, key=lambda name: -seen[name])) for base, seen in counts.items()}

    @cached_property
    def literals(self) -> dict[type, tuple[object, ...]]:
        """Every literal of the module by type, in order, each once."""
        found: dict[type, dict[object, None]] = {}
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.Constant) and len(repr(node.value)) < 40:
                found.setdefault(type(node.value), {})[node.value] = None
        return {kind: tuple(values) for kind, values in found.items()}

    def members(self, owner: ast.ClassDef) -> tuple[dict[str, bool], tuple[str, ...]]:
        """A class's attributes with whether each is called as a method, and its properties' names."""
        return _members(owner)


class FunctionScope:
    """The names of one function: parameters, local names, and the attributes of its class."""

    def __init__(self, function: FunctionNode, owner: ast.ClassDef | None) -> None:
        arguments = function.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [extra for extra in (arguments.vararg, arguments.kwarg) if extra]
        self.function = function
        self.parameters = tuple(argument.arg for argument in every)
        self.receiver = (
            self.parameters[0] if owner and self.parameters and self.parameters[0] in ("self", "cls") else ""
        )
        assigned: dict[str, int] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                assigned.setdefault(node.id, node.lineno)
        self.locals = assigned
        self.members: dict[str, bool] = _members(owner)[0] if owner and self.receiver else {}

    def names(self, line: int) -> tuple[str, ...]:
        """Parameters and the local names bound before a line, those bound on it included."""
        bound = [name for name, first in self.locals.items() if first <= line]
        return tuple(dict.fromkeys([*(name for name in self.parameters if name not in ("self", "cls")), *bound]))


def _signature(name: str, node: FunctionNode) -> Signature:
    positional = [*node.args.posonlyargs, *node.args.args]
    names = [argument.arg for argument in positional]
    required = len(names) - len(node.args.defaults)
    if names and names[0] in ("self", "cls"):
        names, required = names[1:], required - 1
    return Signature(name, (*names, *(argument.arg for argument in node.args.kwonlyargs)), max(required, 0))


def _class_signature(node: ast.ClassDef) -> Signature:
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
            return _signature(node.name, inner)
    fields = [inner for inner in node.body if isinstance(inner, ast.AnnAssign) and isinstance(inner.target, ast.Name)]
    names = tuple(field.target.id for field in fields if isinstance(field.target, ast.Name))
    return Signature(node.name, names, sum(field.value is None for field in fields))


def _members(owner: ast.ClassDef) -> tuple[dict[str, bool], tuple[str, ...]]:
    found: dict[str, bool] = {}
    properties: list[str] = []
    for node in owner.body:
        if isinstance(node, FunctionNode):
            decorators = [ast.unparse(item) for item in node.decorator_list]
            is_property = any("property" in text for text in decorators)
            properties += [node.name] if is_property else []
            if not node.name.startswith("__"):
                found[node.name] = not is_property
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = False
        elif isinstance(node, ast.Assign):
            found.update({target.id: False for target in node.targets if isinstance(target, ast.Name)})
    for inner in ast.walk(owner):
        if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) and inner.value.id == "self":
            found.setdefault(inner.attr, False)
    return found, tuple(properties)
