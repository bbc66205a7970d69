"""The main screen: the conversation, the panel beside it, and the input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message

from cwm_agent.commands import Name, Unknown, parse, rollouts
from cwm_agent.events import Interrupt, RunInSandbox, SetMode, SettlePermission, SubmitPrompt, Unqueue
from cwm_agent.observations import Mode
from cwm_agent.tui.offers import Offers
from cwm_agent.tui.picture import Picture
from cwm_agent.tui.render import foot
from cwm_agent.tui.screens.live import Wants
from cwm_agent.tui.screens.sided import SidedScreen
from cwm_agent.tui.widgets.bars import Header, KeyBar, Queue
from cwm_agent.tui.widgets.completions import Completions
from cwm_agent.tui.widgets.conversation import Conversation
from cwm_agent.tui.widgets.panel import Panel
from cwm_agent.tui.widgets.prompt import Prompt

if TYPE_CHECKING:
    from cwm_agent.workspace.review import Review

DOUBLE = 0.6
_MODES = (Mode.REAL, Mode.VERIFY, Mode.IMAGINED)


class MainScreen(SidedScreen):
    """Shows a picture and turns keys into commands; what needs the session goes up as a message."""

    DEFAULT_CSS = """
    MainScreen { layout: vertical; background: $background; }
    MainScreen #body { height: 1fr; }
    MainScreen #left { width: 1fr; }
    MainScreen #entry { height: auto; border-top: solid $line; padding: 0 1; }
    MainScreen #entry.-asking { border-top: solid $warn; }
    MainScreen.-narrow Panel { width: 1fr; border-left: none; }
    MainScreen.-narrow.-panel Conversation { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+t", "mode", "Mode", priority=True, show=False),
        Binding("ctrl+r", "open('review')", "Review", priority=True, show=False),
        Binding("ctrl+o", "panel", "Panel", priority=True, show=False),
        Binding("ctrl+g", "editor", "Editor", priority=True, show=False),
        Binding("ctrl+y", "open('copy')", "Copy", priority=True, show=False),
        Binding("ctrl+c", "stop_or_copy", "Copy or stop", priority=True, show=False),
        Binding("f1", "open('help')", "Help", priority=True, show=False),
        Binding("escape", "escape", "Interrupt", show=False),
    ]
    AUTO_FOCUS = "Prompt"

    class Opens(Message):
        """The user asks for a command that is not this screen's own: help, review, rewind, quit, …"""

        def __init__(self, name: Name, argument: str = "") -> None:
            super().__init__()
            self.name = name
            self.argument = argument

    def __init__(
        self,
        picture: Picture,
        review: Callable[[], Review | None],
        clock: Callable[[], float],
        files: Callable[[], Sequence[str]],
    ) -> None:
        super().__init__(picture)
        self._offers = Offers(self, files)
        self._review = review
        self._clock = clock
        self._escaped = float("-inf")
        self._scene = picture.scene
        self._answered = 0

    def compose(self) -> ComposeResult:
        """Header, body, input, keys."""
        yield Header(self.picture)
        with Horizontal(id="body"):
            yield Conversation(self.picture)
            panel = Panel(self.picture, self._review)
            panel.display = False
            yield panel
        yield Completions()
        with Vertical(id="entry"):
            yield Queue()
            yield Prompt(self._clock)
        yield KeyBar()

    # What the picture says

    def paint(self) -> None:
        """Bring every widget up to the picture."""
        picture = self.picture
        self.query_one(Conversation).update(follow=True)
        panel = self.query_one(Panel)
        if picture.scene != self._scene:
            self._scene = picture.scene
            panel.follow(picture.scene)
        self.place_panel()
        panel.refresh_rows()
        self.query_one(Header).refresh()
        self.query_one(Queue).show_queue(picture)
        self._return()
        self._ask()
        self._keys()

    def _return(self) -> None:
        """What was taken back belongs in the input again."""
        prompt = self.query_one(Prompt)
        prompt.queued = bool(self.picture.waiting)
        while self.picture.returned:
            prompt.put_before(self.picture.returned.pop(0))

    def _ask(self) -> None:
        prompt = self.query_one(Prompt)
        question = self.picture.question
        if question is None:
            prompt.asked_at = None
        elif question.asked.permission != self._answered:
            self._answered = question.asked.permission
            prompt.asked_at = self._clock()
        self.query_one("#entry").set_class(question is not None, "-asking")

    def _keys(self) -> None:
        found = foot.keys(self.picture, self.query_one(Panel).keys)
        self.query_one(KeyBar).show_keys(found, foot.foresight(self.picture))

    @on(events.DescendantFocus)
    @on(events.DescendantBlur)
    def _focus_moved(self) -> None:
        """Other keys work now."""
        self._keys()

    def hint(self, words: str, style: str = "$warn") -> None:
        """Say one line where the keys stand, until the next key."""
        self.query_one(KeyBar).hint(words, style)

    def put(self, text: str) -> None:
        """Put a text into the input."""
        self.query_one(Prompt).put(text)

    @property
    def draft(self) -> str:
        """What stands in the input."""
        return self.query_one(Prompt).text

    # The input

    @on(Prompt.Changed)
    def _typed(self) -> None:
        self._offers.complete()
        self.hint("")

    @on(Prompt.Pressed)
    def _pressed(self, event: Prompt.Pressed) -> None:
        offered = self.query_one(Completions)
        if event.key in ("up", "down"):
            offered.move(-1 if event.key == "up" else 1)
        elif event.key == "tab":
            self._offers.take()
        elif event.key == "escape":
            self._offers.close()
        elif event.key == "pageup":
            self.query_one(Conversation).action_page_up()
        elif event.key == "pagedown":
            self.query_one(Conversation).action_page_down()

    @on(Prompt.TakesBack)
    def _take_back(self) -> None:
        self.post_message(Wants(Unqueue()))

    @on(Prompt.Answered)
    def _answer(self, event: Prompt.Answered) -> None:
        question = self.picture.question
        if question is not None:
            self.query_one(Prompt).asked_at = None
            self.post_message(Wants(SettlePermission(question.asked.permission, event.yes)))

    @on(Prompt.Sent)
    def _sent(self, event: Prompt.Sent) -> None:
        text = event.text.strip()
        if not text:
            return
        prompt = self.query_one(Prompt)
        picked = self.query_one(Completions).picked
        if picked and picked.startswith("@") and self._offers.take():
            return
        if text.startswith("/") and picked and picked.startswith(text):
            text = picked
        if text.startswith("/"):
            if not self._run(text):
                return
        elif wait := foot.not_yet(self.picture):
            self.hint(wait)
            return
        elif text.startswith("!"):
            if text[1:].strip():
                self.post_message(Wants(RunInSandbox(text[1:].strip())))
        else:
            self.post_message(Wants(SubmitPrompt(text)))
        prompt.remember(text)
        prompt.put("")
        self.query_one(Conversation).scroll_end(animate=False, immediate=True)

    def _run(self, text: str) -> bool:
        """Carry a slash command out; False where there is no such command, so that it can be corrected."""
        call = parse(text)
        if isinstance(call, Unknown):
            self._offers.close()
            self.hint(call.hint)
            return False
        self.action_open(call.command.name, call.argument)
        return True

    # Keys and commands

    def action_open(self, name: Name, argument: str = "") -> None:
        """Carry a command out: here what is this screen's own, above what is not."""
        if name == "trace":
            self.trace(argument)
        elif name in ("diff", "tests", "shell"):
            self.show_tab(name)
        elif name == "best-of":
            self._best_of(argument)
        elif name == "mode":
            self._set_mode(Mode(argument) if argument else self._next_mode())
        elif name == "copy":
            self._copy()
        else:
            self.post_message(self.Opens(name, argument))

    def _best_of(self, argument: str) -> None:
        wanted = rollouts(argument)
        if wanted is None:
            self.put("/best-of 4 ")
        elif wait := foot.not_yet(self.picture):
            self.hint(wait)
        else:
            self.post_message(Wants(wanted))

    def _next_mode(self) -> Mode:
        return _MODES[(_MODES.index(self.picture.mode) + 1) % len(_MODES)]

    def _set_mode(self, mode: Mode) -> None:
        self.post_message(Wants(SetMode(mode)))

    def action_mode(self) -> None:
        """The next mode, from the next action on."""
        self._set_mode(self._next_mode())

    def action_escape(self) -> None:
        """Once stops what is under way; twice within 0.6 s goes back to a checkpoint."""
        now = self._clock()
        twice = now - self._escaped <= DOUBLE
        self._escaped = float("-inf") if twice else now
        self.hint("")
        if twice:
            self.post_message(self.Opens("rewind"))
        elif self.picture.working:
            self.post_message(Wants(Interrupt()))
            self.hint("Stopping. Esc again goes back to a checkpoint.")
        else:
            self.query_one(Prompt).focus()

    def action_stop_or_copy(self) -> None:
        """What ^C means in a terminal: copy a selection, clear the input, or stop what is under way."""
        prompt = self.query_one(Prompt)
        if self.get_selected_text() or prompt.selected_text:
            self._copy()
        elif prompt.text:
            prompt.put("")
        elif self.picture.working:
            self.post_message(Wants(Interrupt()))
        else:
            self.hint("^Q leaves.")

    def action_editor(self) -> None:
        """Write the request in the user's own editor."""
        self.post_message(self.Opens("editor"))

    def _copy(self) -> None:
        chosen = self.get_selected_text() or self.query_one(Prompt).selected_text
        text = chosen or self.picture.last_answer
        if not text:
            self.hint("There is nothing to copy yet.")
            return
        self.app.copy_to_clipboard(text)
        self.hint("The selection is copied." if chosen else "The last answer is copied.", "$good")

    @on(events.Key)
    def _any_key(self) -> None:
        self.hint("")
