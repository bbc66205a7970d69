"""The text of a file of such tests: one more is added behind those that are there."""

from __future__ import annotations

import ast

from cwm_agent.core.pins.expected import Test
from cwm_agent.errors import UsageError
from cwm_agent.traces.entry import parse

OWN = '"""Tests of traced calls, written by cwm-agent."""'
"""The first line of a file that may be appended to."""


def append(before: str, test: Test) -> tuple[str, str]:
    """A test file's text with one test more, and that test's name in it; `before` is empty for a new file.

    Nothing that stands there is lost: UsageError where the first line or the imports of `before` were not written by
    this, or where they have a name from another module.
    """
    imports, tests = _split(before) if before else ({}, "")
    taken = {node.name for node in parse(tests).body if isinstance(node, ast.FunctionDef)}
    name, number = test.name, 2
    while name in taken:
        name, number = f"{test.name}_{number}", number + 1
    for module, names in test.imports:
        imports.setdefault(module, set()).update(names)
    every = [name for names in imports.values() for name in names]
    if len(every) != len(set(every)):
        raise UsageError("That file imports the same name from another module.", remedy="Name another file.")
    pieces = (tests.strip("\n"), f"def {name}() -> None:\n{test.body}".strip("\n"))
    return _head(imports) + "".join(f"\n\n{piece}\n" for piece in pieces if piece), name


def holding(text: str, test: Test) -> str:
    """The name of the test in a file that says the same already; empty where there is none."""
    wanted = _body(parse(f"def {test.name}():\n{test.body}").body[0])
    return next(
        (node.name for node in parse(text).body if isinstance(node, ast.FunctionDef) and _body(node) == wanted), ""
    )


def _body(node: ast.stmt) -> list[str]:
    return [ast.dump(each) for each in node.body] if isinstance(node, ast.FunctionDef) else []


def _split(text: str) -> tuple[dict[str, set[str]], str]:
    """The imports of a file of ours, and the rest of it after them."""
    if not text.startswith(OWN):
        raise UsageError(
            "That file was not written by cwm-agent, so nothing is added to it.", remedy="Name another file."
        )
    imports: dict[str, set[str]] = {}
    for node in parse(text).body[1:]:
        if isinstance(node, ast.Import):
            imports |= {alias.name: set() for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imports.setdefault(node.module or "", set()).update(alias.name for alias in node.names)
        else:
            break
    head = _head(imports)
    if not text.startswith(head):
        raise UsageError(
            "The imports of that file were changed, so nothing is added to it.", remedy="Name another file."
        )
    return imports, text[len(head) :]


def _head(imports: dict[str, set[str]]) -> str:
    """The first line and the imports, as this writes them."""
    plain = [f"import {module}" for module, names in sorted(imports.items()) if not names]
    picked = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(imports.items()) if names]
    lines = "\n".join([*plain, *([""] if plain and picked else []), *picked])
    return f"{OWN}\n" + (f"\n{lines}\n" if lines else "")
