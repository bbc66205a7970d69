"""Roles as the colours of a terminal or of a picture, and lines as what rich prints."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from rich.console import Group
from rich.style import Style
from rich.text import Text

from cwm_agent.views.spans import Line, trimmed

TERMINAL = {
    "real": "cyan",
    "imagined": "magenta",
    "good": "green",
    "bad": "red",
    "warn": "yellow",
    "lead": "blue",
    "quiet": "dim",
    "faint": "dim",
    "code-keyword": "magenta",
    "code-string": "green",
    "code-number": "yellow",
    "code-name": "blue",
    "code-comment": "dim",
}
"""Sixteen colours, so that the reader's own scheme decides; `quiet` and `faint` step back."""


def painted(lines: Iterable[Line]) -> Group:
    """The lines as rich prints them, never broken."""
    return Group(*map(_text, lines))


def _text(line: Line) -> Text:
    text = Text(no_wrap=True, overflow="crop")
    for piece in trimmed(line):
        text.append(piece.text, _style(piece.role) if piece.role else None)
    return text


@lru_cache(maxsize=256)
def _style(role: str) -> Style:
    return Style.parse(" ".join(TERMINAL.get(word, word) for word in role.split()))
