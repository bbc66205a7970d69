"""The rows of a text that grows at its end: lines that are over are laid out once, however long the whole becomes."""

from __future__ import annotations

from textual.content import Content

from cwm_agent.tui.render.rows import Row, ours, text, wrapped


class Growing:
    """Lays one text out again and again; each time it should be the last one with something more behind it."""

    def __init__(self) -> None:
        self._key: tuple[int, str, str] = (0, "", "")
        self._over = ""
        self._rows: list[Row] = []

    def wrapped(self, value: str, width: int, first: Content, style: str = "") -> list[Row]:
        """The same as `wrapped` of the whole text."""
        key = (width, first.plain, style)
        if key != self._key or not value.startswith(self._over):
            self._key, self._over, self._rows = key, "", []
        end = value.rfind("\n", len(self._over)) + 1
        if end:
            over = value[len(self._over) : end]
            self._rows += self._wrap(over.removesuffix("\n").removesuffix("\r"), width, first, style)
            self._over = value[:end]
        return [*self._rows, *self._wrap(value[len(self._over) :], width, first, style)]

    def _wrap(self, value: str, width: int, first: Content, style: str) -> list[Row]:
        lead = ours(" " * first.cell_length) if self._over else first
        return wrapped(text(value, style), width, lead)
