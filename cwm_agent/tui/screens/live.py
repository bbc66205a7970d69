"""What screens over a session have in common: they hear that the picture changed, and say what the user wants."""

from __future__ import annotations

from textual.message import Message
from textual.screen import Screen

from cwm_agent.events import UserCommand


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
