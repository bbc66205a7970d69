"""The lines of a record: events with a number, a time and a checksum, as JSON; reading stops at the first bad one."""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

import msgspec
from msgspec import Struct

from cwm_agent.errors import SessionError
from cwm_agent.events import AgentEvent

_ENCODER = msgspec.json.Encoder()
_EVENT: msgspec.json.Decoder[AgentEvent] = msgspec.json.Decoder(AgentEvent)


class Line(Struct, frozen=True):
    """One line: `n` counts from 1, `time` is seconds since 1970, `crc` the CRC-32 of the event's bytes in hex."""

    n: int
    time: float
    crc: str
    event: msgspec.Raw


class Recorded(Struct, frozen=True):
    """What a record holds: events with their times, how many bytes of it are good, and how many follow that are not."""

    events: tuple[AgentEvent, ...]
    times: tuple[float, ...]
    good: int
    bad: int = 0


_WRONG = (msgspec.DecodeError, UnicodeDecodeError)
_LINE = msgspec.json.Decoder(Line)


def encode(number: int, time: float, event: AgentEvent) -> bytes:
    """One line, with its newline."""
    body = _ENCODER.encode(event)
    return b'{"n":%d,"time":%.3f,"crc":"%08x","event":%b}\n' % (number, time, crc32(body), body)


def decode(data: bytes) -> Recorded:
    """Read a record, all of it or up to the first line that is not whole; SessionError for one of a newer version."""
    end = data.rfind(b"\n") + 1
    try:
        lines = _LINE.decode_lines(data[:end])
    except _WRONG:
        lines = []
    if len(lines) != data.count(b"\n"):
        return _decode_slowly(data)
    events = []
    for number, line in enumerate(lines, 1):
        if line.n != number or line.crc != f"{crc32(line.event):08x}":
            return _decode_slowly(data)
        events.append(_event(line))
    return Recorded(tuple(events), tuple(line.time for line in lines), end, len(data) - end)


def backwards(tail: bytes) -> Iterator[AgentEvent]:
    """The events of the last bytes of a record, the newest first; what is not a whole line is left out."""
    for piece in reversed(tail.split(b"\n")):
        try:
            yield _EVENT.decode(_LINE.decode(piece).event)
        except _WRONG:
            continue


def _decode_slowly(data: bytes) -> Recorded:
    events: list[AgentEvent] = []
    times: list[float] = []
    good = 0
    while (end := data.find(b"\n", good) + 1) > 0:
        try:
            line = _LINE.decode(data[good:end])
        except _WRONG:
            break
        if line.n != len(events) + 1 or line.crc != f"{crc32(line.event):08x}":
            break
        events.append(_event(line))
        times.append(line.time)
        good = end
    return Recorded(tuple(events), tuple(times), good, len(data) - good)


def _event(line: Line) -> AgentEvent:
    try:
        return _EVENT.decode(line.event)
    except _WRONG as error:
        raise SessionError(
            f"Record {line.n} of the session is whole, but of a kind that this version does not know: {error}.",
            remedy="Open it with the version that wrote it, or a newer one.",
        ) from error
