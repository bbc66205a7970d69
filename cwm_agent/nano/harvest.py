"""Pure functions of the standard library with made-up arguments: programs that nobody generated.

`harvest.txt` names them. Their sources are read from the running interpreter, without docstrings and annotations, with
the functions, constants and imports that they need; another version of Python may lack some, or have others.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from sysconfig import get_path

from msgspec import Struct

from cwm_agent.nano.arguments import argument
from cwm_agent.nano.evaluation.real import Function, calls, functions
from cwm_agent.nano.split import is_held_out

_ALLOWED = frozenset({"os", "math", "operator", "itertools", "collections", "sys", "stat", "genericpath"})
"""Modules that a harvested function may import: nothing of theirs that it calls changes anything."""
_LONGEST = 1600  # characters


class Harvested(Struct, frozen=True):
    """One function with what it needs, as a module."""

    module: str
    name: str
    kinds: tuple[str, ...]
    source: str

    @property
    def path(self) -> str:
        """Its dotted name."""
        return f"{self.module}.{self.name}"

    @property
    def reserved(self) -> bool:
        """Whether this is kept for measuring, and never trained on."""
        return is_held_out(self.path)


@cache
def harvested() -> tuple[Harvested, ...]:
    """All that this interpreter has."""
    found = []
    for line in files("cwm_agent.nano").joinpath("harvest.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        module, _, rest = line.partition(": ")
        name, *kinds = rest.split()
        source = _source(module, name)
        if source is not None and len(source) <= _LONGEST:
            found.append(Harvested(module, name, tuple(kinds), source))
    return tuple(found)


@cache
def others() -> tuple[Function, ...]:
    """Pure functions of the standard library and of our dependencies that training may see, whatever they take."""
    return tuple(functions(lambda name: not is_held_out(name)))


def other_call(rng: random.Random, each: Function) -> str:
    """A call with arguments of the kinds that the function seems to take."""
    return rng.choice(calls(each, rng.randrange(1 << 30)))


def harvest_call(rng: random.Random, each: Harvested) -> str:
    """A call of it."""
    return f"{each.name}({', '.join(argument(rng, kind) for kind in each.kinds)})"


def _source(module: str, name: str) -> str | None:
    """The function and what it needs of its module; None where something is missing or not allowed."""
    path = Path(get_path("stdlib"), *module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.exists():
        return None
    tree = ast.parse(file.read_text(encoding="utf-8"))
    top = {name: node for node in tree.body for name in _bound(node)}
    needed: dict[int, ast.stmt] = {}
    waiting = [name]
    while waiting:
        node = top.get(waiting.pop())
        if node is None or id(node) in needed:
            continue
        if not _allowed(node):
            return None
        needed[id(node)] = node
        waiting += _used(_bare(node))
    if not isinstance(top.get(name), ast.FunctionDef):
        return None
    kept = [node for node in tree.body if id(node) in needed]
    return "\n\n\n".join(map(ast.unparse, kept)) + "\n"


def _bound(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=[ast.Name(id=name)]):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (each.asname or each.name.partition(".")[0] for each in names)


def _used(node: ast.stmt) -> set[str]:
    """The names that are read in it and not its own."""
    names = [inner for inner in ast.walk(node) if isinstance(inner, ast.Name)]
    own = {each.id for each in names if isinstance(node, ast.FunctionDef) and not isinstance(each.ctx, ast.Load)}
    own |= {inner.arg for inner in ast.walk(node) if isinstance(inner, ast.arg)}
    return {each.id for each in names} - own


def _allowed(node: ast.stmt) -> bool:
    match node:
        case ast.ClassDef(body=body):
            return len(body) == 1  # an exception
        case ast.FunctionDef() | ast.Assign():
            return True
        case ast.Import(names=names):
            return all(each.name in _ALLOWED for each in names)
        case ast.ImportFrom(module=module):
            return module in _ALLOWED
    return False


def _bare(node: ast.stmt) -> ast.stmt:
    """The node, its docstring and annotations taken out of it."""
    if isinstance(node, ast.FunctionDef):
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        node.returns = None
        for each in ast.walk(node):
            if isinstance(each, ast.arg):
                each.annotation = None
    return node
