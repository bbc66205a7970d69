"""The debugger's prompt without a terminal: commands come line by line, plain text goes out, as in a transcript."""

from __future__ import annotations

from cwm_agent.core.debugger import looking
from cwm_agent.repl import debugger_text as text
from cwm_agent.repl.debugger_desk import Desk, Said
from cwm_agent.repl.stdin import Stdin, say
from cwm_agent.text import printable_line
from cwm_agent.views.spans import plain


class Lines:
    """Reads commands from standard input and prints what is said to them.

    Each command is repeated after its prompt, except where a terminal shows what is typed.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._stdin = Stdin()

    async def read(self) -> str:
        """The next line; EOFError at the end."""
        status = looking.status(self._desk.debugger)
        said = text.speaker(status.speakers, edited=status.edited)
        if self._stdin.typed:
            say(printable_line(f"({said}) "), end="")
        line = (await self._stdin.line()).strip()
        if line and not self._stdin.typed:
            say(printable_line(f"({said}) {line}"))
        return line

    def write(self, said: Said) -> None:
        """Print lines without colours."""
        for line in said:
            say(printable_line(plain(line).rstrip()))
