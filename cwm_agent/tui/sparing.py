"""Fewer bytes for the terminal: of a frame only what it does not show already. A frame is often painted whole, for one
line that changed; over a slow connection the other lines would keep the user's keys waiting."""

from __future__ import annotations

import re

from rich.cells import cell_len

_MOVE = re.compile(r"\x1b\[(\d+);(\d+)H")
_STYLE = re.compile(r"\x1b\[[\d;:]*m")
_AROUND = re.compile(r"(?:\x1b\[\?2026[hl])?")
"""What may stand before a frame and leaves the screen as it is: a mark that it is to be shown at once."""


class Sparing:
    """Knows which texts stand where; `needed` takes them out of what is to be written, and learns what is new.

    What is no frame (a mode, a title, the clipboard) passes whole, and nothing is taken for known after it.
    """

    def __init__(self) -> None:
        self._rows: dict[str, dict[int, tuple[int, str]]] = {}

    def forget(self) -> None:
        """The terminal may show anything: it has another size, or something else was written to it."""
        self._rows.clear()

    def needed(self, data: str) -> str:
        """What of the data has to be written."""
        if "\x1b[" not in data:
            return data
        before, *moves = _MOVE.split(data)
        if not _AROUND.fullmatch(before):
            self.forget()
            return data
        kept = [before]
        for at in range(0, len(moves), 3):
            row, column, drawn = moves[at : at + 3]
            drawn = drawn.rstrip("\r\n")
            plain = _STYLE.sub("", drawn)
            if not plain.isprintable():
                self.forget()
                return data
            if not plain or self._learn(row, int(column), cell_len(plain), drawn):
                kept.append(f"\x1b[{row};{column}H{drawn}")
        return "".join(kept)

    def _learn(self, row: str, column: int, width: int, drawn: str) -> bool:
        """Whether this is new at its place; what it covers is gone."""
        known = self._rows.setdefault(row, {})
        if known.get(column) == (width, drawn):
            return False
        for other, (cells, _) in list(known.items()):
            if other < column + width and column < other + cells:
                del known[other]
        known[column] = (width, drawn)
        return True
