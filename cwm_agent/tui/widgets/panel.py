"""The panel at the side: trace, tests, diff and shell, one at a time, following what happens unless it is pinned."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from cwm_agent.tui.picture import Picture
from cwm_agent.tui.render import board, foot
from cwm_agent.tui.render.rows import Row, join, ours
from cwm_agent.tui.widgets.lines import Lines

if TYPE_CHECKING:
    from cwm_agent.tui.widgets.trace import TraceTab
    from cwm_agent.workspace.review import Review

Tab = Literal["trace", "tests", "diff", "shell"]
SHOWN = 400
"""Commands of the shell that may still be in view."""
TABS: tuple[Tab, ...] = ("trace", "tests", "diff", "shell")


class TabBar(Widget):
    """The names of the tabs; a click opens one."""

    DEFAULT_CSS = """
    TabBar { height: 1; background: $background; }
    """

    def __init__(self, choose: Callable[[Tab], None]) -> None:
        super().__init__()
        self._choose = choose
        self._tab: Tab = "diff"
        self._pinned = False

    def show_tab(self, tab: Tab, *, pinned: bool) -> None:
        """Mark the open tab."""
        if (tab, pinned) != (self._tab, self._pinned):
            self._tab, self._pinned = tab, pinned
            self.refresh()

    def render(self) -> Content:
        """The names, the open one bold."""
        names = []
        for tab in TABS:
            style = "bold underline" if tab == self._tab else "$quiet"
            names += [ours(" "), ours(tab.capitalize(), style), ours(" ")]
        return join(*names, ours(" pinned" if self._pinned else "", "$faint"))

    def on_click(self, event: events.Click) -> None:
        """Open the tab under the mouse."""
        at = 0
        for tab in TABS:
            at += len(tab) + 2
            if event.x < at:
                self._choose(tab)
                return


class _View(Lines):
    """The rows of the open tab."""

    def __init__(self, rows: Callable[[int], list[Row]]) -> None:
        super().__init__()
        self._make = rows

    def lay_out(self, width: int) -> list[Row]:
        """What the panel wants shown."""
        return self._make(width)


class Panel(Vertical):
    """Four tabs over one picture. It opens the tab where something happens until the user chooses one."""

    DEFAULT_CSS = """
    Panel { width: 44%; border-left: vkey $line; background: $background; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h,left_square_bracket", "turn(-1)", "Previous tab", show=False),
        Binding("right,l,right_square_bracket", "turn(1)", "Next tab", show=False),
        *(Binding(f"{number}", f"open('{tab}')", f"The tab {tab}", show=False) for number, tab in enumerate(TABS, 1)),
    ]

    def __init__(self, picture: Picture, review: Callable[[], Review | None], *, id: str | None = None) -> None:  # noqa: A002 -- Textual's word
        super().__init__(id=id)
        self.picture = picture
        self._review = review
        self.tab: Tab = "diff"
        self.pinned = False
        self._bar = TabBar(self.choose)
        self._view = _View(self._rows)
        self._trace: TraceTab | None = None
        self._laid: tuple[tuple[object, ...], list[Row]] = ((), [])

    def compose(self) -> ComposeResult:
        """The names above the rows."""
        yield self._bar
        yield self._view

    def choose(self, tab: Tab) -> None:
        """Open a tab and stay there; choosing it again lets the panel follow what happens."""
        self.pinned = not (self.pinned and tab == self.tab)
        self._open(tab)

    def follow(self, tab: Tab) -> None:
        """Something happened in a tab: open it, unless the user chose another."""
        if not self.pinned and tab != self.tab:
            self._open(tab)

    def _open(self, tab: Tab) -> None:
        changed = tab != self.tab
        focused = self.has_focus_within
        self.tab = tab
        self._view.display = tab != "trace"
        if tab == "trace" or self._trace is not None:
            self._trace_tab().display = tab == "trace"
        if changed and focused:
            self.call_after_refresh(self.focus_rows)
        self._bar.show_tab(tab, pinned=self.pinned)
        if changed:
            self._view.scroll_to(y=0, animate=False)
        self.refresh_rows()

    def refresh_rows(self) -> None:
        """The picture changed; hidden panels do nothing."""
        if self.display and self.tab == "trace":
            self._trace_tab().refresh_rows()
        elif self.display:
            self._view.update(follow=self.tab == "shell")
            if self.tab == "shell" and not self._view.scroll_offset.y:
                self._view.scroll_end(animate=False, immediate=True)

    def _trace_tab(self) -> TraceTab:
        """The tab of the traces, made when it is first opened: the first paint does not wait for it."""
        from cwm_agent.tui.widgets.trace import TraceTab

        if self._trace is None:
            self._trace = TraceTab(self.picture)
            self.mount(self._trace)
        return self._trace

    def focus_rows(self) -> None:
        """The keys go to what the open tab shows."""
        if self.tab == "trace":
            self._trace_tab().focus_frames()
        else:
            self._view.focus()

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """The keys of the open tab, while they work."""
        return foot.TRACE if self.tab == "trace" and self.has_focus_within else ()

    def action_open(self, tab: Tab) -> None:
        """Open a tab by its number."""
        if not (self.pinned and tab == self.tab):
            self.choose(tab)

    def action_turn(self, step: int) -> None:
        """Open the neighbouring tab."""
        self.choose(TABS[(TABS.index(self.tab) + step) % len(TABS)])

    def _rows(self, width: int) -> list[Row]:
        """The rows of the open tab; the same ones while nothing changed that it shows."""
        key: tuple[object, ...]
        if self.tab == "tests":
            key = (self.tab, width, len(self.picture.board))
        elif self.tab == "shell":
            shell = self.picture.shell
            key = (self.tab, width, len(shell), sum(acted.version for acted in shell[-SHOWN:]))
        else:
            key = (self.tab, width, self._review())
        if self._laid[0] != key:
            self._laid = (key, self._lay_out(width))
        return self._laid[1]

    def _lay_out(self, width: int) -> list[Row]:
        if self.tab == "tests":
            return board.board(self.picture, width)
        if self.tab == "shell":
            return board.shell(self.picture, width)
        return board.changes(self._review(), width)
