"""Loop control: break, continue and return, and what a loop runs over."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cwm_agent.policies.forager.kinds import Edit, Kind
from cwm_agent.policies.forager.propose.place import Place


def edits(place: Place) -> Iterator[Edit]:
    """Another way to go on, to stop, or to run."""
    site, statement = place.site, place.site.node
    if isinstance(statement, ast.Break | ast.Continue | ast.Pass):
        now = type(statement).__name__.lower()
        others = ["pass", *(("break", "continue") if site.loop is not None else ())]
        if site.function is not None:
            others.append("return")
        for other in others:
            if other != now:
                yield place.replace(Kind.LOOP, statement, other, f"`{other}` instead of `{now}`", 0.9)
    elif isinstance(statement, ast.Return) and site.loop is not None:
        yield place.replace(Kind.LOOP, statement, "break", "leaves the loop instead of returning", 0.6)
        yield place.replace(Kind.LOOP, statement, "continue", "goes on instead of returning", 0.7)
    elif isinstance(statement, ast.For | ast.AsyncFor):
        text = place.text(statement.iter)
        for wrapper in ("reversed", "list", "sorted", "enumerate"):
            yield place.replace(Kind.LOOP, statement.iter, f"{wrapper}({text})", f"runs over {wrapper}({text})", 0.7)
    elif isinstance(statement, ast.If | ast.While):
        yield from _asked(place)
    yield from _jump_after(place)
    yield from _step_after(place)


def _step_after(place: Place) -> Iterator[Edit]:
    """What moves a `while` on, after the last statement of its body: without it the loop hangs."""
    site, loop = place.site, place.site.loop
    if not isinstance(loop, ast.While) or not site.alone or site.node is not loop.body[-1] or place.scope is None:
        return
    if isinstance(site.node, ast.Break | ast.Continue | ast.Return | ast.Raise):
        return
    at = site.line_span[1]
    lead = "" if place.source.text[:at].endswith("\n") else "\n"
    asked = dict.fromkeys(node.id for node in ast.walk(loop.test) if isinstance(node, ast.Name))
    local = [name for name in asked if name in place.scope.locals or name in place.scope.parameters]
    for name in local:
        for step in ("1", *(other for other in place.scope.names(site.last_line) if other != name)):
            for sign, weight in (("+", 1.0), ("-", 0.8), ("//", 0.5)):
                text = f"{lead}{site.indent}{name} {sign}= {step}\n"
                words = f"then does `{name} {sign}= {step}`"
                yield Edit(Kind.LOOP, at, at, text, words, weight, structural=True)


def _asked(place: Place) -> Iterator[Edit]:
    """Once or repeatedly, instead of the branch before or besides it."""
    site, start = place.site, place.site.span[0]
    if isinstance(site.node, ast.While):
        words = "asks once instead of repeating"
        yield Edit(Kind.LOOP, start, start + 5, "if", words, 0.5, structural=True)
        return
    if site.loop is not None and place.source.text.startswith("if", start):
        words = "repeats while the condition holds"
        yield Edit(Kind.LOOP, start, start + 2, "while", words, 0.5, structural=True)
    if place.source.text.startswith("elif", start):
        yield from _elif(place, start)
    elif _after_if(place):
        words = "asks only if the branch before was not taken"
        yield Edit(Kind.LOOP, start, start, "el", words, 0.7, structural=True)


def _elif(place: Place, start: int) -> Iterator[Edit]:
    if not getattr(place.site.node, "orelse", None):
        yield Edit(
            Kind.LOOP, start, start + 4, "if", "asks also when the branch before was taken", 0.8, structural=True
        )


def _after_if(place: Place) -> bool:
    index = place.site.index
    if index == 0 or not place.site.alone:
        return False
    before = place.site.block[index - 1]
    return isinstance(before, ast.If) and not before.orelse


def _jump_after(place: Place) -> Iterator[Edit]:
    """`break`, `continue` or `return` after the last statement of a branch inside a loop."""
    site = place.site
    if site.loop is None or not site.alone or site.block[-1] is not site.node or site.body_start is not None:
        return
    if isinstance(site.node, ast.Break | ast.Continue | ast.Return | ast.Raise | ast.Pass):
        return
    at = site.line_span[1]
    lead = "" if place.source.text[:at].endswith("\n") else "\n"
    for word in ("break", "continue"):
        if word == "continue" and site.parent is site.loop:
            continue
        text = f"{lead}{site.indent}{word}\n"
        yield Edit(Kind.LOOP, at, at, text, f"then does `{word}`", 0.7, structural=True)
