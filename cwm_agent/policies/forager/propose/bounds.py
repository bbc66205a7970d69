"""Off by one in indices, ranges, lengths, comparisons and slices; missing and superfluous slice bounds."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cwm_agent.policies.forager.kinds import Edit, Kind
from cwm_agent.policies.forager.propose.place import Place


def edits(place: Place) -> Iterator[Edit]:
    """One more and one less wherever the statement counts."""
    for node in place.expressions:
        if isinstance(node, ast.Subscript):
            if isinstance(node.slice, ast.Slice):
                yield from _slice(place, node, node.slice)
            elif not isinstance(node.slice, ast.Tuple | ast.JoinedStr):
                yield from _steps(place, node.slice, 0.9, "the index")
        elif isinstance(node, ast.Call):
            yield from _call(place, node)
        elif isinstance(node, ast.Compare):
            for side in (node.left, *node.comparators):
                yield from _steps(place, side, 0.4, "one side of the comparison")
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            yield from _shift(place, node)
    statement = place.site.node
    if isinstance(statement, ast.Return | ast.Assign | ast.AugAssign) and statement.value is not None:
        yield from _steps(place, statement.value, 0.45, "the result")


def _steps(place: Place, node: ast.expr, weight: float, what: str) -> Iterator[Edit]:
    """The expression plus and minus one; literals belong to the constants."""
    if not isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.BinOp | ast.Subscript):
        return
    if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.FloorDiv):
        return
    if _unlikely_number(node):
        return
    end = place.source.span(node)[1]
    for sign, words, share in (("-", "lowers", 1.0), ("+", "raises", 0.9)):
        yield Edit(
            Kind.OFF_BY_ONE, end, end, f" {sign} 1", f"{words} {what} `{place.text(node)}` by one", weight * share
        )


def _unlikely_number(node: ast.expr) -> bool:
    """Whether a call's name says that it gives text or a collection."""
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in {
        "str",
        "list",
        "dict",
        "set",
        "tuple",
        "sorted",
        "join",
        "strip",
        "lower",
        "upper",
        "split",
        "items",
    }


def _shift(place: Place, node: ast.BinOp) -> Iterator[Edit]:
    if isinstance(node.right, ast.Constant) and node.right.value == 1:
        yield place.replace(Kind.OFF_BY_ONE, node, place.text(node.left), "drops the step of one", 0.9)


def _call(place: Place, node: ast.Call) -> Iterator[Edit]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name == "len":
        end = place.source.span(node)[1]
        yield Edit(Kind.OFF_BY_ONE, end, end, " - 1", "takes one less than the length", 0.8)
        yield Edit(Kind.OFF_BY_ONE, end, end, " + 1", "takes one more than the length", 0.7)
    elif name == "range":
        for number, argument in enumerate(node.args):
            what = "the range's start" if len(node.args) > 1 and number == 0 else "the range's end"
            yield from _steps(place, argument, 1.0, what)
        yield from _range(place, node)
    else:
        for argument in node.args:
            yield from _steps(place, argument, 0.3, "the argument")


def _range(place: Place, node: ast.Call) -> Iterator[Edit]:
    texts = [place.text(argument) for argument in node.args]
    if len(texts) == 1:
        yield place.replace(Kind.OFF_BY_ONE, node.args[0], f"1, {texts[0]}", "begins the range at 1", 0.7)
        yield place.replace(
            Kind.OFF_BY_ONE, node.args[0], f"1, {texts[0]} + 1", "counts from 1 to the end inclusive", 0.7
        )
        yield place.replace(Kind.OFF_BY_ONE, node.args[0], f"{texts[0]} - 1, -1, -1", "counts down", 0.4)
    elif len(texts) == 2:
        start, end = place.source.span(node.args[0])[0], place.source.span(node.args[1])[1]
        yield Edit(Kind.OFF_BY_ONE, start, end, texts[1], "begins the range at 0", 0.6)


def _slice(place: Place, node: ast.Subscript, part: ast.Slice) -> Iterator[Edit]:
    base = place.source.span(node.value)[1]
    start = place.source.text.index("[", base) + 1
    end = place.source.span(node)[1] - 1
    low, high = (place.text(bound) if bound else "" for bound in (part.lower, part.upper))
    step = place.text(part.step) if part.step else ""
    tail = f":{step}" if step else ""

    def whole(text: str, words: str, weight: float, kind: Kind = Kind.SLICE) -> Edit:
        return Edit(kind, start, end, text, words, weight)

    for bound, what in ((part.lower, "lower"), (part.upper, "upper")):
        if bound is not None:
            yield from _steps(place, bound, 0.9, f"the slice's {what} bound")
    if low:
        yield whole(f":{high}{tail}", "takes the slice from the beginning", 0.7)
    if high:
        yield whole(f"{low}:{tail}", "takes the slice to the end", 0.7)
    if not low:
        yield whole(f"1:{high}{tail}", "leaves the first element out", 0.7, Kind.OFF_BY_ONE)
    if not high and not step:
        yield whole(f"{low}:-1", "leaves the last element out", 0.7, Kind.OFF_BY_ONE)
    if bool(low) != bool(high):
        bound_text = low or high
        yield whole(f"{high}:{low}{tail}", "keeps the other part of the slice", 0.8)
        if not bound_text.startswith("-"):
            yield whole(
                f"{'-' if low else ''}{low}:{'-' if high else ''}{high}{tail}", "counts the bound from the end", 0.7
            )
            yield whole(
                f"-({bound_text}):{tail}" if not bound_text.isidentifier() else f"-{bound_text}:{tail}",
                "keeps the last ones",
                0.7,
            )
        else:
            yield whole(
                f"{low.removeprefix('-')}:{high.removeprefix('-')}{tail}", "counts the bound from the beginning", 0.6
            )
    if low and high:
        yield whole(f"{low}:{low} + {high}{tail}", "takes the second bound as a length", 0.6)
    if step:
        yield whole(f"{low}:{high}", "drops the step", 0.6)
    else:
        yield whole(f"{low}:{high}:-1", "reverses the slice", 0.3)
