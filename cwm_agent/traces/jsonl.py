"""Frames ⇄ JSON lines: what `trace --format jsonl` prints, and what the tracer in the sandbox sends.

One object a line and frame, with the fields of FIELDS: `line` counts from 1 or is null, `depth` from 0, `locals` maps
names to reprs in their order, whole; `value` is null in calls and lines; `source` has no line end; `basis` is
empty in a real frame and may be left out there. The order of the events is that of `sys.settrace`. Any other object is
a note: the comparison at the end, or what the tracer says about itself.
"""

from __future__ import annotations

import json
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from cwm_agent.observations import Origin, Unreadable
from cwm_agent.traces.compare import Comparison
from cwm_agent.traces.frames import Basis, Frame, FrameKind, Trace

FIELDS = ("origin", "event", "file", "function", "line", "depth", "source", "locals", "value", "basis")
LINE_LIMIT = 16 * 1024 * 1024
"""Bytes of one line."""
_SHOWN = 2000


class Record(Struct, frozen=True):
    """A frame, and which world it comes from."""

    origin: Origin
    frame: Frame


class Note(Struct, frozen=True):
    """An object that is not a frame."""

    content: dict[str, object]


Line = Record | Note | Unreadable


class _Written(Struct, frozen=True, kw_only=True):
    """A frame's object as it stands in a line."""

    origin: Origin
    event: FrameKind
    file: str
    function: str
    line: Annotated[int, Meta(ge=1)] | None
    depth: Annotated[int, Meta(ge=0, le=100_000)]
    source: str
    locals: dict[str, str]
    value: str | None
    basis: dict[str, Basis] = {}


def frame_line(frame: Frame, origin: Origin) -> str:
    """The frame as one line, without its end; pure ASCII."""
    written = {"origin": origin.value, **{name: getattr(frame, name) for name in FIELDS[1:]}}
    return json.dumps(written)


def comparison_line(comparison: Comparison) -> str:
    """The last line of a verified trace."""
    found = comparison.first_divergence
    written = {
        "exact": comparison.exact,
        "frames_before_divergence": comparison.frames_before_divergence,
        "return_exact": comparison.return_exact,
        "first_divergence": None if found is None else msgspec.structs.asdict(found),
        "sentence": comparison.sentence,
    }
    return json.dumps({"comparison": written})


class LineReader:
    """Reads JSON lines from a stream of bytes, wherever it was split.

    `origin` is that of frames that name none, as the tracer's do, which are real. A zero byte ends the stream: so the
    unused rest of a file begins that a killed process had mapped.
    """

    def __init__(self, limit: int = LINE_LIMIT, *, origin: Origin | None = None) -> None:
        self._limit = limit
        self._origin = origin
        self._ended = False
        self._held = bytearray()
        self._skipping = False
        self.torn = False
        """Whether the stream ended inside a line, as after a kill; what stood of it is left out."""

    def feed(self, data: bytes) -> list[Line]:
        """The lines that are now complete; empty ones are skipped."""
        found: list[Line] = []
        if self._ended:
            return found
        data, zero, _ = data.partition(b"\0")
        self._ended = bool(zero)
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._take(piece, found)
            if not self._skipping and self._held.strip():
                found.append(read_line(bytes(self._held), self._origin))
            self._held.clear()
            self._skipping = False
        self._take(rest, found)
        return found

    def _take(self, piece: bytes, found: list[Line]) -> None:
        if self._skipping:
            return
        self._held += piece
        if len(self._held) > self._limit:
            raw = self._held[: min(_SHOWN, self._limit)].decode("utf-8", "replace")
            found.append(Unreadable(raw, f"A line of more than {self._limit} bytes."))
            self._held.clear()
            self._skipping = True

    def close(self) -> list[Line]:
        """The stream has ended: a last line without its end counts if it is whole."""
        held, self._held = bytes(self._held), bytearray()
        if not held.strip():
            return []
        last = read_line(held, self._origin)
        self.torn = isinstance(last, Unreadable)
        return [] if self.torn else [last]


def read_line(line: bytes | str, origin: Origin | None = None) -> Line:
    """What one line says; `origin` is that of a frame that names none."""
    text = line if isinstance(line, str) else line.decode("utf-8", "replace")
    try:
        content = json.loads(text)
        if isinstance(content, dict) and "event" in content:
            named = content if origin is None else {"origin": origin.value, **content}
            return _record(msgspec.convert(named, _Written))
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        return Unreadable(text[:_SHOWN], str(error).split("\n")[0][:200] or type(error).__name__)
    return Note(content) if isinstance(content, dict) else Unreadable(text[:_SHOWN], "Not a JSON object.")


def _record(written: _Written) -> Record:
    fields = msgspec.structs.asdict(written)
    return Record(fields.pop("origin"), Frame(**fields))


def trace_of(lines: list[Line], origin: Origin, *, complete: bool = True) -> Trace:
    """The frames of one world among the lines."""
    frames = tuple(line.frame for line in lines if isinstance(line, Record) and line.origin is origin)
    return Trace(frames, complete)
