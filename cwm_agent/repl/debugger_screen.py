"""The debugger's prompt on a terminal: editing, history, completion, and a line that says which world speaks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from prompt_toolkit import PromptSession, print_formatted_text
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.styles import Style

from cwm_agent.core.debugger import looking
from cwm_agent.repl import debugger_text as text
from cwm_agent.repl.debugger_commands import COMMANDS
from cwm_agent.repl.debugger_desk import Desk, Said
from cwm_agent.text import printable_line
from cwm_agent.views.paint import TERMINAL
from cwm_agent.views.spans import code_line

_COLORS = {role: "" if color == "dim" else f"ansi{color}" for role, color in TERMINAL.items()}
STYLE = Style.from_dict({"bottom-toolbar": "reverse", **{name: color for name, color in _COLORS.items() if color}})


class Screen:
    """Reads commands from a terminal and prints what is said to them."""

    def __init__(self, desk: Desk, history_file: Path | None) -> None:
        self._desk = desk
        self._session: PromptSession[str] = PromptSession(
            history=history(history_file),
            completer=Words(desk),
            complete_while_typing=False,
            auto_suggest=AutoSuggestFromHistory(),
            bottom_toolbar=self._bar,
            style=STYLE,
        )
        # A terminal that does not tell where its cursor is has no bottom line; that needs no warning.
        self._session.app.renderer.cpr_not_supported_callback = None

    async def read(self) -> str:
        """The next line; EOFError at Ctrl-D, KeyboardInterrupt at Ctrl-C."""
        status = looking.status(self._desk.debugger)
        role = text.role(status.speakers)
        said = text.speaker(status.speakers, edited=status.edited)
        return await self._session.prompt_async(FormattedText([(f"class:{role}", f"({said}) ")]))

    def write(self, said: Said) -> None:
        """Print lines in their colours."""
        for line in said:
            fragments = [(_style(piece.role), printable_line(piece.text)) for piece in line]
            print_formatted_text(FormattedText(fragments), style=STYLE)

    def _bar(self) -> FormattedText:
        status = looking.status(self._desk.debugger)
        said = text.speaker(status.speakers, edited=status.edited)
        return FormattedText([("bold", f" {said} "), ("", f" {text.head(status)} ")])


def _style(role: str) -> str:
    """A role of `views.spans` in prompt-toolkit's words."""
    return " ".join(word if word in ("bold", "italic") else f"class:{word}" for word in role.split())


def history(file: Path | None) -> History:
    """What was typed before, in a file where one can be written."""
    if file is None:
        return InMemoryHistory()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.open("a").close()
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(file))


class Words(Completer):
    """Completes commands, line numbers, functions, locals, breakpoints."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """What could stand at the cursor."""
        del complete_event
        before = document.text_before_cursor.lstrip()
        first, blank, _ = before.partition(" ")
        word = document.get_word_before_cursor()
        if not blank:
            found: Iterable[tuple[str, str]] = [(each.words[0], each.help) for each in COMMANDS.values()]
        else:
            command = COMMANDS.get(first)
            found = self._arguments(command.takes) if command else []
        for name, meaning in dict(found).items():
            if name.startswith(word):
                yield Completion(name, -len(word), display_meta=meaning)

    def _arguments(self, takes: str) -> list[tuple[str, str]]:
        debugger = self._desk.debugger
        points = debugger.breakpoints
        source = debugger.text
        lines = [(str(n), code_line(source.lines[n - 1]).strip()) for n in sorted(source.reachable)]
        match takes:
            case "line":
                return lines
            case "place":
                functions = {code.name: "" for code in source.index.codes if code.name.isidentifier()}
                return [*lines, *functions.items()]
            case "name":
                return [(name, value[:40]) for each in looking.names(debugger) for name, value in each.values.items()]
            case "breakpoint":
                return [(str(each.number), each.place) for each in points.all.values()]
            case "watched":
                return [(each, "") for each in points.watched]
            case "command":
                return [(each.words[0], each.help) for each in COMMANDS.values()]
        return []
