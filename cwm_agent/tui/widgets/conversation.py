"""The conversation: blocks in the order in which they happened, laid out again only where they changed."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region

from cwm_agent.tui.picture import AnyBlock, Picture
from cwm_agent.tui.render.blocks import can_fold, rows
from cwm_agent.tui.render.growing import Growing
from cwm_agent.tui.render.rows import Row, blank, ours
from cwm_agent.tui.widgets.lines import Lines

WINDOW = 400


class Conversation(Lines):
    """The blocks of a picture. Only the last ones are laid out; scrolling to the top brings earlier ones."""

    DEFAULT_CSS = """
    Conversation {
        padding: 0 0 0 1;
        &:focus { background-tint: $foreground 2%; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "choose(-1)", "Previous item", show=False),
        Binding("down,j", "choose(1)", "Next item", show=False),
        Binding("enter,space", "fold", "Open or close", show=False),
    ]

    def __init__(self, picture: Picture, *, id: str | None = None) -> None:  # noqa: A002 -- Textual's word
        super().__init__(id=id)
        self.picture = picture
        self._window = WINDOW
        self._cache: dict[AnyBlock, tuple[tuple[int, int, bool, bool], list[Row]]] = {}
        self._starts: list[tuple[int, AnyBlock]] = []
        self._chosen: AnyBlock | None = None
        self._last: tuple[AnyBlock | None, Growing] = (None, Growing())

    def lay_out(self, width: int) -> list[Row]:
        """The rows of the window, with no two empty ones in a row."""
        blocks = self.picture.blocks[-self._window :]
        hidden = len(self.picture.blocks) - len(blocks)
        laid = [Row(ours(f"  ⋯ {hidden:,} earlier items: scroll up for more", "$faint"))] if hidden else []
        fresh: dict[AnyBlock, tuple[tuple[int, int, bool, bool], list[Row]]] = {}
        self._starts = []
        for block in blocks:
            key = (block.version, width, block.faded, block.folded)
            entry = self._cache.get(block)
            if entry is None or entry[0] != key:
                entry = (key, rows(block, width - 1, self._growing(block)))
            fresh[block] = entry
            mine = entry[1]
            if laid and mine and not mine[0].content and not laid[-1].content:
                mine = mine[1:]
            self._starts.append((len(laid), block))
            laid += [self._mark(row) for row in mine] if block is self._chosen else mine
        self._cache = fresh
        return laid or [blank()]

    def _growing(self, block: AnyBlock) -> Growing | None:
        """What is known of the last block, the one that may still be written."""
        if block is not self.picture.blocks[-1]:
            return None
        if block is not self._last[0]:
            self._last = (block, Growing())
        return self._last[1]

    @staticmethod
    def _mark(row: Row) -> Row:
        return Row(row.content, row.fill or "on $picked")

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """At the top, bring what is earlier."""
        super().watch_scroll_y(old_value, new_value)
        if new_value <= 0 < old_value and self._window < len(self.picture.blocks):
            self.call_later(self._bring_earlier)

    def _bring_earlier(self) -> None:
        """Lay out more, and keep in view what was."""
        before = len(self._rows)
        self._window += WINDOW
        self.update()
        self.scroll_to(y=self.scroll_offset.y + len(self._rows) - before, animate=False)

    def block_at(self, y: int) -> AnyBlock | None:
        """The block that owns a row."""
        for (start, block), (end, _) in pairwise([*self._starts, (len(self._rows), None)]):
            if start <= y < end:
                return block
        return None

    def action_choose(self, step: int) -> None:
        """Move to the next item that can be opened, or scroll where there is none."""
        foldable = [block for _, block in self._starts if can_fold(block)]
        if not foldable:
            self.scroll_relative(y=step, animate=False)
            return
        if self._chosen in foldable:
            at = foldable.index(self._chosen) + step
            self._chosen = foldable[max(0, min(at, len(foldable) - 1))]
        else:
            self._chosen = foldable[-1]
        self.update()
        self._reveal()

    def action_fold(self) -> None:
        """Open or close the chosen item."""
        if self._chosen is not None:
            self.toggle(self._chosen)
            self._reveal()

    def toggle(self, block: AnyBlock) -> None:
        """Show more or less of a block."""
        block.folded = not block.folded
        self.update()

    def _reveal(self) -> None:
        for start, block in self._starts:
            if block is self._chosen:
                self.scroll_to_region(Region(0, start, 1, 1), animate=False)

    def on_blur(self) -> None:
        """Nothing is chosen while the keys go elsewhere."""
        if self._chosen is not None:
            self._chosen = None
            self.update()

    def on_click(self, event: events.Click) -> None:
        """A click on an item opens or closes it."""
        offset = event.get_content_offset(self)
        if offset is None or self.text_selection is not None:
            return
        block = self.block_at(offset.y + self.scroll_offset.y)
        if block is not None and can_fold(block):
            self.toggle(block)
