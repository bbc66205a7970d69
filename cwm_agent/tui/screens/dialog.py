"""What all small screens over the conversation share: a frame, a title, and rows of text."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen, ScreenResultType

from cwm_agent.tui.render.rows import ours
from cwm_agent.tui.widgets.bars import KeyBar


class Dialog(ModalScreen[ScreenResultType]):
    """A framed box in the middle, its title in the frame, its keys at its foot."""

    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 60%; }
    Dialog > #frame {
        width: 76; max-width: 100%; height: auto; max-height: 100%;
        border: round $line; border-title-color: $lead; border-title-style: bold;
        background: $background; padding: 0 1;
    }
    Dialog > #frame > Lines { height: auto; max-height: 100%; }
    Dialog > #frame > KeyBar { background: $background; dock: bottom; }
    """
    heading = ""
    KEYS: tuple[tuple[str, str], ...] = (("Esc", "back"),)

    def compose(self) -> ComposeResult:
        """The frame around what the screen itself has."""
        with Vertical(id="frame") as frame:
            frame.border_title = ours(self.heading).markup
            yield from self.body()
            yield KeyBar()

    def body(self) -> ComposeResult:
        """What stands in the frame."""
        yield from ()

    def on_mount(self) -> None:
        """Say the keys."""
        self.query_one(KeyBar).show_keys(self.KEYS)
