"""Where an import of a project's file may lead: the paths that can hold the module, none of them looked at."""

from __future__ import annotations

import ast
import posixpath
import sys

from msgspec import Struct


class Imported(Struct, frozen=True):
    """What a name is imported as: the paths that the module may be, the nearest first, and the name in it.

    `name` is empty where the name is the module itself; `submodules` are the paths of a module that the name may be
    instead. `module` is dotted, as the import writes it.
    """

    paths: tuple[str, ...]
    name: str = ""
    submodules: tuple[str, ...] = ()
    module: str = ""


def imports_of(node: ast.AST, path: str) -> dict[str, Imported]:
    """The names that this one import binds; `*` for a star. Modules of the standard library are left out."""
    if isinstance(node, ast.Import):
        return {
            each.asname or each.name.split(".")[0]: Imported(
                _absolute(each.name if each.asname else each.name.split(".")[0], path), module=each.name
            )
            for each in node.names
            if not _is_standard(each.name)
        }
    if not isinstance(node, ast.ImportFrom) or (not node.level and _is_standard(node.module or "")):
        return {}
    module = "." * node.level + (node.module or "")
    paths = _relative(node, path) if node.level else _absolute(node.module or "", path)
    found = {}
    for each in node.names:
        below = tuple(
            inner
            for file in paths
            if file.endswith("/__init__.py") or file == "__init__.py"
            for inner in _files(posixpath.join(posixpath.dirname(file), each.name))
        )
        found[each.asname or each.name] = Imported(paths, each.name, below, module)
    return found


def is_standard(node: ast.Import | ast.ImportFrom) -> bool:
    """Whether it imports from the standard library alone."""
    if isinstance(node, ast.ImportFrom):
        return not node.level and _is_standard(node.module or "")
    return all(_is_standard(each.name) for each in node.names)


def _is_standard(module: str) -> bool:
    return module.split(".")[0] in sys.stdlib_module_names


def _files(stem: str) -> tuple[str, str]:
    return f"{stem}.py", posixpath.join(stem, "__init__.py")


def _relative(node: ast.ImportFrom, path: str) -> tuple[str, ...]:
    folder = posixpath.dirname(path)
    for _ in range(node.level - 1):
        folder = posixpath.dirname(folder)
    if not node.module:
        return (posixpath.join(folder, "__init__.py"),)
    return _files(posixpath.join(folder, *node.module.split(".")))


def _absolute(module: str, path: str) -> tuple[str, ...]:
    """Below the folder of the importing file, as where it is run from there, the project's root, and `src/`."""
    inside = "/".join(module.split("."))
    roots = dict.fromkeys([*_source_roots(path), "", "src"])
    return tuple(dict.fromkeys(file for root in roots for file in _files(posixpath.join(root, inside))))


def _source_roots(path: str) -> list[str]:
    return [posixpath.dirname(path)]
