"""A question of the program's own, which keys pressed by accident do not answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from cwm_agent.tui.render.rows import Row, text, wrapped
from cwm_agent.tui.screens.dialog import Dialog
from cwm_agent.tui.widgets.lines import Lines

GUARD = 0.5


class _Words(Lines):
    def __init__(self, words: str) -> None:
        super().__init__()
        self.can_focus = False
        self._words = words

    def lay_out(self, width: int) -> list[Row]:
        """The question."""
        return wrapped(text(self._words), width)


class ConfirmScreen(Dialog[bool]):
    """Yes or no; nothing counts in the first half second."""

    heading = "Leave?"
    KEYS = (("y", "leave"), ("n", "stay"))
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", show=False),
        Binding("n,escape", "answer(False)", show=False),
        Binding("ctrl+q", "answer(True)", show=False, priority=True),
    ]

    def __init__(self, words: str, clock: Callable[[], float]) -> None:
        super().__init__()
        self._words = words
        self._clock = clock
        self._since = clock()

    def body(self) -> ComposeResult:
        """The question."""
        yield _Words(self._words)

    def action_answer(self, yes: bool) -> None:  # noqa: FBT001 -- the argument of a key binding
        """Take the answer, if it can have been meant."""
        if self._clock() - self._since >= GUARD:
            self.dismiss(yes)
