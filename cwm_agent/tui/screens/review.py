"""^R: the patch hunk by hunk. Nothing is written that was not accepted here."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.geometry import Region
from textual.widgets import Static

from cwm_agent.editor import edit_in_editor
from cwm_agent.events import ApplyPatch, UndoApply
from cwm_agent.text import printable_line
from cwm_agent.tui.desk import Desk, bytes_of, text_of
from cwm_agent.tui.picture import Picture, Remark
from cwm_agent.tui.render import desk as render
from cwm_agent.tui.render.rows import Row, clip, line, ours
from cwm_agent.tui.screens.help import REVIEW_KEYS, HelpScreen
from cwm_agent.tui.screens.live import LiveScreen, Wants
from cwm_agent.tui.screens.note import EditScreen, NoteInput
from cwm_agent.tui.widgets.bars import KeyBar
from cwm_agent.tui.widgets.lines import Lines
from cwm_agent.workspace.review import Review

_KEYS = (
    ("a", "accept"),
    ("r", "reject"),
    ("n", "note"),
    ("e", "edit"),
    ("A R", "file"),
    ("s", "split"),
    ("Enter", "apply"),
    ("Esc", "back"),
    ("u", "undo"),
    ("F1", "help"),
)
_NOTE_KEYS = (("Enter", "reject with this note"), ("Esc", "leave it as it was"))


class _Files(Lines):
    DEFAULT_CSS = """
    _Files { width: 26; border-right: vkey $line; }
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.can_focus = False
        self.desk = desk

    def lay_out(self, width: int) -> list[Row]:
        """The list."""
        return render.files(self.desk, width)[0]

    def reveal(self) -> None:
        """Scroll to the file in view."""
        self.update()
        at = render.files(self.desk, self.row_width)[1]
        self.scroll_to_region(Region(0, at, 1, 2), animate=False)


class _Hunks(Lines):
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

    def reveal(self) -> None:
        """Scroll so that the hunk in view can be read from its first line."""
        self.update()
        first, last = self._here
        height = self.size.height
        if first < self.scroll_offset.y + 1 or last > self.scroll_offset.y + height:
            self.scroll_to(y=max(0, first - 1 if self.desk.place[1] else 0), animate=False)


