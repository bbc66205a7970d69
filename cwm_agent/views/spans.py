"""Styled text that no toolkit owns: pieces with a role, measured in cells of a terminal and made safe to print.

A role is a few words, each the name of a colour that a front end knows (`real`, `imagined`, `good`, `bad`, `warn`,
`lead`, `quiet`, `faint`, `code-keyword`, …) or an attribute (`bold`, `italic`). Every piece is one line.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from cwm_agent.text import printable_line

TAB = 4
_LEAST = 12
"""Cells below which a cut text has no room for a count."""


class Piece(NamedTuple):
    """A few characters and what they mean."""

    text: str
    role: str = ""


Line = tuple[Piece, ...]


def safe(value: str, role: str = "") -> Piece:
    """A text of any origin, as one line that a terminal shows and does not obey."""
    return Piece(printable_line(value), role)


def code_line(source: str) -> str:
    """A line of source with its tabs expanded, safe to print."""
    return printable_line(source.rstrip("\r\n").expandtabs(TAB))


def cells(line: Iterable[Piece]) -> int:
    """How many cells a line takes."""
    return sum(cell_len(piece.text) for piece in line)


def plain(line: Iterable[Piece]) -> str:
    """The text alone."""
    return "".join(piece.text for piece in line)


def fit(line: Line, room: int) -> Line:
    """The line in at most `room` cells, with an ellipsis where it was cut."""
    if cells(line) <= room:
        return line
    kept: list[Piece] = []
    left = room - 1
    for piece in line:
        size = cell_len(piece.text)
        if size > left:
            kept.append(Piece(set_cell_size(piece.text, max(0, left)), piece.role))
            break
        kept.append(piece)
        left -= size
    return (*kept, Piece("…", "faint")) if room > 0 else ()


def trimmed(line: Line) -> Line:
    """The line without blanks at its end."""
    kept = list(line)
    while kept and not kept[-1].text.rstrip(" "):
        kept.pop()
    if kept:
        kept[-1] = Piece(kept[-1].text.rstrip(" "), kept[-1].role)
    return tuple(kept)


def pad(line: Line, room: int) -> Line:
    """The line in exactly `room` cells."""
    line = fit(line, room)
    return (*line, Piece(" " * (room - cells(line))))


def middle(value: str, room: int) -> str:
    """A value in at most `room` cells; of a long one both ends, and between them how many characters are left out."""
    if len(value) <= room and cell_len(shown := printable_line(value)) <= room:
        return shown
    if room < _LEAST:
        return plain(fit((safe(value[: room + 1]),), room))
    kept = room - len(f"…{len(value):,}…")
    head, tail = beginning(value, kept - kept // 3), beginning(value[:-room:-1], kept // 3)[::-1]
    return f"{printable_line(head)}…{len(value) - len(head) - len(tail):,}…{printable_line(tail)}"


def beginning(value: str, room: int) -> str:
    """As many first characters as fit into `room` cells."""
    start = value[: max(0, room)]
    if start.isascii() and start.isprintable():
        return start
    for at, character in enumerate(start):
        room -= cell_len(printable_line(character))
        if room < 0:
            return start[:at]
    return start
