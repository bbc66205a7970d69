"""Completion in line mode: slash commands and their arguments, and files behind an `@`, by some of their letters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, FuzzyWordCompleter
from prompt_toolkit.document import Document

_MENTION = re.compile(r"(?:^|\s)@(\S*)$")
_MOST = 50


class Words(Completer):
    """`commands` gives what a line that begins with a slash could become, `files` the repository's files."""

    def __init__(
        self, commands: Callable[[str], tuple[tuple[str, str], ...]], files: Callable[[], Sequence[str]]
    ) -> None:
        self._commands = commands
        self._files = files

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """What could stand at the cursor."""
        before = document.text_before_cursor
        if before.startswith("/"):
            for word, does in self._commands(before):
                yield Completion(word, -len(before), display_meta=does)
            return
        mention = _MENTION.search(before)
        if mention is None:
            return
        typed = Document(mention[1])
        fuzzy = FuzzyWordCompleter(list(self._files()), WORD=True)
        for number, found in enumerate(fuzzy.get_completions(typed, complete_event)):
            if number == _MOST:
                return
            yield found
