"""What screens over a session have in common: they hear that the picture changed, and say what the user wants."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer

from cwm_agent.events import UserCommand

if TYPE_CHECKING:
    from cwm_agent.tui.loupe import Loupe


FRAME = 1 / 20
SHARE = 4
"""A repaint may have one part in so many of the time: the rest is for keys and for what comes in."""


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


class PacedScreen(LiveScreen):
    """A live screen that is painted a few times a second at most, however much happens."""

    def __init__(self) -> None:
        super().__init__()
        self._timer: Timer | None = None
        self._spent = 0.0

    def changed(self) -> None:
        """The picture changed: repaint soon, at most twenty times a second, and less often where that takes long."""
        if self._timer is None and self.is_mounted:
            self._timer = self.set_timer(max(FRAME, self._spent * (SHARE - 1)), self._due)

    def _due(self) -> None:
        """Repaint, unless the terminal is still busy with what it got: then later, with all that came meanwhile."""
        if getattr(self.app, "is_behind", False):
            self._timer = self.set_timer(FRAME, self._due)
        else:
            self.repaint()

    def repaint(self) -> None:
        """Bring every widget up to the picture, now."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        began = time.thread_time()
        self.paint()
        self._spent = time.thread_time() - began

    def paint(self) -> None:
        """What a screen does to show the picture as it is."""
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
