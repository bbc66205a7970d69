"""Missing guards and base cases, and superfluous ones."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cwm_agent.policies.forager.kinds import Edit, Kind
from cwm_agent.policies.forager.propose.blocks import lines_of, reindented
from cwm_agent.policies.forager.propose.place import Place


def edits(place: Place) -> Iterator[Edit]:
    """A guard before the statement or around it, a wider or narrower condition, or one guard less."""
    statement = place.site.node
    if isinstance(statement, ast.If | ast.While):
        yield from _condition(place, statement)
    if isinstance(statement, ast.If):
        yield from _unguarded(place, statement)
    yield from _filters(place)
    if (
        place.site.function is not None
        and place.site.alone
        and not isinstance(statement, ast.FunctionDef | ast.ClassDef)
    ):
        yield from _before(place)


def _read(place: Place) -> tuple[str, ...]:
    """Names that the statement reads, in order, then the function's other parameters."""
    read = [node.id for node in place.expressions if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    known = set(place.names)
    members = [
        f"{node.value.id}.{node.attr}"
        for node in place.expressions
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
        if not place.is_called(node)
    ]
    parameters = place.scope.parameters if place.scope else ()
    every = [*(name for name in read if name in known), *members, *(name for name in parameters if name != "self")]
    return tuple(dict.fromkeys(every))


def _results(place: Place, *, first: bool) -> list[tuple[str, float]]:
    """What a guard might return: what the function returns elsewhere first."""
    function = place.site.function
    assert function is not None
    found: dict[str, float] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Constant | ast.Name | ast.List | ast.Dict):
            text = place.text(node.value)
            if len(text) < 30:
                found[text] = 1.0
    for text in ("None", "0", "[]", "False", '""', "{}", "True", "1", "0.0", "set()", "()")[: 11 if first else 1]:
        found.setdefault(text, 0.7)
    return list(found.items())


def _before(place: Place) -> Iterator[Edit]:
    function = place.site.function
    assert function is not None
    at, indent = place.site.line_span[0], place.site.indent
    if place.site.node in getattr(place.site.parent, "orelse", []) and place.source.text.startswith(
        "elif", place.site.span[0]
    ):
        return
    step = place.source.indent
    first = place.site.block is function.body and place.site.index <= 1
    names = _read(place)[: 6 if first else 4]
    for number, name in enumerate(names):
        fade = 1.0 - 0.1 * number
        for test, share in (
            (f"not {name}", 1.0),
            (f"{name} is None", 0.9),
            (f"{name} <= 0", 0.45),
            (f"{name} == 0", 0.5),
        ):
            base = fade * share * (1.0 if first else 0.6)
            for result, weight in [*_results(place, first=first), (name, 0.6)]:
                text = f"{indent}if {test}:\n{indent}{step}return {result}\n"
                words = f"returns `{result}` when `{test}`"
                yield Edit(Kind.GUARD, at, at, text, words, base * weight, structural=True)
            if place.site.loop is not None:
                text = f"{indent}if {test}:\n{indent}{step}continue\n"
                yield Edit(Kind.GUARD, at, at, text, f"goes on when `{test}`", base, structural=True)
        for value in ("[]", "{}", "0", '""', "set()") if first else ():
            text = f"{indent}if {name} is None:\n{indent}{step}{name} = {value}\n"
            words = f"makes `{name}` {value} when it is None"
            yield Edit(Kind.GUARD, at, at, text, words, fade * 0.5 * (1.0 if first else 0.5), structural=True)
        yield from _raising(place, name, fade, first=first)
    yield from _around(place, names)


def _raising(place: Place, name: str, fade: float, *, first: bool) -> Iterator[Edit]:
    """A guard that raises as the module raises elsewhere."""
    at, indent, step = place.site.line_span[0], place.site.indent, place.source.indent
    raised: dict[str, None] = {}
    for node in ast.walk(place.source.tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
            raised[node.exc.func.id] = None
    usual = [item for item in ("ValueError", "TypeError") if first and item not in raised]
    for error in (*raised, *usual):
        for test, share in (
            (f"not {name}", 0.9),
            (f"{name} < 0", 0.9),
            (f"{name} <= 0", 0.8),
            (f"{name} is None", 0.7),
        ):
            text = f'{indent}if {test}:\n{indent}{step}raise {error}("{name}")\n'
            weight = fade * share * (0.8 if first else 0.4) * (1.0 if error in raised else 0.6)
            yield Edit(Kind.GUARD, at, at, text, f"raises {error} when `{test}`", weight, structural=True)


def _around(place: Place, names: tuple[str, ...]) -> Iterator[Edit]:
    """The statement under an `if`."""
    if isinstance(place.site.node, ast.Return | ast.Import | ast.ImportFrom):
        return
    lines = lines_of(place.site)
    inner = reindented(lines, place.source.indent) if lines else None
    if inner is None:
        return
    start, end = place.site.line_span
    for name in names[:4]:
        for test in (name, f"{name} is not None", f"not {name}"):
            text = f"{place.site.indent}if {test}:\n{inner}"
            yield Edit(Kind.GUARD, start, end, text, f"does it only if `{test}`", 0.45, structural=True)


def _condition(place: Place, statement: ast.If | ast.While) -> Iterator[Edit]:
    test = (
        place.atom(statement.test) if isinstance(statement.test, ast.BoolOp | ast.IfExp) else place.text(statement.test)
    )
    for name in _read(place)[:6]:
        for extra, weight in ((name, 0.8), (f"{name} is not None", 0.7), (f"not {name}", 0.6)):
            text = f"{extra} and {test}"
            yield place.replace(Kind.GUARD, statement.test, text, f"asks for `{extra}` too", weight)
        text = f"{test} or not {name}"
        yield place.replace(Kind.GUARD, statement.test, text, f"holds also when `not {name}`", 0.6)


def _unguarded(place: Place, statement: ast.If) -> Iterator[Edit]:
    """The branch without its condition, or no branch at all."""
    yield place.replace(Kind.UNGUARD, statement.test, "True", "always takes the branch", 0.5)
    yield place.replace(Kind.UNGUARD, statement.test, "False", "never takes the branch", 0.5)
    if not place.site.alone or statement.orelse:
        return
    if place.source.text.startswith("elif", place.site.span[0]):
        return
    start, end = place.site.line_span
    if place.site.body_start is None:
        return
    first = place.source.line_of(place.site.body_start)
    if first > place.site.first_line:
        body = reindented(place.source.text[place.source.starts[first - 1] : end], None, place.source.indent)
        if body is not None:
            words = f"drops the condition `{place.text(statement.test)}`"
            yield Edit(Kind.UNGUARD, start, end, body, words, 1.0, structural=True)
    if len(place.site.block) > 1:
        words = f"drops the branch for `{place.text(statement.test)}`"
        yield Edit(Kind.UNGUARD, start, end, "", words, 0.9, structural=True)


def _filters(place: Place) -> Iterator[Edit]:
    """Comprehensions with one filter less or one more."""
    for node in place.expressions:
        if not isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            continue
        for part in node.generators:
            before = place.source.span(part.iter)[1]
            for test in part.ifs:
                end = place.source.span(test)[1]
                yield Edit(Kind.UNGUARD, before, end, "", f"drops the filter `{place.text(test)}`", 0.8)
                before = end
            if not part.ifs and isinstance(part.target, ast.Name):
                name = part.target.id
                for text in (name, f"{name} is not None", f"not {name}"):
                    yield Edit(Kind.GUARD, before, before, f" if {text}", f"keeps only those with `{text}`", 0.7)
