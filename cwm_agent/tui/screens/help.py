"""F1: keys and commands on one page."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from cwm_agent.commands import COMMANDS
from cwm_agent.tui.render.rows import Row, blank, clip, join, ours
from cwm_agent.tui.screens.dialog import Dialog
from cwm_agent.tui.widgets.lines import Lines

LEFT = 34
Keys = tuple[tuple[str, str], ...]
KEYS = (
    ("Enter ^S", "send, queue during work"),
    ("^J", "new line"),
    ("↑ ↓", "what was sent before"),
    ("↑", "take the ⋯ next back"),
    ("^G", "write in $EDITOR"),
    ("Esc", "stop what is under way"),
    ("Esc Esc", "back to a checkpoint"),
    ("^T", "next mode"),
    ("^R", "review the patch"),
    ("^O", "panel"),
    ("^Y", "copy"),
    ("^P", "palette"),
    ("^Q", "leave"),
    ("PgUp PgDn", "scroll"),
    ("Tab", "go to the conversation:"),
    ("", "↑ ↓ choose, enter opens"),
    ("!command", "run it in the sandbox"),
    ("@file", "name a file"),
)
TRACE_KEYS = (
    ("1 2 3 4", "trace, tests, diff, shell; [ ] the one beside"),
    ("← → ↑ ↓", "one frame back, one frame on"),
    ("o O u", "over calls, back over calls, out of the call"),
    ("PgUp PgDn", "twenty frames, Home and End all"),
    ("d", "where imagined and real first differ"),
    ("/ n", "search source, names and values; the next"),
    ("e", "another value here: imagine on from it"),
    ("t", "pin the call as a test, in the sandbox"),
    ("Enter", "the source around"),
    (", .", "the trace before, the trace after"),
)

REVIEW_KEYS = (
    ("j k ↑ ↓", "next and previous hunk"),
    ("Tab ← →", "next and previous file"),
    ("PgUp PgDn", "scroll"),
    ("a", "accept the hunk"),
    ("r", "reject it"),
    ("n", "reject it with a note, which the agent reads"),
    ("e", "accept it with lines of your own"),
    ("^G", "the same in $EDITOR"),
    ("Space", "accept it, or take that back"),
    ("A R", "accept or reject the whole file"),
    ("i", "imagine a call that reaches it; nothing runs"),
    ("s", "unified or side by side"),
    ("Enter", "apply what is accepted, after one question"),
    ("u", "undo the last apply"),
    ("Esc", "back to the conversation"),
)


class _Page(Lines):
    def __init__(self, keys: Keys, *, commands: bool) -> None:
        super().__init__()
        self._keys = keys
        self._commands = commands

    def lay_out(self, width: int) -> list[Row]:
        """Keys on the left, commands on the right, and what the signs mean; one below the other where it is narrow."""
        half = LEFT if width >= 64 else width
        keys = [join(ours(f"{key:<10}", "bold $lead"), ours(does)) for key, does in self._keys]
        if not self._commands:
            return [Row(clip(each, width)) for each in keys]
        commands = [join(ours(f"/{each.name:<9}", "bold $lead"), ours(each.does)) for each in COMMANDS]
        if half == width:
            rows = [Row(each) for each in [*keys, Content(""), *commands]]
        else:
            rows = []
            for number in range(max(len(keys), len(commands))):
                left = keys[number] if number < len(keys) else Content("")
                right = commands[number] if number < len(commands) else Content("")
                gap = ours(" " * max(1, half - left.cell_length))
                rows.append(Row(clip(join(left, gap, right), width)))
        signs = [
            join(ours("◆", "$real"), ours(" ran: it happened in the sandbox")),
            join(ours("◇", "$imagined"), ours(" imagined: a world model's guess, nothing was run")),
            join(ours("◐", "$lead"), ours(" verify: imagined first, then run, and compared")),
            join(ours("• ? °", "$quiet"), ours(" imagined: told by the source, chosen by the model, its own words")),
        ]
        steps = [join(ours(f"{key:<10}", "bold $lead"), ours(does)) for key, does in TRACE_KEYS]
        told = [*signs, Content(""), ours("In the panel", "bold"), *steps]
        return [*rows, blank(), *(Row(clip(each, width)) for each in told)]


class HelpScreen(Dialog[None]):
    """One page, read and left."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,q,enter", "dismiss", "Back", show=False)]

    def __init__(self, heading: str = "Keys and commands", keys: Keys = KEYS) -> None:
        super().__init__()
        self.heading = heading
        self._keys = keys

    def body(self) -> ComposeResult:
        """The page."""
        yield _Page(self._keys, commands=self._keys is KEYS)
