"""What the screen is written to, which may be gone: a window that was closed, a connection that broke."""

from __future__ import annotations

import contextlib
from typing import IO, Any

from textual.driver import Driver


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


def lasting(driver: type[Driver]) -> type[Driver]:
    """The same driver, which outlives its terminal."""

    class Outliving(driver):  # type: ignore[misc, valid-type] # which driver is known when the program runs
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            file = getattr(self, "_file", None)
            if file is not None:
                self._file = Lasting(file)

    return Outliving
