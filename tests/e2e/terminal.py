"""A user in front of a terminal: starts the real program in a pseudo-terminal, types, and reads the screen."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pexpect
import pyte

KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "space": " ",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "left": "\x1b[D",
    "right": "\x1b[C",
    "f1": "\x1bOP",
    "backspace": "\x7f",
}


class Terminal:
    """One program in one terminal. Leaving the context kills it."""

    def __init__(
        self, command: Sequence[str], environment: dict[str, str], folder: Path, *, columns: int = 100, rows: int = 30
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.process = pexpect.spawn(
            command[0],
            list(command[1:]),
            env={**environment, "COLUMNS": "", "LINES": ""},  # type: ignore[arg-type]
            cwd=str(folder),
            dimensions=(rows, columns),
            timeout=5,
        )
        self.raw = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.isalive():
            self.process.kill(signal.SIGKILL)
        self.process.close(force=True)

    def read(self, seconds: float = 0.05) -> None:
        """Take in what the program has painted."""
        try:
            chunk = self.process.read_nonblocking(1 << 16, timeout=seconds)
        except (pexpect.TIMEOUT, pexpect.EOF):
            return
        self.raw += chunk
        # pyte does not know these private modes and prints their letters.
        self._stream.feed(re.sub(rb"\x1b\[[<>=?][0-9;]*[umpq$]+|\x1bP.*?\x1b\\", b"", chunk))

    @property
    def text(self) -> str:
        """What is on the screen now, trailing blanks cut."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def wait_for(self, pattern: str, seconds: float = 60.0) -> re.Match[str]:
        """Read until the screen shows the pattern; fails with the screen otherwise."""
        deadline = time.monotonic() + seconds
        while True:
            if re.search(pattern, self.text):
                self.read(0.05)  # what was read may have been half a frame
                if found := re.search(pattern, self.text):
                    return found
            if time.monotonic() > deadline or (not self.process.isalive() and not self._drain()):
                raise AssertionError(f"{pattern!r} did not appear. The screen:\n{self.text}")
            self.read()

    def _drain(self) -> bool:
        before = len(self.raw)
        self.read()
        return len(self.raw) > before

    def press(self, *keys: str) -> None:
        """Press keys: a name of KEYS, `ctrl+x`, or characters to type."""
        for key in keys:
            if key.startswith("ctrl+"):
                self.process.send(chr(ord(key[-1].lower()) - ord("a") + 1))
            else:
                self.process.send(KEYS.get(key, key))
            self.read(0.15)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window."""
        self.screen.resize(rows, columns)
        self.process.setwinsize(rows, columns)
        self.read(0.3)

    def wait_for_exit(self, seconds: float = 20.0) -> int | None:
        """The exit code, or None for a signal."""
        deadline = time.monotonic() + seconds
        while self.process.isalive():
            if time.monotonic() > deadline:
                raise AssertionError(f"The program did not end. The screen:\n{self.text}")
            self.read()
        self._drain()
        self.process.close()
        return self.process.exitstatus
