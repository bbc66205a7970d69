"""The values that an assignment gives and that its text alone tells."""

from __future__ import annotations

import ast

from cwm_agent.analysis.codes import Code, Codes, Function

_LONGEST = 500


def literals_of(code: Code, line: int, codes: Codes) -> dict[str, str]:
    """Name → repr for the one statement that is this whole line, where it is an assignment of something constant."""
    if not isinstance(code.node, Function | ast.Module | ast.ClassDef):
        return {}
    here = [
        node
        for node in code.own
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    simple = [node for node in here if isinstance(node, ast.Assign | ast.AnnAssign | ast.FunctionDef)]
    alone = [node for node in here if node.lineno == line]
    if len(simple) != 1 or alone != simple:
        return {}
    node = simple[0]
    if isinstance(node, ast.FunctionDef):
        if node.decorator_list:
            return {}
        return {codes.shown(node.name, code): f"<function {qualified(node, codes)} at 0x…>"}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    if node.value is None or not all(isinstance(target, ast.Name) for target in targets):
        return {}
    text = value_text(node.value, codes)
    if text is None:
        return {}
    return {codes.shown(target.id, code): text for target in targets if isinstance(target, ast.Name)}


def value_text(node: ast.expr, codes: Codes) -> str | None:
    """The repr of a constant expression; None where its text does not tell it."""
    if isinstance(node, ast.Lambda):
        return f"<function {qualified(node, codes)} at 0x…>"
    if any(isinstance(each, ast.Set) for each in ast.walk(node)):
        return None
    try:
        text = repr(ast.literal_eval(node))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return text if len(text) <= _LONGEST else None


def qualified(node: ast.FunctionDef | ast.Lambda, codes: Codes) -> str:
    """The `__qualname__` of a function."""
    code = codes.of_node[node]
    parts = [code.name]
    while code.outer > 0:
        outer = codes.all[code.outer]
        parts.append(outer.name if outer.is_class else f"{outer.name}.<locals>")
        code = outer
    return ".".join(reversed(parts))
