"""f-strings and format strings: a missing prefix, another format, swapped fields."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise

from cwm_agent.policies.forager.kinds import Edit, Kind
from cwm_agent.policies.forager.propose.place import Place

_DIGITS = re.compile(r"(?<=[:.,0<>^+])(\.?)(\d+)(?=[fdegs%}]|[fdegs%]\})")
_FIELD = re.compile(r"\{([^{}!:]+)([^{}]*)\}")
_LITERAL = re.compile(r"(?<=\})[^{}\"']+(?=\{)")


def edits(place: Place) -> Iterator[Edit]:
    """Other formatting for each string of the statement."""
    for node in place.expressions:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _missing_prefix(place, node)
        elif isinstance(node, ast.JoinedStr) and not isinstance(place.parent(node), ast.FormattedValue | ast.JoinedStr):
            yield from _fields(place, node)


def _missing_prefix(place: Place, node: ast.Constant) -> Iterator[Edit]:
    old, start = place.text(node), place.source.span(node)[0]
    if "{" in old and old[:1] in "\"'" and not isinstance(place.parent(node), ast.JoinedStr | ast.Attribute):
        yield Edit(Kind.FORMAT, start, start, "f", "makes it an f-string", 1.0)
    for match in re.finditer(r"%(\.\d+)?([sdfr])", old):
        for other in "sdfr":
            if other != match[2]:
                at = start + match.start(2)
                yield Edit(Kind.FORMAT, at, at + 1, other, f"formats with %{other} instead of %{match[2]}", 0.6)
    for match in re.finditer(r"(?<=\.)\d+(?=f)", old):
        yield from _digits(start, match)


def _digits(start: int, match: re.Match[str]) -> Iterator[Edit]:
    at = start + match.start()
    for other in (int(match[0]) + 1, int(match[0]) - 1, 2, 0, 1):
        if other >= 0:
            yield Edit(Kind.FORMAT, at, at + len(match[0]), str(other), f"{other} instead of {match[0]} digits", 0.8)


def _fields(place: Place, node: ast.JoinedStr) -> Iterator[Edit]:
    text = place.text(node)
    start = place.source.span(node)[0]
    fields = list(_FIELD.finditer(text))
    for match in re.finditer(r"(?<=[.:<>^0])\d+(?=[fd%},]|\})", text):
        yield from _digits(start, match)
    for left, right in pairwise(fields):
        piece = right[0] + text[left.end() : right.start()] + left[0]
        words = f"swaps {left[0]} and {right[0]}"
        yield Edit(Kind.FORMAT, start + left.start(), start + right.end(), piece, words, 0.8)
    for field in fields:
        at, end = start + field.start(), start + field.end()
        inner = field[1]
        if not field[2]:
            for suffix in ("!r", ":.2f", ":,", ":02d", ":02", ":.1f", "!s"):
                yield Edit(Kind.FORMAT, end - 1, end - 1, suffix, f"formats `{inner}` as {{{inner}{suffix}}}", 0.7)
        else:
            yield Edit(Kind.FORMAT, at, end, f"{{{inner}}}", f"formats `{inner}` plainly", 0.6)
            for other in (":.2f", ":,.2f", ":,", ":02d", ":.1f", ":.0f", "!r"):
                yield Edit(Kind.FORMAT, at, end, f"{{{inner}{other}}}", f"formats `{inner}` as {{{inner}{other}}}", 0.5)
    for gap in _LITERAL.finditer(text):
        for other in (" ", ", ", "-", "_", ".", "/", ":", ": ", "", "\\n"):
            words = f"{other!r} instead of {gap[0]!r} between the fields"
            yield Edit(Kind.FORMAT, start + gap.start(), start + gap.end(), other, words, 0.6)
