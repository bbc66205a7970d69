"""The input: enter and ^S send, ^J begins a new line, and what is pasted is made printable."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.timer import Timer
from textual.widgets import TextArea

from cwm_agent.text import printable

GUARD = 0.5
SETTLES = 0.35
"""Seconds after which a lone letter is an answer; a key that follows sooner made it the beginning of a word."""
PLACEHOLDER = "ask, / for commands, @ for files, ! for the sandbox's shell"


class Prompt(TextArea):
    """What the user types, one line or several, with what was sent before."""

    DEFAULT_CSS = """
    Prompt {
        height: auto;
        max-height: 6;
        padding: 0;
        border: none;
        background: $background;
        scrollbar-size-vertical: 1;
        & .text-area--cursor-line { background: $background; }
        & .text-area--placeholder { color: $faint; }
        &:focus { border: none; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+j,shift+enter,alt+enter", "newline", "New line", show=False),
    ]

    class Sent(Message):
        """The user pressed enter."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Pressed(Message):
        """A key that is not for the text: `up`, `down`, `tab`, `pageup`, `pagedown`."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    class TakesBack(Message):
        """The user wants the newest request that waits in the input again."""

    class Answered(Message):
        """The user answered the question that waits."""

        def __init__(self, *, yes: bool) -> None:
            super().__init__()
            self.yes = yes

    def __init__(self, clock: Callable[[], float], *, id: str | None = None) -> None:  # noqa: A002 -- Textual's word
        super().__init__(
            "", id=id, placeholder=PLACEHOLDER, show_line_numbers=False, soft_wrap=True, highlight_cursor_line=False
        )
        self.cursor_blink = False
        self.completing = False
        self.queued = False
        self.asked_at: float | None = None
        self._clock = clock
        self._typed_at = float("-inf")
        self._answer: Timer | None = None
        self._sent: list[str] = []
        self._at = 0

    def remember(self, text: str) -> None:
        """Keep a line for ↑."""
        if not self._sent or self._sent[-1] != text:
            self._sent.append(text)
        self._at = len(self._sent)

    def put(self, text: str) -> None:
        """Replace what stands in the input."""
        self.text = printable(text)
        self.move_cursor(self.document.end)

    def put_before(self, text: str) -> None:
        """Put a text above what stands in the input."""
        self.put(f"{text}\n{self.text}" if self.text else text)

    @property
    def before(self) -> str:
        """What stands before the cursor."""
        return self.get_text_range((0, 0), self.cursor_location)

    def replace_before(self, count: int, text: str) -> None:
        """Put a text in the place of the last characters of the cursor's line before it."""
        row, column = self.cursor_location
        self.replace(printable(text), (row, column - count), (row, column))

    def action_newline(self) -> None:
        """Begin a new line."""
        self.insert("\n")

    async def _on_key(self, event: events.Key) -> None:
        key = event.key
        if self._answer is not None and self._answers_now(key):
            self._take(event)
        elif key in ("enter", "ctrl+s"):
            self._take(event)
            self.post_message(self.Sent(self.text))
        elif key in ("pageup", "pagedown") or (self.completing and key in ("up", "down", "tab", "escape")):
            self._take(event)
            self.post_message(self.Pressed(key))
        elif key == "up" and self.queued and not self.text:
            self._take(event)
            self.post_message(self.TakesBack())
        elif key in ("up", "down") and self._recall(key):
            self._take(event)
        elif key in ("y", "n") and not self.text and self._may_answer():
            self._answer = self.set_timer(SETTLES, self._settle)  # and the letter is typed, should it be a word's
        else:
            self._typed_at = self._clock()  # Textual calls the base class's handler next

    async def _on_paste(self, event: events.Paste) -> None:
        event.text = printable(event.text.replace("\r\n", "\n").replace("\r", "\n"))

    def _may_answer(self) -> bool:
        """Whether a letter can be an answer: a question has stood long enough to be read, and nobody is typing."""
        now = self._clock()
        return self.asked_at is not None and now - self.asked_at >= GUARD and now - self._typed_at >= GUARD

    def _answers_now(self, key: str) -> bool:
        """Whether the letter that waits becomes the answer by this key: by enter; with any other it begins a word."""
        timer, self._answer = self._answer, None
        if timer is not None:
            timer.stop()
        if key != "enter":
            return False
        self._settle()
        return True

    def _settle(self) -> None:
        """The letter stood alone: it is the answer, if there is still a question."""
        self._answer = None
        letter, asked = self.text, self.asked_at is not None
        if asked and letter in ("y", "n"):
            self.put("")
            self.post_message(self.Answered(yes=letter == "y"))

    @staticmethod
    def _take(event: events.Key) -> None:
        event.stop()
        event.prevent_default()

    def _recall(self, key: str) -> bool:
        """Walk through what was sent: only from an empty input, or where it still shows an earlier line."""
        browsing = self._at < len(self._sent) and self.text == self._sent[self._at]
        if not self._sent or (self.text and not browsing):
            return False
        step = -1 if key == "up" else 1
        at = max(0, min(len(self._sent), self._at + step))
        if at == self._at and key == "up":
            return True
        self._at = at
        self.put(self._sent[at] if at < len(self._sent) else "")
        return True
