"""What the input could become: slash commands, and the repository's files behind an `@`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from textual.screen import Screen

from cwm_agent.commands import completions
from cwm_agent.tui.mentions import matching, mention
from cwm_agent.tui.widgets.completions import Completions
from cwm_agent.tui.widgets.prompt import Prompt


class Offers:
    """Completes the input of a screen. `files` lists the repository, which is done once, when a file is first named."""

    def __init__(self, screen: Screen[None], files: Callable[[], Sequence[str]]) -> None:
        self._screen = screen
        self._list_files = files
        self._files: Sequence[str] | None = None

    def complete(self) -> None:
        """Offer what fits what was typed."""
        prompt = self._prompt
        typed = mention(prompt.before)
        choices = completions(prompt.text)
        if not choices and typed is not None:
            if self._files is None:
                self._screen.run_worker(self._look_for_files(), group="files", exclusive=True)
            choices = tuple(each for each in matching(self._files or (), typed) if each[0] != f"@{typed}")
        self._offer(choices)

    def take(self) -> bool:
        """Put the picked completion in the place of what was typed of it; False where there is none."""
        prompt, picked = self._prompt, self._screen.query_one(Completions).picked
        typed = mention(prompt.before)
        if not picked:
            return False
        if picked.startswith("@") and typed is not None:
            prompt.replace_before(len(typed) + 1, picked + " ")
        else:
            prompt.put(picked + " ")
        return True

    def close(self) -> None:
        """Offer nothing until something else is typed."""
        self._offer(())

    async def _look_for_files(self) -> None:
        self._files = await asyncio.to_thread(self._list_files)
        self.complete()

    def _offer(self, choices: tuple[tuple[str, str], ...]) -> None:
        self._screen.query_one(Completions).offer(choices)
        self._prompt.completing = bool(choices)

    @property
    def _prompt(self) -> Prompt:
        return self._screen.query_one(Prompt)
