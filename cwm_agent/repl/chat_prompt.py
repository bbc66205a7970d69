"""Where the user types in line mode: a prompt on a terminal, or plain lines for a pipe and a screen reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol

from cwm_agent.commands import completions
from cwm_agent.repl.stdin import Stdin, say
from cwm_agent.text import printable


class Prompt(Protocol):
    """Reads lines and writes text between the session's own."""

    @property
    def scripted(self) -> bool:
        """Whether the lines come from a script, each to be done before the next is read."""
        ...

    @property
    def signals(self) -> bool:
        """Whether Ctrl-C comes as a signal, and not as KeyboardInterrupt from `read`."""
        ...

    async def read(self, lead: Callable[[], str]) -> str:
        """The next line, asked for with `lead`; EOFError at the end."""
        ...

    def write(self, text: str) -> None:
        """Say something."""
        ...

    def put(self, text: str) -> None:
        """Let the next line begin with it, where a line can be edited."""
        ...

    def shown(self) -> AbstractContextManager[None]:
        """While this holds, what is printed stands above the prompt."""
        ...


class Plain:
    """Lines of standard input, and nothing on the output that moves the cursor or has a colour."""

    def __init__(self) -> None:
        self._stdin = Stdin()

    signals = True

    @property
    def scripted(self) -> bool:
        """A line typed at a terminal may come at any time."""
        return not self._stdin.typed

    async def read(self, lead: Callable[[], str]) -> str:
        """The next line; one that is not typed is repeated."""
        if self._stdin.typed:
            say(f"{lead()} > ", end="")
            return await self._stdin.line()
        line = await self._stdin.line()
        say(f"{lead()} > {printable(line)}")
        return line

    def write(self, text: str) -> None:
        """Print it."""
        say(printable(text))

    def put(self, text: str) -> None:
        """No line can be edited here."""

    def shown(self) -> AbstractContextManager[None]:
        """There is no prompt to stand above."""
        return nullcontext()


def at_terminal(files: Callable[[], Sequence[str]], history_file: Path | None) -> Prompt:
    """The prompt of a terminal, with history and completion; `files` are offered behind an `@`."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
    from prompt_toolkit.formatted_text import FormattedText
    from prompt_toolkit.patch_stdout import patch_stdout

    from cwm_agent.repl.chat_words import Words
    from cwm_agent.repl.debugger_screen import history

    session: PromptSession[str] = PromptSession(
        history=history(history_file),
        completer=Words(completions, files),
        complete_while_typing=True,
        complete_in_thread=True,
        auto_suggest=AutoSuggestFromHistory(),
        enable_open_in_editor=True,
        reserve_space_for_menu=4,
    )
    session.app.renderer.cpr_not_supported_callback = None  # such a terminal only lacks the menu's space

    class Terminal:
        scripted = signals = False
        _begun = ""

        async def read(self, lead: Callable[[], str]) -> str:
            begun, self._begun = self._begun, ""
            return await session.prompt_async(lambda: FormattedText([("bold", lead()), ("", " › ")]), default=begun)

        def put(self, text: str) -> None:
            self._begun = printable(text)

        def write(self, text: str) -> None:
            print(printable(text), flush=True)

        def shown(self) -> AbstractContextManager[None]:
            return patch_stdout(raw=True)

    return Terminal()
