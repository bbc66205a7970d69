"""The text of a file around a frame, as far as the frames tell it: read and left."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from cwm_agent.text import printable_line
from cwm_agent.traces.entry import without_marker
from cwm_agent.tui.loupe import Loupe
from cwm_agent.tui.render.rows import Row, clip, join, ours
from cwm_agent.tui.render.trace import content
from cwm_agent.tui.screens.dialog import Dialog
from cwm_agent.tui.widgets.lines import Lines
from cwm_agent.views.highlight import Highlighter
from cwm_agent.views.words import SIGN

AROUND = 200
"""Lines on each side that can be scrolled to."""


def source_rows(loupe: Loupe, width: int) -> tuple[list[Row], int]:
    """The known lines of the file in view, gaps marked, and the row of the line at the cursor."""
    place, traced = loupe.place, loupe.traced
    if place is None or traced is None:
        return [], 0
    frame = place.couple.step.frame
    known = {
        each.line: without_marker(each.source)
        for run in traced.runs.values()
        for each in run.frames
        if each.line is not None and each.file == frame.file and abs(each.line - (frame.line or 0)) <= AROUND
    }
    marks: dict[int | None, str] = {}
    for side in loupe.sides:
        if (step := place.couple.of(side)) is not None:
            marks[step.frame.line] = marks.get(step.frame.line, "") + SIGN[side]
    code, rows, chosen, last = Highlighter(), [], 0, 0
    for number in sorted(known):
        if last and number > last + 1:
            rows.append(Row(ours("         ⋯", "$faint")))
        here = number in marks
        chosen = len(rows) if here else chosen
        lead = join(ours(f" {marks.get(number, ''):<2} ", "$lead"), ours(f"{number:>4}  ", "$faint"))
        rows.append(
            Row(clip(join(lead, content(code.line(known[number], number))), width), "on $picked" if here else "")
        )
        last = number
    return rows, chosen


class _Source(Lines):
    def __init__(self, loupe: Loupe) -> None:
        super().__init__()
        self._loupe = loupe

    def lay_out(self, width: int) -> list[Row]:
        """The lines, the one at the cursor in sight."""
        rows, chosen = source_rows(self._loupe, width)
        self.call_after_refresh(self.scroll_to, y=max(0, chosen - 6), animate=False)
        return rows or [Row(ours(" The frames of this trace name no lines.", "$faint"))]


class SourceScreen(Dialog[None]):
    """Read and left."""

    DEFAULT_CSS = "SourceScreen > #frame { width: 90%; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "dismiss", "Back", show=False)]
    KEYS = (("↑↓", "scroll"), ("Esc", "back"))

    def __init__(self, loupe: Loupe) -> None:
        super().__init__()
        self._loupe = loupe
        place = loupe.place
        file = place.couple.step.frame.file if place else ""
        self.heading = f"{printable_line(file) or 'source'}, the lines of the trace"

    def body(self) -> ComposeResult:
        """The lines."""
        yield _Source(self._loupe)
