"""The list above the input: what a half-typed command could become."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from cwm_agent.tui.render.rows import clip, join, line, ours

ROWS = 8


class Completions(Widget):
    """At most eight choices, one of them picked; not shown while there are none."""

    DEFAULT_CSS = """
    Completions { height: auto; max-height: 8; background: $raised; display: none; padding: 0 1; }
    Completions.-some { display: block; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 -- Textual's word
        super().__init__(id=id)
        self._choices: tuple[tuple[str, str], ...] = ()
        self._picked = 0

    def offer(self, choices: tuple[tuple[str, str], ...]) -> None:
        """Show other choices."""
        if choices != self._choices:
            self._choices, self._picked = choices, 0
            self.set_class(bool(choices), "-some")
            self.refresh(layout=True)

    @property
    def picked(self) -> str | None:
        """The choice that tab would take."""
        return self._choices[self._picked][0] if self._choices else None

    def move(self, step: int) -> None:
        """Pick another one."""
        if self._choices:
            self._picked = (self._picked + step) % len(self._choices)
            self.refresh()

    def render(self) -> Content:
        """The choices around the picked one."""
        top = max(0, min(self._picked - ROWS + 1, len(self._choices) - ROWS))
        lines = []
        for number, (word, does) in enumerate(self._choices[top : top + ROWS], top):
            picked = number == self._picked
            lead = ours("› " if picked else "  ", "$lead")
            entry = join(lead, line(f"{word:<12}", "bold $lead" if picked else ""), line(does, "$quiet"))
            lines.append(clip(entry, self.size.width))
        return Content("\n").join(lines)
