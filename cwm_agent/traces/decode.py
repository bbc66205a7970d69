"""The decoder: a stream of segments in, raw frames out. It never repairs, never raises, and holds one frame at most."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from cwm_agent.observations import Unreadable
from cwm_agent.traces.frames import FrameKind
from cwm_agent.traces.grammar import HAS_LOCALS, KIND_OF_SPECIAL, Special
from cwm_agent.traces.raw import RawFrame
from cwm_agent.traces.segments import Segment, TextSplitter

Part = Literal["between", "locals", "source", "value"]
FRAME_LIMIT = 128 * 1024
"""Characters of one frame."""
STRAY_LIMIT = 200
"""Characters that are read where there must be none, to show them."""


class Ended(Struct, frozen=True):
    """The model wrote the end of the trace."""


class Partial(Struct, frozen=True):
    """The frame that is being written: the part it is in, and the text of that part so far."""

    event: FrameKind | None
    part: Part
    text: str
    locals: dict[str, str] = {}
    source: str = ""


TraceEvent = RawFrame | Ended | Unreadable


class Decoder:
    """Reads the frames of one trace. Any split of the stream gives the same events, in time linear in its length.

    After Unreadable nothing more is read. What follows an Ended is unreadable.
    """

    def __init__(self, limit: int = FRAME_LIMIT) -> None:
        self._limit = limit
        self._splitter = TextSplitter()
        self._count = 0
        self._ended = False
        self._spoilt = False
        self._clear()

    def _clear(self) -> None:
        self._event: FrameKind | None = None
        self._part: Part = "between"
        self._text: list[str] = []
        self._raw: list[str] = []
        self._part_size = self._size = 0
        self._locals: dict[str, str] = {}
        self._source = ""

    @property
    def partial(self) -> Partial:
        """Where in a frame the stream is."""
        return Partial(self._event, self._part, "".join(self._text), self._locals, self._source)

    def feed_text(self, text: str) -> list[TraceEvent]:
        """Text in which the separators are spelt."""
        return self.feed(self._splitter.feed(text))

    def feed(self, segments: Iterable[Segment]) -> list[TraceEvent]:
        """Text and separators kept apart, as from the ids that a model generated."""
        events: list[TraceEvent] = []
        for segment in segments:
            if self._spoilt:
                break
            event = self._read_text(segment) if isinstance(segment, str) else self._read_special(segment)
            if event is not None:
                events.append(event)
        return events

    def close(self) -> list[TraceEvent]:
        """The stream has ended: whatever is unfinished is unreadable."""
        events = self.feed(self._splitter.close())
        if not self._spoilt and self._raw:
            cut = "the text stops here" if self._event else "text that belongs to no frame"
            events.append(self._unreadable(cut))
        return events

    def _read_text(self, text: str) -> Unreadable | None:
        stray = self._part == "between" or (self._part == "locals" and self._event not in HAS_LOCALS)
        room = min(self._limit - self._size, STRAY_LIMIT - self._part_size if stray else self._limit)
        kept = text[:room]
        if kept:
            self._text.append(kept)
            self._raw.append(kept)
            self._part_size += len(kept)
            self._size += len(kept)
        if len(text) <= room:
            return None
        return self._unreadable("text that belongs to no part" if stray else f"longer than {self._limit} characters")

    def _read_special(self, special: Special) -> TraceEvent | None:
        self._raw.append(special.value)
        if self._part == "between":
            return self._begin(special)
        if self._part == "locals" and special is Special.ACTION:
            return self._end_locals()
        has_value = self._event not in HAS_LOCALS
        if self._part == "source" and special is (Special.ARGUMENT if has_value else Special.FRAME):
            self._source = "".join(self._text)
            self._next("value")
            return None if has_value else self._finish(None)
        if self._part == "value" and special is Special.FRAME:
            return self._end_value()
        return self._unreadable(f"{special.value} has no place here")

    def _begin(self, special: Special) -> TraceEvent | None:
        if self._text:
            return self._unreadable("text that belongs to no frame")
        if self._ended:
            return self._unreadable("it goes on after its end")
        if special is Special.END:
            self._ended = True
            self._clear()
            return Ended()
        if special not in KIND_OF_SPECIAL:
            return self._unreadable(f"{special.value} begins no frame")
        self._event = KIND_OF_SPECIAL[special]
        self._next("locals")
        return None

    def _next(self, part: Part) -> None:
        self._part = part
        self._text.clear()
        self._part_size = 0

    def _end_locals(self) -> Unreadable | None:
        text = "".join(self._text)
        if self._event in HAS_LOCALS:
            read = _read_locals(text)
            if isinstance(read, str):
                return self._unreadable(read)
            self._locals = read
        elif text:
            return self._unreadable(f"a {self._event} has no locals")
        self._next("source")
        return None

    def _end_value(self) -> TraceEvent:
        try:
            value = json.loads("".join(self._text))
        except (ValueError, RecursionError) as error:
            return self._unreadable(f"not JSON ({_first_line(error)})")
        return self._finish(value) if isinstance(value, str) else self._unreadable("not a JSON string")

    def _finish(self, value: str | None) -> RawFrame:
        assert self._event is not None
        frame = RawFrame(event=self._event, source=self._source, locals=self._locals, value=value)
        self._count += 1
        self._clear()
        return frame

    def _unreadable(self, reason: str) -> Unreadable:
        where = "between frames" if self._part == "between" else f"in the {self._part}"
        found = Unreadable("".join(self._raw), f"Frame {self._count + 1}, {where}: {reason}.")
        self._spoilt = True
        self._clear()
        return found


class _Pairs(tuple[tuple[str, object], ...]):
    """A JSON object as it was written; nothing else that JSON can hold is one."""

    __slots__ = ()


def _read_locals(text: str) -> dict[str, str] | str:
    """The locals in their order, or what is wrong with them."""
    try:
        pairs = json.loads(text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as error:
        return f"not JSON ({_first_line(error)})"
    if not isinstance(pairs, _Pairs):
        return "not a JSON object"
    found: dict[str, str] = {}
    for name, value in pairs:
        if not isinstance(value, str):
            return f"`{name}` is not a JSON string"
        if name in found:
            return f"`{name}` stands twice"
        found[name] = value
    return found


def _first_line(error: Exception) -> str:
    """The message without the text that json quotes from long input."""
    return str(error).split("\n")[0][:120] or type(error).__name__


def read_text(text: str, limit: int = FRAME_LIMIT) -> list[TraceEvent]:
    """The events of a whole text, its separators spelt."""
    decoder = Decoder(limit)
    return [*decoder.feed_text(text), *decoder.close()]


def read_segments(segments: Iterable[Segment], limit: int = FRAME_LIMIT) -> list[TraceEvent]:
    """The events of whole segments."""
    decoder = Decoder(limit)
    return [*decoder.feed(segments), *decoder.close()]
