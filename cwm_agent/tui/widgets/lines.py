"""A scrolling view of rows that paints only what is seen, however long the whole is."""

from __future__ import annotations

from operator import is_not

from rich.segment import Segment
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.style import Style

from cwm_agent.tui.render.rows import Row

KEPT = 1_000
"""Strips that are kept, so that a row that stays is not painted again when others come."""


class Lines(ScrollView, can_focus=True):
    """Rows of text; the mouse can select in them, and the end is followed until the user scrolls away from it."""

    ALLOW_SELECT = True
    DEFAULT_CSS = """
    Lines {
        background: $background;
        color: $foreground;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        height: 1fr;
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 -- Textual's word
        super().__init__(id=id, classes=classes)
        self._rows: list[Row] = []
        self._laid_width = 0
        self._painted: dict[int, tuple[Row, Style, Strip]] = {}

    def lay_out(self, width: int) -> list[Row]:
        """All rows for a width; a subclass makes them."""
        del width
        return self._rows

    @property
    def row_width(self) -> int:
        """How many cells a row has."""
        return max(0, self.scrollable_content_region.width)

    @property
    def follows(self) -> bool:
        """Whether the end is in sight, so that what is added there scrolls into it."""
        return self.scroll_offset.y >= self.max_scroll_y

    def update(self, *, follow: bool = False) -> None:
        """Lay out again and repaint; with `follow`, stay at the end if it is in sight."""
        width = self.row_width
        if not width:
            return
        stay = follow and self.follows
        before, at = self._seen, self.scroll_offset.y
        self._laid_width = width
        self._rows = self.lay_out(width)
        self.virtual_size = Size(width, len(self._rows))
        if stay:
            self.scroll_end(animate=False, immediate=True, force=True, x_axis=False)
        after = self._seen
        if at != self.scroll_offset.y or len(before) != len(after) or any(map(is_not, before, after)):
            self.refresh()

    def reveal_rows(self, first: int, count: int) -> None:
        """Scroll so far that these rows are in view."""
        self.scroll_to_region(Region(0, first, 1, count), animate=False, immediate=True)

    @property
    def _seen(self) -> list[Row]:
        """The rows in the window."""
        return self._rows[self.scroll_offset.y : self.scroll_offset.y + self.size.height]

    def on_resize(self) -> None:
        """A new width breaks lines elsewhere; the end stays in sight if it was."""
        if self.row_width != self._laid_width:
            self.update(follow=self._laid_width > 0)

    def notify_style_update(self) -> None:
        """Another theme: the rows keep their style names, only the paint changes."""
        super().notify_style_update()
        self._painted.clear()
        self.refresh()

    def row_at(self, y: int) -> Row | None:
        """The row at a line of the whole, or None past the end."""
        return self._rows[y] if 0 <= y < len(self._rows) else None

    def render_line(self, y: int) -> Strip:
        """Paint one line of the window."""
        at = self.scroll_offset.y + y
        width = self.size.width
        row = self.row_at(at)
        if row is None:
            return Strip.blank(width, self.visual_style.rich_style)
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(at)) is not None:
            return self._paint(at, row, width, span)
        base, known = self.visual_style, self._painted.get(at)
        if known is None or known[0] is not row or known[1] != base or known[2].cell_length != width:
            if len(self._painted) > KEPT:
                self._painted.clear()
            known = self._painted[at] = (row, base, self._paint(at, row, width))
        return known[2]

    def _paint(self, at: int, row: Row, width: int, span: tuple[int, int] | None = None) -> Strip:
        """A row as a strip; the characters of the span are selected, to the end where its second is -1."""
        base = self.visual_style
        if row.fill:
            base += self._get_style(row.fill)
        content = row.content
        if span is not None:
            start, end = span
            chosen = Style.from_styles(self.screen.get_component_styles("screen--selection"))
            content = content.stylize(chosen, start, len(content.plain) if end == -1 else end)
        pieces = content.render(base, end="", parse_style=self._get_style)
        strip = Strip([Segment(piece, style.rich_style) for piece, style in pieces], content.cell_length)
        return strip.crop_extend(0, width, base.rich_style).apply_offsets(0, at)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text."""
        plain = "\n".join(row.content.plain.rstrip() for row in self._rows)
        return selection.extract(plain), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Repaint with or without the selection."""
        del selection
        self.refresh()
