"""The imagined run of a hunk, below the hunks; there only while it is looked at."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from cwm_agent.tui.hunk_run import HunkRun
from cwm_agent.tui.render import hunk_run as render
from cwm_agent.tui.render.rows import Row
from cwm_agent.tui.widgets.lines import Lines


class HunkRunView(Lines):
    """As many rows as there are, in a part of the column; ← and → go through the frames."""

    DEFAULT_CSS = """
    HunkRunView {
        display: none; height: auto; max-height: 70%; border-top: solid $imagined;
        &.-open { display: block; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "step(1)", show=False),
        Binding("left", "step(-1)", show=False),
        Binding("down", "screen.move(1)", show=False),
        Binding("up", "screen.move(-1)", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.run: HunkRun | None = None
        self._here = 0

    def open(self, run: HunkRun) -> None:
        """Show a run."""
        self.run = run
        self.add_class("-open")
        self.styles.height = 2
        self.focus()

    def close(self) -> None:
        """Show nothing any more."""
        self.run = None
        self.remove_class("-open")

    def lay_out(self, width: int) -> list[Row]:
        """The run as it is now."""
        if self.run is None:
            return []
        rows, self._here = render.rows(self.run, width)
        self.styles.height = len(rows) + 1  # and the border
        return rows

    def action_step(self, step: int) -> None:
        """The next or previous frame of the hunk."""
        if self.run is not None:
            self.run.step(step)
            self.update()
            self.reveal_rows(max(0, self._here - 1), 4)
