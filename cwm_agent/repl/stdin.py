"""Standard input line by line, read so that a waiting thread never keeps the program from ending."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable

_CHUNK = 1 << 16


class Stdin:
    """`line` gives the next line without its end, and raises EOFError at the end of the input."""

    def __init__(self) -> None:
        self._read = _reader()
        self.typed = sys.stdin is not None and sys.stdin.isatty()

    async def line(self) -> str:
        """Wait for it in a thread that does not keep the program from ending."""
        found = await _in_thread(self._read)
        if not found:
            raise EOFError
        return found.rstrip("\r\n")


def say(line: str, end: str = "\n") -> None:
    """Print, with escapes where standard output cannot spell a character."""
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
