"""Esc Esc: the checkpoints of the session, and a way back to each of them."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from cwm_agent.tui.picture import Checkpoint
from cwm_agent.tui.render.marks import stat
from cwm_agent.tui.render.rows import Row, blank, join, line, named, ours, spread, wrapped
from cwm_agent.tui.screens.dialog import Dialog
from cwm_agent.tui.widgets.lines import Lines

FILES = 3


class _List(Lines):
    def __init__(self, checkpoints: list[Checkpoint]) -> None:
        super().__init__()
        self.can_focus = False  # the keys belong to the screen
        self.checkpoints = checkpoints
        self.at = len(checkpoints)

    def update(self, *, follow: bool = False) -> None:
        """Lay out again, with the picked one in view."""
        super().update(follow=follow)
        self.call_after_refresh(self.reveal_rows, self.at, FILES + 2)

    def lay_out(self, width: int) -> list[Row]:
        """The start of the session, then every checkpoint, the picked one marked."""
        rows = self._entry(0, "the start of the session", "", width)
        for number, made in enumerate(self.checkpoints, 1):
            rows += self._entry(number, made.label or f"checkpoint {made.number}", made.at, width)
            if number == self.at:
                for file in made.files[:FILES]:
                    rows.append(Row(named(file.name, width, before=ours("     "), right=stat(file), style="$quiet")))
                if len(made.files) > FILES:
                    rows.append(Row(ours(f"     and {len(made.files) - FILES} more", "$faint")))
        return [*rows, blank(), *wrapped(ours(_MEANS, "$faint"), width - 3, ours("   "))]

    def _entry(self, number: int, label: str, at: str, width: int) -> list[Row]:
        picked = number == self.at
        lead = ours(" › " if picked else "   ", "bold $lead")
        words = join(lead, line(label, "bold" if picked else ""))
        return [Row(spread(words, ours(f"{at} ", "$faint"), width), "on $picked" if picked else "")]


_MEANS = "The sandbox's files and the conversation go back; your own files do not change."


class RewindScreen(Dialog[int | None]):
    """Choose a checkpoint; the result is its number, 0 for the start, None for staying here."""

    AUTO_FOCUS = ""
    heading = "Go back to"
    KEYS = (("↑ ↓", "choose"), ("Enter", "go back"), ("Esc", "stay here"))
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("enter", "choose", show=False),
        Binding("escape", "dismiss", show=False),
    ]

    def __init__(self, checkpoints: list[Checkpoint]) -> None:
        super().__init__()
        self._list = _List(checkpoints)

    def body(self) -> ComposeResult:
        """The list."""
        yield self._list

    def action_move(self, step: int) -> None:
        """Pick another one."""
        self._list.at = max(0, min(len(self._list.checkpoints), self._list.at + step))
        self._list.update()

    def action_choose(self) -> None:
        """Take the picked one."""
        at = self._list.at
        self.dismiss(self._list.checkpoints[at - 1].number if at else 0)
