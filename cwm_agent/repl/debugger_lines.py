"""The debugger's prompt without a terminal: commands come line by line, plain text goes out, as in a transcript."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable

from cwm_agent.core.debugger import looking
from cwm_agent.repl import debugger_text as text
from cwm_agent.repl.debugger_desk import Desk, Said
from cwm_agent.text import printable_line
from cwm_agent.views.spans import plain

_CHUNK = 1 << 16


class Lines:
    """Reads commands from standard input and prints what is said to them.

    Each command is repeated after its prompt, except where a terminal shows what is typed.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._read: Callable[[], str] = _reader()
        self._typed = sys.stdin is not None and sys.stdin.isatty()

    async def read(self) -> str:
        """The next line; EOFError at the end."""
        status = looking.status(self._desk.debugger)
        said = text.speaker(status.speakers, edited=status.edited)
        if self._typed:
            self._print(f"({said}) ", end="")
        line = await _in_thread(self._read)
        if not line:
            raise EOFError
        line = line.strip()
        if line and not self._typed:
            self._print(f"({said}) {line}")
        return line

    def write(self, said: Said) -> None:
        """Print lines without colours."""
        for line in said:
            self._print(plain(line).rstrip())

    def _print(self, line: str, end: str = "\n") -> None:
        line = printable_line(line)
        try:
            print(line, end=end, flush=True)
        except UnicodeEncodeError:
            encoding = sys.stdout.encoding or "ascii"
            print(line.encode(encoding, "backslashreplace").decode(encoding), end=end, flush=True)


def _reader() -> Callable[[], str]:
    """Gives the next line of standard input, with its end; empty at the end of the input.

    A file descriptor is read without Python's buffer: a thread that waits in that would hold its lock at exit.
    """
    stream = sys.stdin
    if stream is None:
        return lambda: ""
    try:
        number = stream.fileno()
    except (OSError, ValueError, AttributeError):
        return stream.readline
    held = bytearray()

    def read() -> str:
        while b"\n" not in held:
            chunk = os.read(number, _CHUNK)
            if not chunk:
                held.extend(b"\n" if held else b"")
                break
            held.extend(chunk)
        line, end, rest = bytes(held).partition(b"\n")
        held[:] = rest
        return (line + end).decode("utf-8", "replace")

    return read


async def _in_thread(read: Callable[[], str]) -> str:
    """The line, read in a thread that does not keep the program from ending."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[str] = loop.create_future()

    def give(line: str) -> None:
        if not found.done():
            found.set_result(line)

    def work() -> None:
        try:
            line = read()
        except (OSError, ValueError):
            line = ""
        try:
            loop.call_soon_threadsafe(give, line)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more

    threading.Thread(target=work, name="commands", daemon=True).start()
    return await found
