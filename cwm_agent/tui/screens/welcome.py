"""The first time: what the signs mean, whether everything is here, and the way to a demo."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from cwm_agent.tui.render.rows import Row, blank, ours, text, wrapped
from cwm_agent.tui.screens.dialog import Dialog
from cwm_agent.tui.widgets.lines import Lines

Examine = Callable[[], Awaitable[Sequence[str]]]
"""What `doctor` says, line by line."""
_STYLES = {"✓": "$good", "!": "$warn", "✗": "$bad"}


class _Page(Lines):
    def __init__(self) -> None:
        super().__init__()
        self.can_focus = False
        self.findings: Sequence[str] | None = None

    def lay_out(self, width: int) -> list[Row]:
        """Three lines to know, and what was found."""
        know = (
            ("◆ ", "$real", "ran: it happened, in a sandbox that holds a copy of your repository."),
            ("◇ ", "$imagined", "imagined: a world model's guess, scored as soon as the fact is known."),
            ("✎ ", "$lead", "edited: in the copy. Your files change when you accept hunks in the review, ^R."),
        )
        rows = [row for sign, style, words in know for row in wrapped(ours(words), width, ours(sign, style))]
        return [*rows, blank(), *self._found(width)]

    def _found(self, width: int) -> list[Row]:
        if self.findings is None:
            return [Row(ours("Looking at what is here …", "$quiet"))]
        rows: list[Row] = []
        for finding in self.findings:
            mark = ours(f"{finding[:1]} ", _STYLES.get(finding[:1], "$quiet"))
            rows += wrapped(text(finding[1:].strip(), "$quiet"), width, mark)
        return rows


class WelcomeScreen(Dialog[Literal["demo"] | None]):
    """Read it, or leave it at once; the result says whether the user wants to see the demo first."""

    AUTO_FOCUS = ""
    heading = "Welcome"
    KEYS = (("Enter", "begin"), ("d", "see a demo first, on a sample repository"))
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,escape,space", "dismiss", show=False),
        Binding("d", "demo", show=False),
    ]

    def __init__(self, examine: Examine) -> None:
        super().__init__()
        self._examine = examine
        self._page = _Page()

    def body(self) -> ComposeResult:
        """The page."""
        yield self._page

    def on_mount(self) -> None:
        """Look around while the user reads."""
        super().on_mount()
        self.run_worker(self._look(), group="doctor")

    async def _look(self) -> None:
        self._page.findings = await self._examine()
        self._page.update()
        self._page.refresh(layout=True)

    def action_demo(self) -> None:
        """Leave for the demo."""
        self.dismiss("demo")
