"""Missing and wrong returns."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cwm_agent.policies.forager.kinds import Edit, Kind
from cwm_agent.policies.forager.propose.place import Place
from cwm_agent.policies.forager.source import FunctionNode


def edits(place: Place) -> Iterator[Edit]:
    """A return where the statement has none, and another value where it has one."""
    statement = place.site.node
    if place.site.function is None or place.scope is None:
        return
    start = place.site.span[0]
    if isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Yield | ast.YieldFrom | ast.Constant):
        last = place.site.block[-1] is statement
        yield Edit(Kind.RETURN, start, start, "return ", "returns the value", 1.0 if last else 0.4)
    elif isinstance(statement, ast.Return):
        yield from _other_value(place, statement)
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1 and place.site.block[-1] is statement:
        value = place.text(statement.value)
        text = f"return {value}"
        if isinstance(statement.targets[0], ast.Name):
            yield place.replace(Kind.RETURN, statement, text, "returns the value instead of keeping it", 0.35)
    yield from _at_the_end(place)


def _other_value(place: Place, statement: ast.Return) -> Iterator[Edit]:
    if statement.value is None:
        end = place.site.span[1]
        for value in (*place.names, "True", "False", "0", "[]", "{}", '""'):
            yield Edit(Kind.RETURN, end, end, f" {value}", f"returns `{value}`", 0.7)
        return
    options = [*place.names]
    if place.scope and place.scope.receiver:
        options.append(place.scope.receiver)
    if not isinstance(statement.value, ast.Name):
        for value in options:
            yield place.replace(Kind.RETURN, statement.value, value, f"returns `{value}`", 0.4)
    for value in ("True", "False", "None", "0", "[]", "{}", '""'):
        yield place.replace(Kind.RETURN, statement.value, value, f"returns {value}", 0.3)


def _at_the_end(place: Place) -> Iterator[Edit]:
    """`return x` after the function's last statement, when that can be reached."""
    function = place.site.function
    assert function is not None
    last = function.body[-1]
    if (place.site.node is not last and place.site.parent is not last) or isinstance(last, ast.Return | ast.Raise):
        return
    site = place.source.site(last)
    if not site.alone or isinstance(last, FunctionNode | ast.ClassDef):
        return
    end = site.line_span[1]
    lead = "" if place.source.text[:end].endswith("\n") else "\n"
    assert place.scope is not None
    values = [*place.scope.locals, *place.scope.parameters, "True", "False", "None", "[]", "0"]
    for value in dict.fromkeys(values):
        text = f"{lead}{site.indent}return {value}\n"
        weight = 0.9 if value in place.scope.locals else 0.6
        yield Edit(Kind.RETURN, end, end, text, f"returns `{value}` at the end", weight, structural=True)
