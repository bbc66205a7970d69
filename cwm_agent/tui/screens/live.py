"""What screens over a session have in common: they hear that the picture changed, and say what the user wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message
from textual.screen import Screen

from cwm_agent.events import UserCommand

if TYPE_CHECKING:
    from cwm_agent.tui.loupe import Loupe


class Wants(Message):
    """The user tells the session something."""

    def __init__(self, command: UserCommand) -> None:
        super().__init__()
        self.command = command


class LiveScreen(Screen[None]):
    """A screen that follows the session."""

    def changed(self) -> None:
        """The picture changed."""
        raise NotImplementedError


class Hint(Message):
    """One line for the foot of the screen."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words = words


class OpensSource(Message):
    """Show the file around the frame in view."""

    def __init__(self, loupe: Loupe) -> None:
        super().__init__()
        self.loupe = loupe
