"""^R: the patch hunk by hunk. Nothing is written that was not accepted here, and nothing runs."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from cwm_agent.events import ApplyPatch, ImagineHunk, Interrupt, UndoApply
from cwm_agent.tui.desk import Desk
from cwm_agent.tui.hunk_run import HunkRun
from cwm_agent.tui.picture import Picture, Remark, Returned
from cwm_agent.tui.render import desk as render
from cwm_agent.tui.render.rows import clip, line, ours
from cwm_agent.tui.screens.deciding import DecidingScreen
from cwm_agent.tui.screens.help import REVIEW_KEYS, HelpScreen
from cwm_agent.tui.screens.live import Wants
from cwm_agent.tui.screens.note import NoteInput
from cwm_agent.tui.widgets.bars import KeyBar
from cwm_agent.tui.widgets.hunk_run import HunkRunView

_KEYS = (
    ("a", "accept"),
    ("r", "reject"),
    ("n", "note"),
    ("e", "edit"),
    ("i", "imagine"),
    ("Enter", "apply"),
    ("Esc", "back"),
    ("A R", "file"),
    ("s", "split"),
    ("u", "undo"),
    ("F1", "help"),
)
_RUN_KEYS = (("← →", "frames"), ("PgUp PgDn", "scroll"), ("i Esc", "close"), ("j k", "other hunks"), ("F1", "help"))
_COMING_KEYS = (("Esc", "stop"), ("i", "stop and close"), ("j k", "other hunks"))
_STALE = "Your files are others since this patch was shown: Esc goes back, ^R shows what is left."


class ReviewScreen(DecidingScreen):
    """Files on the left, hunks on the right, and a bar that says what would be written."""

    DEFAULT_CSS = """
    ReviewScreen { background: $background; }
    ReviewScreen > #title { height: 1; background: $bar; }
    ReviewScreen > #columns { height: 1fr; }
    ReviewScreen > #state { height: 1; background: $raised; }
    ReviewScreen.-wide FileList { width: 38; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "imagine", show=False),
        Binding("u", "undo", show=False),
        Binding("enter", "apply", show=False),
        Binding("escape,ctrl+r", "back", show=False),
        Binding("f1", "help", show=False),
    ]

    def __init__(self, desk: Desk, checkpoint: int, picture: Picture, *, ready: bool) -> None:
        super().__init__(desk)
        self.picture = picture
        self.checkpoint = checkpoint
        self._confirming = ready and not desk.returned
        self._stale = False
        self._applied_at: int | None = None
        self._run_view = HunkRunView()
        self._asked_at = 0

    def compose(self) -> ComposeResult:
        """A title, two columns, the note, the state, the keys."""
        yield Static(self._title(), id="title", markup=False)
        with Horizontal(id="columns"):
            yield self._files
            with Vertical():
                yield self._hunks
                yield self._run_view
        yield NoteInput()
        yield Static(id="state", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Say what would happen now."""
        self.show_keys()
        self.show_desk()

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

    def show_keys(self) -> None:
        """The keys of the review, or of the run that is looked at."""
        run = self._run_view.run
        self.query_one(KeyBar).show_keys(_KEYS if run is None else _RUN_KEYS if run.over else _COMING_KEYS)

    def show_desk(self, words: Content | None = None) -> None:
        """Both columns, and in one line what would be written, or the words."""
        tally = self.desk.tally()
        if words is None:
            words = render.confirmation(tally) if self._confirming else render.bar(tally)
        self.query_one("#state", Static).update(clip(words, max(20, self.size.width)))
        self._files.reveal()
        self._hunks.reveal()

    def begin_anew(self) -> None:
        """Take the question back, and close the run."""
        self._confirming = False
        self._close_run()

    def changed(self) -> None:
        """The session said something: show how the apply went, or what was imagined."""
        if self._run_view.run is not None:
            self._imagined(self._run_view.run)
        if self._applied_at is None:
            return
        for block in self.picture.blocks[self._applied_at :]:
            if isinstance(block, Returned):
                self._applied_at = None
                self.tell("Sent back: the agent reads it with your next request.   esc: back")
                return
            if isinstance(block, Remark) and block.kind in ("good", "error"):
                sign, style = ("✓", "$good") if block.kind == "good" else ("✗", "$bad")
                self._applied_at = None
                self._stale = block.kind == "good"
                self.show_desk(
                    Content.assemble(ours(f" {sign} ", style), line(block.text, style), ours("   esc: back", "$quiet"))
                )
                return

    # What a hunk would do

    def action_imagine(self) -> None:
        """Show the imagined run of the hunk in view, or close it."""
        if self._run_view.run is not None:
            self._close_run()
            return
        self._confirming = False
        if self._stale:
            self.tell(_STALE)
        elif not self.picture.has_world_model:
            self.tell("There is no world model to imagine it. Name one: --model-url URL")
        elif self.picture.working:
            self.tell("The agent is at work; i imagines once it has stopped.")
        else:
            wish = ImagineHunk(self.checkpoint, *self.desk.place, self.desk.decisions)
            self._asked_at = len(self.picture.blocks)
            self._run_view.open(HunkRun(self.picture, wish))
            self.post_message(Wants(wish))
            self.show_keys()
            self.show_desk()

    def _imagined(self, run: HunkRun) -> None:
        """Show more of the run, or why there is none."""
        run.refresh()
        if run.answer is not None and run.answer.why_not:
            self._close_run()
            self.tell(run.answer.why_not)
            return
        for block in self.picture.blocks[self._asked_at :]:
            if isinstance(block, Remark) and block.kind == "error":
                self._asked_at = len(self.picture.blocks)
                self.tell(f"{block.text} {block.remedy}".strip())
                break
        self._run_view.update()
        self.show_keys()

    def _stop_run(self) -> bool:
        """Stop the imagination that is under way; whether there is one."""
        run = self._run_view.run
        if run is None or run.imagined is None or run.over:
            return False
        self.post_message(Wants(Interrupt()))
        return True

    def _close_run(self) -> None:
        if self._run_view.run is not None:
            self._stop_run()
            self._run_view.close()
            self._hunks.focus()
            self.show_keys()

    def action_apply(self) -> None:
        """Ask once, then write what is accepted."""
        self._close_run()
        if self._stale:
            self.tell(_STALE)
        elif not self.desk.decisions:
            self.tell("Nothing is decided yet: a accepts the hunk, A the file.")
        elif self.desk.returned:
            self.tell("That was sent back already; say what to do instead.   esc: back")
        elif not self._confirming:
            self._confirming = True
            self.show_desk()
        else:
            self._confirming = False
            self.desk.give_back()
            self._applied_at = len(self.picture.blocks)
            self.post_message(Wants(ApplyPatch(self.checkpoint, self.desk.decisions)))
            self.show_desk(ours(" Writing …", "$quiet"))

    def action_undo(self) -> None:
        """Take the last applied patch back."""
        self.begin_anew()
        if not self.picture.applied:
            self.tell("Nothing was applied yet.")
            return
        self._applied_at = len(self.picture.blocks)
        self.post_message(Wants(UndoApply()))

    def action_back(self) -> None:
        """Out of what is under way, out of what is shown or asked, or out of the review."""
        if self._stop_run():
            return
        if self._confirming or self._run_view.run is not None:
            self.begin_anew()
            self.show_desk()
        else:
            self.dismiss()

    def action_help(self) -> None:
        """The keys of this screen on one page."""
        self.app.push_screen(HelpScreen("Keys of the review", REVIEW_KEYS))
