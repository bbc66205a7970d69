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
DARK = {
    "real": "#5cc8ae",
    "imagined": "#b79cf2",
    "good": "#86c987",
    "bad": "#ee7d78",
    "warn": "#e2b566",
    "lead": "#7fb0f0",
    "quiet": "#949cab",
    "faint": "#626a79",
    "code-keyword": "#c79bdd",
    "code-string": "#a9c98a",
    "code-number": "#dfae7a",
    "code-name": "#86b6ee",
    "code-comment": "#737c8c",
}
LIGHT = {
    "real": "#0b7a66",
    "imagined": "#7443c8",
    "good": "#2b7a3a",
    "bad": "#bf3b36",
    "warn": "#94640a",
    "lead": "#2862b8",
    "quiet": "#5e6675",
    "faint": "#8b92a0",
    "code-keyword": "#8a3fa8",
    "code-string": "#3f7020",
    "code-number": "#a35a12",
    "code-name": "#2862b8",
    "code-comment": "#838b98",
}
GROUND = {"dark": ("#d8dce4", "#14171c"), "light": ("#23272f", "#fbfaf7")}
"""Text and background of a picture."""


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
