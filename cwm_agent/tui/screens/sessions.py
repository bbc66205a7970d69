"""/sessions: the recorded sessions of the repository, to take up, name, copy or export."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from cwm_agent.core import export, sessions
from cwm_agent.core.sessions import Summary
from cwm_agent.errors import CwmAgentError
from cwm_agent.text import printable_line
from cwm_agent.tui.render.rows import Row, blank, join, line, ours, spread, text, wrapped
from cwm_agent.tui.screens.dialog import Dialog
from cwm_agent.tui.screens.note import NoteInput
from cwm_agent.tui.widgets.lines import Lines

_STATUS = {"fixed": "$good", sessions.RUNNING: "$lead", "error": "$bad", "cut off": "$warn", "limit": "$warn"}
Asks = Literal["title", "file"]
_PLACEHOLDERS: dict[Asks, str] = {
    "title": "the new title",
    "file": "FILE.md for the conversation, FILE.patch for the patch",
}


class _List(Lines):
    def __init__(self, found: tuple[Summary, ...], present: str) -> None:
        super().__init__()
        self.can_focus = False
        self.found = found
        self.present = present
        self.at = 0
        self.said = ("", "$quiet")

    @property
    def picked(self) -> Summary | None:
        """The session that the keys mean."""
        return self.found[self.at] if self.found else None

    def update(self, *, follow: bool = False) -> None:
        """Lay out again, with the picked one in view."""
        super().update(follow=follow)
        self.call_after_refresh(self.reveal_rows, self.at, 2)

    def lay_out(self, width: int) -> list[Row]:
        """One row for each session, with more about the picked one, and what was done last."""
        rows = [row for number, each in enumerate(self.found) for row in self._entry(number, each, width)]
        if not rows:
            rows = wrapped(ours("No session of this repository is recorded yet.", "$quiet"), width, ours("   "))
        words, style = self.said
        return [*rows, blank(), *(wrapped(text(words, style), width - 3, ours("   ")) if words else [])]

    def _entry(self, number: int, each: Summary, width: int) -> list[Row]:
        picked = number == self.at
        lead = ours(" › " if picked else "   ", "bold $lead")
        words = each.title or each.prompt or "nothing asked yet"
        here = ours("  this one", "$faint") if each.identity == self.present else ours("")
        started = time.strftime("%d %b %H:%M", time.localtime(each.started))
        right = join(ours(f"{each.status:<11}", _STATUS.get(each.status, "$quiet")), ours(f" {started} ", "$faint"))
        left = join(lead, line(printable_line(words), "bold" if picked else ""), here)
        row = Row(spread(left, right, width), "on $picked" if picked else "")
        return [row, Row(line(f"     {each.identity}", "$faint"))] if picked else [row]


class SessionsScreen(Dialog[str | None]):
    """Choose a session; the result is its name, None for staying in this one. `repository` is its folder."""

    AUTO_FOCUS = ""
    heading = "Sessions"
    KEYS = (
        ("↑ ↓", "choose"),
        ("Enter", "take up"),
        ("r", "rename"),
        ("f", "fork"),
        ("x", "export"),
        ("Esc", "stay here"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("enter", "choose", show=False),
        Binding("r", "ask('title')", show=False),
        Binding("f", "fork", show=False),
        Binding("x", "ask('file')", show=False),
        Binding("escape", "dismiss", show=False),
    ]

    def __init__(self, repository: str, present: str) -> None:
        super().__init__()
        self._repository = repository
        self._list = _List(self._look(), present)
        self._asks: Asks = "title"

    def _look(self) -> tuple[Summary, ...]:
        return tuple(each for each in sessions.list_sessions() if each.repository == self._repository)

    def body(self) -> ComposeResult:
        """The list, and an input that is there when it is asked for."""
        yield self._list
        yield NoteInput("")

    def action_move(self, step: int) -> None:
        """Pick another one."""
        self._list.at = max(0, min(len(self._list.found) - 1, self._list.at + step))
        self._show()

    def action_choose(self) -> None:
        """Take the picked one up."""
        picked = self._list.picked
        if picked is None or picked.identity == self._list.present:
            self.dismiss(None)
        elif picked.status == sessions.RUNNING:
            self._show("It is open in another process. Fork it, or close it there first.", "$warn")
        else:
            self.dismiss(picked.identity)

    def action_fork(self) -> None:
        """Copy the picked one."""
        made: list[str] = []

        def copy(folder: Path) -> str:
            made.append(sessions.fork(folder).name)
            return f"Copied as {made[0]}: enter takes it up."

        self._try(copy)
        at = next((n for n, each in enumerate(self._list.found) if each.identity in made), self._list.at)
        self._list.at = at  # enter means the copy, wherever it stands in the list
        self._show()

    def action_ask(self, what: Asks) -> None:
        """Ask for a title, or for the file of an export."""
        picked = self._list.picked
        if picked is None:
            return
        self._asks = what
        note = self.query_one(NoteInput)
        note.placeholder = _PLACEHOLDERS[what]
        note.open(picked.title if what == "title" else f"{picked.identity}.md")

    @on(NoteInput.Closed)
    def _answered(self, event: NoteInput.Closed) -> None:
        self.query_one(NoteInput).close()
        self.set_focus(None)
        answer = event.note
        if answer is None:
            return
        if self._asks == "title":
            self._try(lambda folder: "Renamed." if sessions.rename(folder, answer) else "The title is taken away.")
        elif answer:
            self._try(lambda folder: _export(folder, Path(answer).expanduser()))

    def _try(self, do: Callable[[Path], str]) -> None:
        """Do it to the picked session, and say what came of it."""
        picked = self._list.picked
        if picked is None:
            return
        try:
            self._list.said = (do(picked.folder), "$good")
        except (CwmAgentError, OSError) as error:
            words = error.message if isinstance(error, CwmAgentError) else f"{error.filename}: {error.strerror}."
            self._list.said = (words, "$bad")
        self._list.found = self._look()
        self._list.update()

    def _show(self, words: str = "", style: str = "$quiet") -> None:
        self._list.said = (words, style) if words else self._list.said
        self._list.update()


def _export(folder: Path, place: Path) -> str:
    """Write the patch or the conversation to a new file, as its name asks."""
    return export.write(place, export.recorded(folder, "patch" if place.suffix in (".patch", ".diff") else "markdown"))
