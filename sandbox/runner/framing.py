"""One frame: header length and payload length (4 bytes each, big-endian), a JSON object, raw bytes.

What every service inside the container speaks with the host. Standard library alone, Python 3.8 and later.
"""

import json
import os
import struct

LENGTHS = struct.Struct(">II")
HEADER_LIMIT = 1024 * 1024
PAYLOAD_LIMIT = 64 * 1024 * 1024


class BadFrame(Exception):
    """The bytes are not a frame, or one past the limits; nothing after them can be trusted."""


def encode(header, payload=b""):
    """The frame's bytes; `header` is a JSON object."""
    head = json.dumps(header, separators=(",", ":")).encode("ascii")
    if len(head) > HEADER_LIMIT or len(payload) > PAYLOAD_LIMIT:
        raise BadFrame("a frame of %d and %d bytes is too large to send" % (len(head), len(payload)))
    return b"".join((LENGTHS.pack(len(head), len(payload)), head, payload))


class Decoder:
    """Bytes in, whole frames out: each a (header, payload)."""

    def __init__(self, payload_limit=PAYLOAD_LIMIT):
        self._buffer = bytearray()
        self._payload_limit = payload_limit

    def feed(self, data):
        """Take bytes as they come, return the frames that are now complete."""
        self._buffer += data
        frames = []
        while True:
            frame = self._next()
            if frame is None:
                return frames
            frames.append(frame)

    def _next(self):
        buffer = self._buffer
        if len(buffer) < LENGTHS.size:
            return None
        head_size, payload_size = LENGTHS.unpack_from(buffer)
        if head_size > HEADER_LIMIT or payload_size > self._payload_limit:
            raise BadFrame("a frame of %d and %d bytes is too large" % (head_size, payload_size))
        start = LENGTHS.size + head_size
        end = start + payload_size
        if len(buffer) < end:
            return None
        try:
            header = json.loads(bytes(buffer[LENGTHS.size : start]).decode("utf-8"))
        except ValueError as error:
            raise BadFrame("a header is not JSON: %s" % error) from error
        if not isinstance(header, dict):
            raise BadFrame("a header is not an object")
        with memoryview(buffer) as view:
            payload = bytes(view[start:end])
        del buffer[:end]
        return header, payload


def read_frame(fd):
    """The next frame of a blocking descriptor, or None at its end; a frame cut short is BadFrame."""
    lengths = _read_exactly(fd, LENGTHS.size)
    if not lengths:
        return None
    if len(lengths) < LENGTHS.size:
        raise BadFrame("the stream ended within a frame")
    head_size, payload_size = LENGTHS.unpack(lengths)
    if head_size > HEADER_LIMIT or payload_size > PAYLOAD_LIMIT:
        raise BadFrame("a frame of %d and %d bytes is too large" % (head_size, payload_size))
    body = _read_exactly(fd, head_size + payload_size)
    if len(body) < head_size + payload_size:
        raise BadFrame("the stream ended within a frame")
    return Decoder().feed(lengths + body)[0]


def write_frame(fd, header, payload=b""):
    """Write one frame to a blocking descriptor, whole."""
    view = memoryview(encode(header, payload))
    while view:
        view = view[os.write(fd, view) :]


def _read_exactly(fd, size):
    parts = []
    while size:
        part = os.read(fd, min(size, 1024 * 1024))
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
