"""The line at the top and the line at the bottom."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from cwm_agent.observations import Mode
from cwm_agent.tui.picture import Picture
from cwm_agent.tui.render.marks import MODE_SIGN, MODE_STYLE
from cwm_agent.tui.render.rows import clip, join, line, ours, spread

SHOWN = 3
_BOX = {"starting": ("○", "$warn"), "ready": ("●", "$good"), "closed": ("○", "$faint"), "failed": ("✗", "$bad")}


def chip(picture: Picture, *, short: bool = False) -> Content:
    """The mode; where it acts as another, what as, and why."""
    mode = picture.mode
    name = ours(f"{MODE_SIGN[mode]} {mode.value.upper()}", f"bold {MODE_STYLE[mode]}")
    if mode is Mode.REAL or picture.opened is None or picture.has_world_model:
        return name
    tail = " → real" if short else " → real, no world model"
    return join(name, ours(tail, "$quiet"))


def heading(picture: Picture, width: int) -> Content:
    """The header's line."""
    sign, style = _BOX[picture.box]
    left = join(
        ours(" cwm-agent", "bold $lead"),
        ours("  "),
        line(picture.title, "bold"),
        line(f"  {picture.branch}" if picture.branch else "", "$quiet"),
    )
    right = join(chip(picture, short=width < 110), ours("   box ", "$quiet"), ours(sign, style), ours(" "))
    return spread(left, right, width)


class Header(Widget):
    """Program, repository, branch, mode and the state of the sandbox."""

    DEFAULT_CSS = """
    Header { height: 1; background: $bar; color: $foreground; }
    """

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self.picture = picture

    def render(self) -> Content:
        """One line."""
        return heading(self.picture, self.size.width)


class Queue(Widget):
    """The requests that wait for the one that is worked on; not there while nothing waits."""

    DEFAULT_CSS = """
    Queue { height: auto; display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting: tuple[str, ...] = ()

    def show_queue(self, picture: Picture) -> None:
        """Take over what waits now."""
        if picture.waiting != self._waiting:
            self._waiting = picture.waiting
            self.display = bool(self._waiting)
            self.refresh(layout=True)

    def render(self) -> Content:
        """A line for each of the first ones, and how many more there are."""
        shown = [join(ours("⋯ next  ", "$lead"), line(each, "$quiet")) for each in self._waiting[:SHOWN]]
        if len(self._waiting) > SHOWN:
            shown.append(ours(f"⋯ and {len(self._waiting) - SHOWN} more", "$faint"))
        return Content("\n").join([clip(each, self.size.width or 1000) for each in shown])


class KeyBar(Widget):
    """The keys that work now, or a hint for as long as it is fresh."""

    DEFAULT_CSS = """
    KeyBar { height: 1; background: $bar; color: $foreground; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 -- Textual's word
        super().__init__(id=id)
        self._keys: tuple[tuple[str, str], ...] = ()
        self._hint: tuple[str, str] = ("", "")
        self._right = Content("")

    def show_keys(self, keys: tuple[tuple[str, str], ...], right: Content | None = None) -> None:
        """Say which keys work, the most important first."""
        right = right or Content("")
        if (keys, right.plain) != (self._keys, self._right.plain):
            self._keys, self._right = keys, right
            self.refresh()

    def hint(self, words: str, style: str = "$warn") -> None:
        """Say one thing instead of the keys; empty words take it away."""
        if (words, style) != self._hint:
            self._hint = (words, style)
            self.refresh()

    def render(self) -> Content:
        """One line; keys that have no room are left out, the last ones first."""
        width = self.size.width
        words, style = self._hint
        if words:
            return clip(join(ours(" "), line(words, style)), width)
        shown = Content("")
        room = width - self._right.cell_length - 2
        for key, what in self._keys:
            piece = join(ours(f" {key}", "bold $lead"), ours(f" {what} ", "$quiet"))
            if shown.cell_length + piece.cell_length > room:
                break
            shown = join(shown, piece)
        return spread(shown, join(self._right, ours(" ")) if self._right else Content(""), width)
