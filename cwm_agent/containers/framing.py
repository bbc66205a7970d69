"""The host's half of two formats: our frames, and the engine's multiplexed streams. Pure: bytes in, values out.

A frame is a header length and a payload length (4 bytes each, big-endian), a JSON object, and raw bytes. Its twin for
the inside of the container is `sandbox/runner/framing.py`.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec

Header = dict[str, Any]
Frame = tuple[Header, bytes]

HEADER_LIMIT = 1024 * 1024
PAYLOAD_LIMIT = 64 * 1024 * 1024
_LENGTHS = struct.Struct(">II")
_STREAM_HEAD = struct.Struct(">B3xI")


class BadFrame(Exception):
    """The bytes are not a frame, or one past the limits; nothing after them can be trusted."""


def encode(header: Header, payload: bytes = b"") -> bytes:
    """The frame's bytes; `header` is a JSON object."""
    head = msgspec.json.encode(header)
    if len(head) > HEADER_LIMIT or len(payload) > PAYLOAD_LIMIT:
        raise BadFrame(f"a frame of {len(head)} and {len(payload)} bytes is too large to send")
    return b"".join((_LENGTHS.pack(len(head), len(payload)), head, payload))


class Decoder:
    """Bytes in, whole frames out; holds no more than one frame of `payload_limit` bytes and what came with it."""

    def __init__(self, payload_limit: int = PAYLOAD_LIMIT) -> None:
        self._buffer = bytearray()
        self._payload_limit = payload_limit

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes as they come, return the frames that are now complete."""
        self._buffer += data
        frames = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def _next(self) -> Frame | None:
        buffer = self._buffer
        if len(buffer) < _LENGTHS.size:
            return None
        head_size, payload_size = _LENGTHS.unpack_from(buffer)
        if head_size > HEADER_LIMIT or payload_size > self._payload_limit:
            raise BadFrame(f"a frame of {head_size} and {payload_size} bytes is too large")
        start = _LENGTHS.size + head_size
        end = start + payload_size
        if len(buffer) < end:
            return None
        try:
            header = msgspec.json.decode(buffer[_LENGTHS.size : start], type=Header)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadFrame(f"a header is not a JSON object: {error}") from error
        with memoryview(buffer) as view:
            payload = bytes(view[start:end])
        del buffer[:end]
        return header, payload


class Streams:
    """Takes the engine's attached stream apart: pieces of standard output (1) and standard error (2), as they come."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._stream = 0
        self._left = 0

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The pieces that `data` holds, in order; a piece may be part of what the engine sent as one."""
        pieces = []
        at = 0
        while at < len(data):
            if not self._left:
                taken = data[at : at + _STREAM_HEAD.size - len(self._head)]
                self._head += taken
                at += len(taken)
                if len(self._head) == _STREAM_HEAD.size:
                    self._stream, self._left = _STREAM_HEAD.unpack(self._head)
                    self._head.clear()
                continue
            piece = data[at : at + self._left]
            self._left -= len(piece)
            at += len(piece)
            pieces.append((self._stream, piece))
        return pieces
