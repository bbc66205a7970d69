"""Two small inputs of the review: a note on a hunk, and a hunk's lines written anew."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input, TextArea

from cwm_agent.text import printable_line
from cwm_agent.tui.screens.dialog import Dialog


class NoteInput(Input):
    """One line of the user's, such as why a hunk is rejected; shown only while it is asked."""

    DEFAULT_CSS = """
    NoteInput {
        display: none; border: none; border-top: solid $warn; height: 2; padding: 0 1; background: $background;
        &.-open { display: block; }
        &:focus { border: none; border-top: solid $warn; }
    }
    """

    class Closed(Message):
        """The line is written, or None where it was given up."""

        def __init__(self, note: str | None) -> None:
            super().__init__()
            self.note = note

    def __init__(self, placeholder: str = "why not? The agent reads it; enter keeps it, esc does not") -> None:
        super().__init__(placeholder=placeholder)
        self.cursor_blink = False

    def open(self, note: str) -> None:
        """Ask."""
        self.value = note
        self.add_class("-open")
        self.focus()

    def close(self) -> None:
        """Do not ask any more."""
        self.remove_class("-open")

    async def _on_key(self, event: events.Key) -> None:
        if event.key in ("enter", "escape"):
            event.stop()
            event.prevent_default()
            self.post_message(self.Closed(self.value.strip() if event.key == "enter" else None))

    def _on_paste(self, event: events.Paste) -> None:
        event.text = printable_line(event.text)


class EditScreen(Dialog[str | None]):
    """The new lines of a hunk in an editor; the result is the text, None where nothing is to change."""

    heading = "The hunk's new lines"
    DEFAULT_CSS = """
    EditScreen > #frame { width: 90%; }
    EditScreen TextArea { height: auto; min-height: 6; max-height: 18; padding: 0; }
    EditScreen TextArea, EditScreen TextArea:focus { border: none; }
    """
    KEYS = (("^S", "take these lines"), ("^G", "$EDITOR"), ("Esc", "leave them as they were"))
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", show=False, priority=True),
        Binding("ctrl+g", "editor", show=False, priority=True),
        Binding("escape", "dismiss", show=False, priority=True),
    ]

    class External(Message):
        """The user wants another editor."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def body(self) -> ComposeResult:
        """The editor."""
        area = TextArea(self._text, show_line_numbers=True, soft_wrap=False, tab_behavior="indent")
        area.cursor_blink = False
        yield area

    def on_mount(self) -> None:
        """Type at once."""
        super().on_mount()
        self.query_one(TextArea).focus()

    def action_save(self) -> None:
        """Take the text."""
        self.dismiss(self.query_one(TextArea).text)

    def action_editor(self) -> None:
        """Leave this for $EDITOR."""
        self.dismiss(None)
        self.app.call_later(self.app.screen.post_message, self.External())
