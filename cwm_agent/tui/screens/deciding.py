"""A screen on which hunks are decided: moved between, accepted, rejected, noted on, and written anew."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import ClassVar, Literal

from textual import on
from textual.app import SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.content import Content

from cwm_agent.editor import edit_in_editor
from cwm_agent.text import printable_line
from cwm_agent.tui.desk import Desk, bytes_of, text_of
from cwm_agent.tui.render.rows import line
from cwm_agent.tui.screens.live import LiveScreen
from cwm_agent.tui.screens.note import EditScreen, NoteInput
from cwm_agent.tui.widgets.bars import KeyBar
from cwm_agent.tui.widgets.review import FileList, HunkList

_NOTE_KEYS = (("Enter", "reject with this note"), ("Esc", "leave it as it was"))
_NO_LINES = "This change has no lines to edit: accept or reject it."


class DecidingScreen(LiveScreen):
    """Decisions on a desk. What a subclass asks or shows of the hunk in view is over with the next of them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", show=False),
        Binding("k,up", "move(-1)", show=False),
        Binding("J,tab,right", "file(1)", show=False),
        Binding("K,shift+tab,left", "file(-1)", show=False),
        Binding("a", "decide('accept')", show=False),
        Binding("r", "decide('reject')", show=False),
        Binding("n", "note", show=False),
        Binding("e", "edit", show=False),
        Binding("ctrl+g", "external", show=False),
        Binding("A", "decide_file('accept')", show=False),
        Binding("R", "decide_file('reject')", show=False),
        Binding("space", "flip", show=False),
        Binding("s", "split", show=False),
    ]
    AUTO_FOCUS = "HunkList"

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self._files = FileList(desk)
        self._hunks = HunkList(desk)

    def begin_anew(self) -> None:
        """Another hunk comes into view, or the user decides otherwise: what was asked or shown before is over."""
        raise NotImplementedError

    def show_keys(self) -> None:
        """Say which keys work now."""
        raise NotImplementedError

    def show_desk(self, words: Content | None = None) -> None:
        """Show the desk as it is, and words or what would happen now."""
        raise NotImplementedError

    def tell(self, words: str) -> None:
        """Say one line where the numbers stand."""
        self.show_desk(line(f" {words}", "$warn"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a note is written, its letters are no commands."""
        del parameters
        return not (self.query_one(NoteInput).has_class("-open") and action not in ("back",))

    def action_move(self, step: int) -> None:
        """The next or previous hunk, over the files."""
        self.begin_anew()
        self.desk.move(step)
        self.show_desk()

    def action_file(self, step: int) -> None:
        """The next or previous file."""
        self.begin_anew()
        self.desk.move_file(step)
        self.show_desk()

    def action_decide(self, verdict: Literal["accept", "reject"]) -> None:
        """Decide on the hunk in view and go on to the next."""
        self.begin_anew()
        self.desk.decide(verdict)
        self.desk.move(1)
        self.show_desk()

    def action_decide_file(self, verdict: Literal["accept", "reject"]) -> None:
        """Decide on all hunks of the file in view."""
        self.begin_anew()
        self.desk.decide_file(verdict)
        self.show_desk()

    def action_flip(self) -> None:
        """Accept or clear the hunk in view, and stay there."""
        self.begin_anew()
        self.desk.toggle()
        self.show_desk()

    def action_split(self) -> None:
        """Side by side, or one below the other."""
        self._hunks.side_by_side = not self._hunks.side_by_side
        self.show_desk()

    def action_note(self) -> None:
        """Reject the hunk in view and say why."""
        self.begin_anew()
        decided = self.desk.decision(*self.desk.place)
        self.query_one(KeyBar).show_keys(_NOTE_KEYS)
        self.query_one(NoteInput).open(decided.note if decided else "")

    @on(NoteInput.Closed)
    def _noted(self, event: NoteInput.Closed) -> None:
        self.query_one(NoteInput).close()
        self.show_keys()
        self._hunks.focus()
        if event.note is not None:
            self.desk.decide("reject", event.note)
        self.show_desk()

    def action_edit(self) -> None:
        """Write the new lines of the hunk in view anew."""
        self.begin_anew()
        if not self.desk.editable:
            self.tell(_NO_LINES)
            return
        try:
            text, ending = text_of(self.desk.hunk.new_lines)
        except ValueError:
            self.tell("These lines hold bytes that cannot be edited here; ^G opens them in your editor.")
            return

        def taken(written: str | None) -> None:
            if written is not None:
                self.desk.edit(bytes_of(written, ending))
            self.show_desk()

        self.app.push_screen(EditScreen(text), taken)

    @on(EditScreen.External)
    def action_external(self) -> None:
        """The same in the user's own editor."""
        self.begin_anew()
        if not self.desk.editable:
            self.tell(_NO_LINES)
            return
        try:
            with self.app.suspend():
                suffix = PurePosixPath(self.desk.file.stat.name).suffix
                written = edit_in_editor(b"".join(self.desk.hunk.new_lines), suffix)
        except (OSError, SuspendNotSupported) as error:
            self.tell(f"The editor could not be used: {printable_line(str(error))}")
            return
        self.desk.edit(written)
        self.show_desk()
