"""What the model replies, read as it comes: thoughts, text, at most one tool call, and whether that is the format."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal, assert_never

from msgspec import Struct

from cwm_agent.events import ToolCall
from cwm_agent.models.chat_format.messages import CALL_END, THOUGHT
from cwm_agent.traces.grammar import TRACE_SPECIALS, Special
from cwm_agent.traces.segments import Segment

Flaw = Literal[
    "no_end_of_thought",
    "stray_end_of_thought",
    "bad_tag",
    "unknown_tool",
    "two_calls",
    "unclosed_call",
    "unopened_call",
    "text_after_call",
    "empty",
    "separator",
    "cut_off",
]
_State = Literal["thought", "text", "call", "after", "over"]

_TAG = "<tool:"
_OPENING = re.compile(r"<tool: (\w+)>")
_MARGIN = frozenset(" \t\r\n")
_IN_THOUGHT = TRACE_SPECIALS - {Special.BEGIN, Special.END}


class Thought(Struct, frozen=True):
    """A piece of the model's reasoning."""

    text: str


class Text(Struct, frozen=True):
    """A piece of what it says to the user."""

    text: str


class FormatBroken(Struct, frozen=True):
    """The reply is not of the format; nothing follows, and no call of it counts. `detail` is what stood there."""

    flaw: Flaw
    detail: str = ""


class Ended(Struct, frozen=True):
    """The reply is complete and of the format."""


ReplyEvent = Thought | Text | ToolCall | FormatBroken | Ended


class ReplyReader:
    """Reads one reply behind its opening, however it is split; the last event is one FormatBroken or one Ended.

    A call is given as a whole, right before Ended, when it is certain that nothing else is in the reply. A tag counts
    where a line begins with it; in the middle of a line it is text. `tools` are the names that may be called.
    """

    def __init__(self, tools: Collection[str], *, thinking: bool = True) -> None:
        self._tools = tools
        self._state: _State = "thought" if thinking else "text"
        self._held = ""
        self._line_begins = True
        self._said = False
        self._tool = ""
        self._content: list[str] = []

    @property
    def broken(self) -> bool:
        """Whether nothing that may still come can change the verdict."""
        return self._state == "over"

    def feed(self, piece: Segment) -> list[ReplyEvent]:
        """What is now certain. A separator among thoughts of a trace is text; anywhere else it breaks the format."""
        if self._state == "over":
            return []
        if isinstance(piece, Special):
            if self._state != "thought" or piece not in _IN_THOUGHT:
                return self._break("separator", piece.value)
            piece = piece.value
        self._held += piece
        return self._advance(last=False)

    def close(self, *, cut_off: bool = False) -> list[ReplyEvent]:
        """The end of the reply; `cut_off`: the model had more to say."""
        if self._state == "over":
            return []
        events = self._advance(last=True)
        if self.broken:
            return events
        flaw: Flaw | None = "cut_off" if cut_off else self._flaw_at_end()
        if flaw:
            return [*events, *self._break(flaw)]
        call = [ToolCall(self._tool, "\n".join(self._content))] if self._state == "after" else []
        self._state = "over"
        return [*events, *call, Ended()]

    def _flaw_at_end(self) -> Flaw | None:
        match self._state:
            case "thought":
                return "no_end_of_thought"
            case "text":
                return None if self._said else "empty"
            case "call":
                return "unclosed_call"
            case "after" | "over":
                return None
            case _:
                assert_never(self._state)

    def _break(self, flaw: Flaw, detail: str = "") -> list[ReplyEvent]:
        self._state, self._held = "over", ""
        return [FormatBroken(flaw, detail)]

    def _advance(self, *, last: bool) -> list[ReplyEvent]:
        """Read what is held, as far as it is certain; `last`: nothing comes behind it."""
        events: list[ReplyEvent] = []
        if self._state == "thought":
            events += self._think(last=last)
        while self._state not in ("thought", "over"):
            line, newline, rest = self._held.partition("\n")
            if not newline and not last:
                break
            self._held = rest
            events += self._line(line, newline)
            if not newline:
                break
        if self._state == "text" and not last:
            events += self._start_of_line()
        return events

    def _think(self, *, last: bool) -> list[ReplyEvent]:
        thought, closed, rest = self._held.partition(THOUGHT)
        if closed:
            self._state, self._held = "text", rest
        else:
            keep = 0 if last else overlap(thought, THOUGHT)
            thought, self._held = thought[: len(thought) - keep], thought[len(thought) - keep :]
        return [Thought(thought)] if thought else []

    def _line(self, line: str, newline: str) -> list[ReplyEvent]:
        """One line, or the rest of one of which the start was given already."""
        begins, self._line_begins = self._line_begins, bool(newline)
        if THOUGHT in line:
            return self._break("stray_end_of_thought")
        opening = _OPENING.fullmatch(line) if begins else None
        if self._state == "call":
            return self._line_of_call(line, opening)
        if self._state == "after":
            if opening:
                return self._break("two_calls", opening[1])
            return self._break("text_after_call") if line.strip() else []
        if begins and line == CALL_END:
            return self._break("unopened_call")
        if begins and line.startswith(_TAG):
            return self._open(line, opening)
        return self._text(line + newline)

    def _open(self, line: str, opening: re.Match[str] | None) -> list[ReplyEvent]:
        if opening is None:
            return self._break("bad_tag", line)
        if opening[1] not in self._tools:
            return self._break("unknown_tool", opening[1])
        self._state, self._tool = "call", opening[1]
        return []

    def _line_of_call(self, line: str, opening: re.Match[str] | None) -> list[ReplyEvent]:
        if line == CALL_END:
            self._state = "after"
        elif opening and opening[1] in self._tools:
            return self._break("two_calls", opening[1])
        else:
            self._content.append(line)
        return []

    def _start_of_line(self) -> list[ReplyEvent]:
        """What can be given of a line of text that is not over: no more than cannot become a tag."""
        held = self._held
        if not held or (self._line_begins and any(_may_become(held, tag) for tag in (_TAG, CALL_END))):
            return []
        if THOUGHT in held:
            return self._break("stray_end_of_thought")
        keep = overlap(held, THOUGHT)
        text, self._held = held[: len(held) - keep], held[len(held) - keep :]
        if text:
            self._line_begins = False
        return self._text(text)

    def _text(self, text: str) -> list[ReplyEvent]:
        self._said = self._said or not _MARGIN.issuperset(text)
        return [Text(text)] if text else []


def _may_become(held: str, tag: str) -> bool:
    """Whether a line that begins so is one of a tag, or still can be."""
    return held.startswith(tag) if len(held) >= len(tag) else tag.startswith(held)


def overlap(text: str, mark: str) -> int:
    """How many characters at the end of a text may be the start of a mark."""
    return next((size for size in range(min(len(text), len(mark) - 1), 0, -1) if mark.startswith(text[-size:])), 0)
