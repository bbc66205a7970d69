"""Statements in another order, in or out of a loop or branch, twice, or not at all."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cwm_agent.policies.forager.kinds import Edit, Kind
from cwm_agent.policies.forager.propose.blocks import lines_of, reindented
from cwm_agent.policies.forager.propose.place import Place
from cwm_agent.policies.forager.source import Site

# What follows a jump is dead: to put one first is to delete what it passes.
_JUMPS = ast.Return | ast.Raise | ast.Break | ast.Continue
_HOLDERS = ast.For | ast.AsyncFor | ast.While | ast.If | ast.With


def edits(place: Place) -> Iterator[Edit]:
    """The statement elsewhere."""
    site = place.site
    if not site.alone or site.function is None or isinstance(site.node, ast.FunctionDef | ast.ClassDef):
        return
    following = _sibling(place, 1)
    if following is not None:
        yield from _swapped(place, following)
        yield from _into(place, following)
    yield from _out(place)
    yield from _earlier(place)
    start, end = site.line_span
    simple = site.body_start is None
    if len(site.block) > 1 and not isinstance(site.node, ast.Return):
        words = "deletes the statement" if simple else "deletes the whole statement"
        yield Edit(Kind.DELETE, start, end, "", words, 1.0 if simple else 0.5, structural=True)
    elif len(site.block) == 1 and simple and not isinstance(site.node, ast.Pass):
        yield place.replace(Kind.DELETE, site.node, "pass", "does nothing instead", 0.8)
    lines = lines_of(site)
    if lines and simple and not isinstance(site.node, ast.Return | ast.Break | ast.Continue | ast.Raise | ast.Pass):
        yield Edit(Kind.DUPLICATE, start, start, lines, "does the statement twice", 1.0, structural=True)


def _sibling(place: Place, step: int) -> Site | None:
    index = place.site.index + step
    if not 0 <= index < len(place.site.block):
        return None
    found = place.source.site(place.site.block[index])
    return found if found.alone else None


def _elif(place: Place, site: Site) -> bool:
    return place.source.text.startswith("elif", site.span[0])


def _swapped(place: Place, following: Site) -> Iterator[Edit]:
    first, second = lines_of(place.site), lines_of(following)
    if first is None or second is None or _elif(place, place.site) or isinstance(following.node, _JUMPS):
        return
    start, middle_start = place.site.line_span
    middle_end, end = following.line_span
    gap = place.source.text[middle_start:middle_end]
    words = "swaps the statement with the next one"
    yield Edit(Kind.ORDER, start, end, f"{second}{gap}{first}", words, 1.0, structural=True)


def _into(place: Place, following: Site) -> Iterator[Edit]:
    """The next statement at the end of this loop's or branch's body, and this one at the start of the next loop."""
    own = place.site
    if isinstance(own.node, _HOLDERS) and not getattr(own.node, "orelse", None):
        moved = reindented(lines_of(following) or '"""', place.source.indent)
        if moved is not None:
            start, end = own.line_span[1], following.line_span[1]
            gap = place.source.text[start : following.line_span[0]]
            words = "moves the next statement into the block"
            yield Edit(Kind.MOVE, start, end, moved + gap, words, 0.7, structural=True)
    if isinstance(following.node, ast.For | ast.While) and following.body_start is not None:
        moved = reindented(lines_of(own) or '"""', place.source.indent)
        first = place.source.starts[place.source.line_of(following.body_start) - 1]
        if moved is not None and first > following.line_span[0] and own.body_start is None:
            start, end = own.line_span[0], first
            header = place.source.text[own.line_span[1] : first]
            yield Edit(Kind.MOVE, start, end, header + moved, "moves the statement into the loop", 0.8, structural=True)


def _out(place: Place) -> Iterator[Edit]:
    """The block's last statement after it, its first before it."""
    own, parent = place.site, place.site.parent
    if not isinstance(parent, _HOLDERS) or own.block is not parent.body or len(own.block) < 2:
        return
    outer = place.source.site(parent)
    lines = lines_of(own)
    moved = reindented(lines, None, place.source.indent) if lines and outer.alone else None
    if moved is None or _elif(place, outer):
        return
    what = "loop" if isinstance(parent, ast.For | ast.AsyncFor | ast.While) else "block"
    start, end = own.line_span
    if own.node is parent.body[-1]:
        after = outer.line_span[1]
        rest = place.source.text[end:after]
        yield Edit(
            Kind.MOVE, start, after, rest + moved, f"moves the statement out of the {what}", 1.0, structural=True
        )
    if own.node is parent.body[0]:
        before = outer.line_span[0]
        head = place.source.text[before:start]
        yield Edit(Kind.MOVE, before, end, moved + head, f"moves the statement before the {what}", 0.9, structural=True)


def _earlier(place: Place) -> Iterator[Edit]:
    """The statement two or three places further up."""
    index = place.site.index
    lines = lines_of(place.site)
    if lines is None or isinstance(place.site.node, _JUMPS):
        return
    start, end = place.site.line_span
    for step in (2, 3):
        if index - step < 0:
            return
        target = place.source.site(place.site.block[index - step])
        if not target.alone or _elif(place, target):
            return
        at = target.line_span[0]
        text = lines + place.source.text[at:start]
        yield Edit(
            Kind.ORDER, at, end, text, f"does the statement {step} statements earlier", 0.6 / step, structural=True
        )