class ReviewScreen(LiveScreen):
    """Files on the left, hunks on the right, and a bar that says what would be written."""

    DEFAULT_CSS = """
    ReviewScreen { background: $background; }
    ReviewScreen > #title { height: 1; background: $bar; }
    ReviewScreen > #columns { height: 1fr; }
    ReviewScreen > #state { height: 1; background: $raised; }
    ReviewScreen.-wide _Files { width: 38; }
    """
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
        Binding("u", "undo", show=False),
        Binding("enter", "apply", show=False),
        Binding("escape,ctrl+r", "back", show=False),
        Binding("f1", "help", show=False),
    ]
    AUTO_FOCUS = "_Hunks"

    def __init__(self, review: Review, checkpoint: int, picture: Picture, *, ready: bool) -> None:
        super().__init__()
        self.desk = Desk(review, review.default_decisions() if ready else ())
        self.picture = picture
        self.checkpoint = checkpoint
        self._confirming = ready
        self._applied_at: int | None = None
        self._files = _Files(self.desk)
        self._hunks = _Hunks(self.desk)

    def compose(self) -> ComposeResult:
        """A title, two columns, the note, the state, the keys."""
        yield Static(self._title(), id="title", markup=False)
        with Horizontal(id="columns"):
            yield self._files
            yield self._hunks
        yield NoteInput()
        yield Static(id="state", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Say what would happen now."""
        self.query_one(KeyBar).show_keys(_KEYS)
        self._show()

    def on_resize(self) -> None:
        """More room for names where there is some."""
        self.set_class(self.size.width >= 120, "-wide")
        self._files.display = len(self.desk.review.files) > 1

    def _title(self) -> Content:
        proposal = self.picture.proposal
        proof = ours("")
        if proposal is not None:
            proof = (
                ours("   ◆ its tests ran and passed", "$real")
                if proposal.verified
                else ours("   not verified", "$warn")
            )
        return Content.assemble(ours(" Review", "bold $lead"), line(f"  {self.picture.title}", "bold"), proof)

    def _show(self, words: Content | None = None) -> None:
        tally = self.desk.tally()
        if words is None:
            words = render.confirmation(tally) if self._confirming else render.bar(tally)
        self.query_one("#state", Static).update(clip(words, max(20, self.size.width)))
        self._files.reveal()
        self._hunks.reveal()

    def changed(self) -> None:
        """The session said something: show how the apply went."""
        if self._applied_at is None:
            return
        for block in self.picture.blocks[self._applied_at :]:
            if isinstance(block, Remark) and block.kind in ("good", "error"):
                sign, style = ("✓", "$good") if block.kind == "good" else ("✗", "$bad")
                self._applied_at = None
                self._show(
                    Content.assemble(ours(f" {sign} ", style), line(block.text, style), ours("   esc: back", "$quiet"))
                )
                return

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a note is written, its letters are no commands."""
        del parameters
        return not (self.query_one(NoteInput).has_class("-open") and action not in ("back",))

    def action_move(self, step: int) -> None:
        """The next or previous hunk, over the files."""
        self._confirming = False
        self.desk.move(step)
        self._show()

    def action_file(self, step: int) -> None:
        """The next or previous file."""
        self._confirming = False
        self.desk.move_file(step)
        self._show()

    def action_decide(self, verdict: Literal["accept", "reject"]) -> None:
        """Decide on the hunk in view and go on to the next."""
        self._confirming = False
        self.desk.decide(verdict)
        self.desk.move(1)
        self._show()

    def action_decide_file(self, verdict: Literal["accept", "reject"]) -> None:
        """Decide on all hunks of the file in view."""
        self._confirming = False
        self.desk.decide_file(verdict)
        self._show()

    def action_flip(self) -> None:
        """Accept or clear the hunk in view, and stay there."""
        self._confirming = False
        self.desk.toggle()
        self._show()

    def action_split(self) -> None:
        """Side by side, or one below the other."""
        self._hunks.side_by_side = not self._hunks.side_by_side
        self._show()

    def action_note(self) -> None:
        """Reject the hunk in view and say why."""
        self._confirming = False
        decided = self.desk.decision(*self.desk.place)
        self.query_one(KeyBar).show_keys(_NOTE_KEYS)
        self.query_one(NoteInput).open(decided.note if decided else "")

    @on(NoteInput.Closed)
    def _noted(self, event: NoteInput.Closed) -> None:
        self.query_one(NoteInput).close()
        self.query_one(KeyBar).show_keys(_KEYS)
        self._hunks.focus()
        if event.note is not None:
            self.desk.decide("reject", event.note)
        self._show()

    def action_edit(self) -> None:
        """Write the new lines of the hunk in view anew."""
        self._confirming = False
        if not self.desk.editable:
            self._say("This change has no lines to edit: accept or reject it.")
            return
        try:
            text, ending = text_of(self.desk.hunk.new_lines)
        except ValueError:
            self._say("These lines hold bytes that cannot be edited here; ^G opens them in your editor.")
            return

        def taken(written: str | None) -> None:
            if written is not None:
                self.desk.edit(bytes_of(written, ending))
            self._show()

        self.app.push_screen(EditScreen(text), taken)

    @on(EditScreen.External)
    def action_external(self) -> None:
        """The same in the user's own editor."""
        if not self.desk.editable:
            self._say("This change has no lines to edit: accept or reject it.")
            return
        try:
            with self.app.suspend():
                suffix = PurePosixPath(self.desk.file.stat.name).suffix
                written = edit_in_editor(b"".join(self.desk.hunk.new_lines), suffix)
        except (OSError, SuspendNotSupported) as error:
            self._say(f"The editor could not be used: {printable_line(str(error))}")
            return
        self.desk.edit(written)
        self._show()

    def action_apply(self) -> None:
        """Ask once, then write what is accepted."""
        if not self.desk.decisions:
            self._say("Nothing is decided yet: a accepts the hunk, A the file.")
        elif not self._confirming:
            self._confirming = True
            self._show()
        else:
            self._confirming = False
            self._applied_at = len(self.picture.blocks)
            self.post_message(Wants(ApplyPatch(self.checkpoint, self.desk.decisions)))
            self._show(ours(" Writing …", "$quiet"))

    def action_undo(self) -> None:
        """Take the last applied patch back."""
        self._confirming = False
        if not self.picture.applied:
            self._say("Nothing was applied yet.")
            return
        self._applied_at = len(self.picture.blocks)
        self.post_message(Wants(UndoApply()))

    def action_back(self) -> None:
        """Out of the question, or out of the review."""
        if self._confirming:
            self._confirming = False
            self._show()
        else:
            self.dismiss()

    def action_help(self) -> None:
        """The keys of this screen on one page."""
        self.app.push_screen(HelpScreen("Keys of the review", REVIEW_KEYS))

    def _say(self, words: str) -> None:
        self._show(line(f" {words}", "$warn"))
