"""Rows: lines of a screen, ready to paint. Every text that is not our own comes in through `text`, `line`,
`name` or `named`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from textual.content import Content

from cwm_agent.text import printable, printable_line, printable_name
from cwm_agent.views.names import short

TAB = 4
GUTTER = 2
NOTHING = Content("")


class Row(NamedTuple):
    """One line of the screen; `fill` is the style of the whole width, behind and after the text."""

    content: Content
    fill: str = ""


def text(value: str, style: str = "") -> Content:
    """Text of any origin, several lines allowed: made printable, never read as markup."""
    return Content.styled(printable(value).expandtabs(TAB), style)


def line(value: str, style: str = "") -> Content:
    """The same for a place that has one line."""
    return Content.styled(printable_line(value), style)


def name(path: bytes, style: str = "") -> Content:
    """A path, in bytes as the workspace has it."""
    return Content.styled(printable_name(path), style)


def ours(value: str, style: str = "") -> Content:
    """A text that stands in this program."""
    return Content.styled(value, style)


def join(*parts: Content) -> Content:
    """One line out of pieces."""
    return Content.assemble(*parts)


def clip(content: Content, width: int) -> Content:
    """The content in at most `width` cells, with an ellipsis where it was cut."""
    if content.cell_length <= width:
        return content
    return content.truncate(max(1, width), ellipsis=True)


def spread(left: Content, right: Content, width: int) -> Content:
    """Two contents at both ends of a line; the left one gives way."""
    room = width - right.cell_length
    if not right or room < 8:
        return clip(left, width)
    left = clip(left, room - 1)
    return join(left, ours(" " * (room - left.cell_length)), right)


def named(path: str, width: int, *, before: Content = NOTHING, right: Content = NOTHING, style: str = "") -> Content:
    """A path behind `before`, and something at the other end of the line; where room is short, folders are left out."""
    room = width - before.cell_length - right.cell_length - bool(right)
    return spread(join(before, ours(short(path, max(room, 1)), style)), right, width)


def wrapped(content: Content, width: int, first: Content | None = None, fill: str = "") -> list[Row]:
    """Prose, broken between words; `first` stands before its first line, and the others are indented by as much."""
    lead = first if first is not None else Content("")
    indent = ours(" " * lead.cell_length)
    room = max(8, width - lead.cell_length)
    rows = []
    for number, piece in enumerate(content.wrap(room)):
        rows.append(Row(join(lead if number == 0 else indent, piece), fill))
    return rows


def folded(lines: Iterable[Content], width: int, margin: Content, fill: str = "") -> list[Row]:
    """Output and code, broken only where the width ends; `margin` stands before every row."""
    room = max(8, width - margin.cell_length)
    rows = []
    for each in lines:
        pieces = [each] if each.cell_length <= room else each.fold(room)
        rows += [Row(join(margin, piece), fill) for piece in pieces]
    return rows


def blank() -> Row:
    """An empty row."""
    return Row(Content(""))
