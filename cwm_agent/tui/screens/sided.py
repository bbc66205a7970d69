"""A screen with the panel at its side: when it stands there, and what is asked of its tabs."""

from __future__ import annotations

from textual import events, on

from cwm_agent.tui.picture import Picture
from cwm_agent.tui.screens.live import Hint, OpensSource, PacedScreen, Wants
from cwm_agent.tui.trace_call import wanted
from cwm_agent.tui.widgets.panel import Panel, Tab
from cwm_agent.tui.widgets.prompt import Prompt

WIDE = 100


class SidedScreen(PacedScreen):
    """Shows and hides the panel; below WIDE columns it takes the conversation's place."""

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self.picture = picture
        self._wants_panel = True

    def hint(self, words: str, style: str = "$warn") -> None:
        """Say one line where the keys stand, until the next key."""
        raise NotImplementedError

    def on_resize(self, event: events.Resize) -> None:
        """Below a hundred columns the panel takes the conversation's place instead of standing beside it."""
        narrow = event.size.width < WIDE
        if narrow != self.has_class("-narrow"):
            self.set_class(narrow, "-narrow")
            self._wants_panel = not narrow
        self.place_panel()

    def place_panel(self) -> None:
        """Beside the conversation, the panel stands once there is something in it."""
        picture = self.picture
        narrow = self.has_class("-narrow")
        filled = bool(picture.board or picture.shell or picture.checkpoints or picture.traces)
        show = self._wants_panel and (narrow or filled)
        panel = self.query_one(Panel)
        if panel.display != show:
            panel.display = show
            self.set_class(show, "-panel")
            self.call_after_refresh(panel.refresh_rows)

    def show_tab(self, tab: Tab) -> None:
        """Open a tab of the panel, and the panel with it."""
        self._wants_panel = True
        panel = self.query_one(Panel)
        panel.display = True
        self.add_class("-panel")
        if not (panel.pinned and panel.tab == tab):
            panel.choose(tab)
        self.call_after_refresh(panel.refresh_rows)

    def action_panel(self) -> None:
        """Show or hide the panel."""
        panel = self.query_one(Panel)
        if panel.display:
            self._wants_panel = False
            self.place_panel()
            self.query_one(Prompt).focus()
        else:
            self.show_tab(panel.tab) if panel.pinned else self._unhide(panel)

    def _unhide(self, panel: Panel) -> None:
        self._wants_panel = True
        panel.display = True
        self.add_class("-panel")
        self.call_after_refresh(panel.refresh_rows)

    def trace(self, argument: str) -> None:
        """Trace a call, or step through what was traced."""
        wish = wanted(self.picture, argument) if argument else None
        if isinstance(wish, str):
            self.hint(wish)
        elif wish is not None:
            self.post_message(Wants(wish))
        else:
            self.show_tab("trace")
            self.call_after_refresh(self.query_one(Panel).focus_rows)

    @on(OpensSource)
    def _source(self, event: OpensSource) -> None:
        from cwm_agent.tui.screens.source import SourceScreen

        self.app.push_screen(SourceScreen(event.loupe))

    @on(Hint)
    def _told(self, event: Hint) -> None:
        self.hint(event.words)
