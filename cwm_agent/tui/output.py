"""What the screen is written to: it may be gone, and it may be slow.

A window that was closed, a connection that broke: what is written then is dropped. A connection that takes its time
gets no line that it has, and no frame while one before it is on its way.
"""

from __future__ import annotations

import contextlib
import sys
from typing import IO, Any, ClassVar

from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.message import Message

from cwm_agent.tui.sparing import Sparing

SETTLED = 0.2
"""Seconds after a change of size in which a frame of the old size may still have been on its way."""


class Lasting:
    """A file that takes what is written even when nobody is there to read it any more.

    Textual writes in a thread, through a queue of limited length. An error would end the thread, and then the program
    would wait for room in the queue forever, with its sandbox open.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> None:
        """Write, or drop it."""
        with contextlib.suppress(OSError, ValueError):
            self._file.write(text)

    def flush(self) -> None:
        """Hand it to the terminal, or drop it."""
        with contextlib.suppress(OSError, ValueError):
            self._file.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _terminal(file: IO[str]) -> IO[str]:
    """The file itself, or standard output, where that alone is the terminal: `cwm-agent 2> log` shows its screen."""
    out = sys.__stdout__
    return out if out is not None and out.isatty() and not file.isatty() else file


def lasting(driver: type[Driver]) -> type[Driver]:
    """The same driver, which outlives its terminal, and sends it nothing that it shows already."""

    class Outliving(driver):  # type: ignore[misc, valid-type] # which driver is known when the program runs
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._sparing = Sparing()
            file = getattr(self, "_file", None)
            if file is not None:
                self._file = Lasting(_terminal(file))

        def write(self, data: str) -> None:
            needed = self._sparing.needed(data)
            if needed:
                super().write(needed)

        def process_message(self, message: Message) -> None:
            if isinstance(message, events.AppFocus):
                self.forget()  # the user is back: what was written over it meanwhile is painted over
            super().process_message(message)

        def forget(self) -> None:
            """The terminal may show anything."""
            self._sparing.forget()

        @property
        def is_behind(self) -> bool:
            """Whether the terminal has yet to take what was written before."""
            queue = getattr(getattr(self, "_writer_thread", None), "_queue", None)
            return queue is not None and not queue.empty()

    return Outliving


class PaintingApp(App[None]):
    """An application that spares its terminal: `is_behind` says when a frame would only wait. ^L paints all anew."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+l", "repaint", "Paint anew", priority=True, show=False)]

    def get_driver_class(self) -> type[Driver]:
        """Textual's, but it outlives its terminal: the session must be closed all the same."""
        return lasting(super().get_driver_class())

    @property
    def is_behind(self) -> bool:
        """Whether the terminal has yet to take what was written before."""
        return getattr(self._driver, "is_behind", False)

    def on_resize(self) -> None:
        """Another size: nothing that stood there can be relied on."""
        self._forget()
        self.set_timer(SETTLED, self.action_repaint)

    def action_repaint(self) -> None:
        """Paint the whole screen, whatever the terminal is thought to show."""
        self._forget()
        self.screen.refresh()

    def _forget(self) -> None:
        forget = getattr(self._driver, "forget", None)
        if forget is not None:
            forget()
