"""A picture of what a terminal would show: SVG that needs no font but a monospaced one, dark or light as the reader is.

Every run of text states its width, so that the columns stand whatever the font.
"""

from __future__ import annotations

from html import escape

from rich.cells import cell_len

from cwm_agent.views.lay_out import lines
from cwm_agent.views.palette import DARK, GROUND, LIGHT
from cwm_agent.views.spans import Line
from cwm_agent.views.view import TraceView

ONE, TWO = 100, 140
"""Columns of a picture with one trace and with two."""
CELL, HEIGHT, MARGIN = 8.4, 20, 20
_FONT = "ui-monospace, 'SF Mono', 'Cascadia Mono', 'DejaVu Sans Mono', Menlo, Consolas, monospace"


def picture(shown: TraceView) -> str:
    """The whole file."""
    columns = TWO if len(shown.traces) > 1 else ONE
    rows = lines(shown, columns)
    width, height = round(columns * CELL + 2 * MARGIN), len(rows) * HEIGHT + 2 * MARGIN
    body = "\n".join(text for number, line in enumerate(rows) for text in _row(line, number))
    label = escape("".join(piece.text for line in rows[: len(shown.traces)] for piece in line))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{label}">\n<style>\n{_styles()}</style>\n'
        f'<rect class="ground" width="{width}" height="{height}" rx="8"/>\n{body}\n</svg>\n'
    )


def _styles() -> str:
    light = "".join(_colours(LIGHT, *GROUND["light"]))
    return (
        f"text {{ font: 14px {_FONT}; white-space: pre; }}\n"
        + "\n".join(_colours(DARK, *GROUND["dark"]))
        + "\n.bold { font-weight: 600; } .italic { font-style: italic; }\n"
        + f"@media (prefers-color-scheme: light) {{ {light} }}\n"
    )


def _colours(palette: dict[str, str], text: str, ground: str) -> list[str]:
    roles = [f".{name} {{ fill: {colour}; }}" for name, colour in palette.items()]
    return [f".ground {{ fill: {ground}; }}", f"text {{ fill: {text}; }}", *roles]


def _row(line: Line, number: int) -> list[str]:
    """One element for each run of text between blanks at its ends."""
    found = []
    at = 0
    for piece in line:
        size, text = cell_len(piece.text), piece.text.strip(" ")
        if text:
            x = MARGIN + (at + len(piece.text) - len(piece.text.lstrip(" "))) * CELL
            y = MARGIN + number * HEIGHT + 14
            role = f' class="{escape(piece.role)}"' if piece.role else ""
            length = cell_len(text) * CELL
            place = f'x="{x:.1f}" y="{y}" textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs"'
            found.append(f'<text xml:space="preserve" {place}{role}>{escape(text)}</text>')
        at += size
    return found
