"""The review's two columns: the files of the patch, and the hunks of the one in view."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Region

from cwm_agent.tui.desk import Desk
from cwm_agent.tui.render import desk as render
from cwm_agent.tui.render.rows import Row
from cwm_agent.tui.widgets.lines import Lines


class FileList(Lines, can_focus=False):
    """The files, the one in view marked."""

    DEFAULT_CSS = """
    FileList { width: 26; border-right: vkey $line; }
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk

    def lay_out(self, width: int) -> list[Row]:
        """The list."""
        return render.files(self.desk, width)[0]

    def reveal(self) -> None:
        """Scroll to the file in view."""
        self.update()
        at = render.files(self.desk, self.row_width)[1]
        self.scroll_to_region(Region(0, at, 1, 2), animate=False)


class HunkList(Lines):
    """The hunks of the file in view."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "screen.move(1)", show=False),  # else they would scroll where there is something to scroll
        Binding("up", "screen.move(-1)", show=False),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.side_by_side = False
        self._here = (0, 0)

    def lay_out(self, width: int) -> list[Row]:
        """The hunks of one file."""
        rows, *here = render.hunks(self.desk, width, side_by_side=self.side_by_side)
        self._here = (here[0], here[1])
        return rows

    def on_resize(self) -> None:
        """With less room, the hunk in view stays in view."""
        super().on_resize()
        self.reveal()

    def reveal(self) -> None:
        """Scroll so that the hunk in view can be read from its first line."""
        self.update()
        first, last = self._here
        height = self.size.height
        if first < self.scroll_offset.y + 1 or last > self.scroll_offset.y + height:
            self.scroll_to(y=max(0, first - 1 if self.desk.place[1] else 0), animate=False)
