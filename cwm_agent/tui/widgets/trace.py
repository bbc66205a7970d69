"""The Trace tab: what is traced, its frames, the state at the frame in view, and a line for what is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Region, Size
from textual.message import Message
from textual.selection import Selection
from textual.widgets import Input

from cwm_agent.core.debugger import moves
from cwm_agent.core.debugger.cursor import Cursor
from cwm_agent.events import PinTrace
from cwm_agent.text import printable_line
from cwm_agent.tui import what_if
from cwm_agent.tui.loupe import Loupe, Move
from cwm_agent.tui.picture import Picture
from cwm_agent.tui.render import trace
from cwm_agent.tui.render.rows import Row
from cwm_agent.tui.screens.live import Hint, OpensSource, Wants
from cwm_agent.tui.widgets.lines import Lines


class Frames(Lines):
    """The rows of the frames. A row is made when it is painted, so that a long trace opens at once."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h,up,k", "step(-1)", "One frame back", show=False),
        Binding("right,l,down,j", "step(1)", "One frame on", show=False),
        Binding("shift+right,o", "over", "Over calls", show=False),
        Binding("shift+left,O", "back_over", "Back over calls", show=False),
        Binding("u", "out", "Out of the call", show=False),
        Binding("pageup", "step(-20)", "Twenty back", show=False),
        Binding("pagedown", "step(20)", "Twenty on", show=False),
        Binding("home", "step(-1000000)", "First frame", show=False),
        Binding("end", "step(1000000)", "Last frame", show=False),
        Binding("d", "divergence", "First divergence", show=False),
        Binding("comma,less_than_sign", "turn(-1)", "Earlier trace", show=False),
        Binding("full_stop,greater_than_sign", "turn(1)", "Later trace", show=False),
        Binding("slash", "ask('search')", "Search", show=False),
        Binding("n", "again", "Next match", show=False),
        Binding("e", "ask('edit')", "What if", show=False),
        Binding("t", "pin", "Pin as a test", show=False),
        Binding("enter", "source", "Source", show=False),
    ]

    class Asked(Message):
        """A key that the tab answers."""

        def __init__(self, what: Literal["search", "again", "edit", "source", "divergence", "pin"]) -> None:
            super().__init__()
            self.what = what

    class Moved(Message):
        """Another frame is in view."""

    def __init__(self, loupe: Loupe) -> None:
        super().__init__()
        self._loupe = loupe
        self._made: dict[int, Row] = {}
        self._key = (-1, -1, -1)

    def update(self, *, follow: bool = False) -> None:
        """The loupe shows something else: forget the rows that were made."""
        del follow
        width = self.row_width
        if not width:
            return
        self._laid_width = width
        self._loupe.fit(width)
        key = (self._loupe.edition, self._loupe.number, width)
        if key != self._key:
            self._key = key
            self._made.clear()
            self.virtual_size = Size(width, len(self._loupe.places))
            self.refresh()

    def row_at(self, y: int) -> Row | None:
        """The row at a line, made now."""
        if not 0 <= y < len(self._loupe.places):
            return None
        if y not in self._made:
            self._made[y] = trace.row(self._loupe, self._loupe.places[y], self.row_width, here=y == self._loupe.row)
        return self._made[y]

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text."""
        rows = (self.row_at(y) for y in range(len(self._loupe.places)))
        return selection.extract("\n".join(row.content.plain.rstrip() for row in rows if row is not None)), "\n"

    def reveal(self) -> None:
        """Bring the cursor into view, with what its line did."""
        self.scroll_to_region(Region(0, max(0, self._loupe.row - 2), 1, 6), animate=False, immediate=True)

    def action_step(self, step: int) -> None:
        """Go through the frames."""
        self._loupe.move(step)
        self.post_message(self.Moved())

    async def action_over(self) -> None:
        """To the next frame of the running call."""
        await self._walk(moves.step_over)

    async def action_back_over(self) -> None:
        """To the frame before in the running call."""

        async def back(cursor: Cursor) -> None:
            moves.back_over(cursor)

        await self._walk(back)

    async def action_out(self) -> None:
        """To where the caller goes on."""
        await self._walk(moves.out)

    async def _walk(self, move: Move) -> None:
        await self._loupe.walk(move)
        self.post_message(self.Moved())

    def action_turn(self, step: int) -> None:
        """Show another trace of the session."""
        self._loupe.turn(step)
        self.post_message(self.Moved())

    def action_divergence(self) -> None:
        """Go to where the two first differ."""
        self.post_message(self.Asked("divergence"))

    def action_ask(self, what: Literal["search", "edit"]) -> None:
        """Ask for words or for a value."""
        self.post_message(self.Asked(what))

    def action_again(self) -> None:
        """The next place with the same words."""
        self.post_message(self.Asked("again"))

    def action_pin(self) -> None:
        """The call becomes a test."""
        self.post_message(self.Asked("pin"))

    def action_source(self) -> None:
        """The text of the file around."""
        self.post_message(self.Asked("source"))

    def on_click(self, event: events.Click) -> None:
        """A click goes to a frame."""
        offset = event.get_content_offset(self)
        if offset is not None and self.text_selection is None:
            self._loupe.stand_on(offset.y + self.scroll_offset.y)
            self.post_message(self.Moved())


class _Still(Lines, can_focus=False):
    """Rows that stand, as many as there are."""

    DEFAULT_CSS = "_Still { height: auto; }"

    def __init__(self, rows: Callable[[int], list[Row]]) -> None:
        super().__init__()
        self._make = rows

    def update(self, *, follow: bool = False) -> None:
        """As many lines as rows."""
        del follow
        width = self.row_width
        if width:
            self._laid_width = width
            self._rows = self._make(width)
            self.styles.height = len(self._rows)
            self.virtual_size = Size(width, len(self._rows))
            self.refresh()


class AskLine(Input):
    """One line at the foot of the tab, there only while something is asked."""

    DEFAULT_CSS = """
    AskLine {
        display: none; border: none; border-top: solid $lead; height: 2; padding: 0 1; background: $background;
        &.-open { display: block; }
        &:focus { border: none; border-top: solid $lead; }
    }
    """

    class Answered(Message):
        """What was asked for, or None where it was given up."""

        def __init__(self, what: str, text: str | None) -> None:
            super().__init__()
            self.what = what
            self.text = text

    def __init__(self) -> None:
        super().__init__()
        self.cursor_blink = False
        self._what = ""

    def open(self, what: str, placeholder: str, text: str = "") -> None:
        """Ask."""
        self._what, self.placeholder, self.value = what, placeholder, text
        self.cursor_position = len(text)
        self.add_class("-open")
        self.focus()

    async def _on_key(self, event: events.Key) -> None:
        if event.key in ("enter", "escape"):
            event.stop()
            event.prevent_default()
            self.remove_class("-open")
            self.post_message(self.Answered(self._what, self.value.strip() if event.key == "enter" else None))

    def _on_paste(self, event: events.Paste) -> None:
        event.text = printable_line(event.text)


class TraceTab(Vertical):
    """All of it, over one picture."""

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self.loupe = Loupe(picture)
        self._picture = picture
        self._words = ""
        self._head = _Still(lambda width: trace.head(self.loupe, width))
        self._frames = Frames(self.loupe)
        self._state = _Still(lambda width: trace.state(self.loupe, width))
        self._ask = AskLine()

    def compose(self) -> ComposeResult:
        """Title, frames, state."""
        yield self._head
        yield self._frames
        yield self._state
        yield self._ask

    def refresh_rows(self) -> None:
        """The picture may have changed."""
        if self.loupe.refresh() or not self._head.virtual_size.height:
            self._show()

    def _show(self) -> None:
        for each in (self._head, self._state, self._frames):
            each.update()

    def focus_frames(self) -> None:
        """The keys go to the frames."""
        self._frames.focus()

    @on(Frames.Moved)
    def _moved(self) -> None:
        self._show()
        self.call_after_refresh(self._frames.reveal)

    @on(Frames.Asked)
    def _asked(self, event: Frames.Asked) -> None:
        match event.what:
            case "divergence" if not self.loupe.to_divergence():
                self.post_message(Hint("There is no divergence: nothing differs, or only one world traced it."))
            case "divergence":
                self._moved()
            case "search":
                self._ask.open("search", "source, name or value; enter goes to the next one, n to the one after")
            case "again":
                self._search(self._words)
            case "edit":
                self._edit()
            case "pin":
                self._pin()
            case "source":
                if self.loupe.place is not None:
                    self.post_message(OpensSource(self.loupe))

    def _pin(self) -> None:
        """Have the call written as a test; what comes of it stands in the conversation."""
        if self.loupe.traced is not None:
            when = "It is pinned when the agent is done" if self._picture.working else "It is being pinned"
            self.post_message(Hint(f"{when}. The conversation says what came of it."))
            self.post_message(Wants(PinTrace(self.loupe.traced.number)))

    def _edit(self) -> None:
        """Ask for another value of a local of the frame in view."""
        found = what_if.offered(self.loupe)
        if not self._picture.has_world_model:
            self.post_message(Hint("There is no world model to imagine it. Name one: --model-url URL"))
        elif found is None:
            self.post_message(Hint("This frame has no locals to change: step to a call or a line."))
        else:
            self._ask.open("edit", "name = value; enter imagines on from here", found)

    @on(AskLine.Answered)
    def _answered(self, event: AskLine.Answered) -> None:
        self._frames.focus()
        if event.text and event.what == "search":
            self._words = event.text
            self._search(event.text)
        elif event.text and event.what == "edit":
            wish = what_if.read(self.loupe, event.text)
            self.post_message(Hint(wish) if isinstance(wish, str) else Wants(wish))

    def _search(self, words: str) -> None:
        if words and self.loupe.search(words):
            self._moved()
        elif words:
            self.post_message(Hint(f"Nothing in this trace has {printable_line(words)}."))
