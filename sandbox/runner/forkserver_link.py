"""Messages between the processes of the bench: JSON values over a socket, each behind its length in four bytes."""

from __future__ import annotations

import json
import os
import socket
import struct

_LENGTH = struct.Struct(">I")


class Link:
    """One end. `receive` returns None when the other end is gone; sending to it raises OSError."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def fileno(self) -> int:
        """For select."""
        return self._end.fileno()

    def send(self, value: object) -> None:
        """Send one JSON value."""
        data = json.dumps(value).encode()
        self._end.sendall(_LENGTH.pack(len(data)) + data)

    def receive(self) -> object:
        """The next value; blocks."""
        head = self._exactly(_LENGTH.size)
        data = head and self._exactly(_LENGTH.unpack(head)[0])
        return json.loads(data) if data else None

    def close(self) -> None:
        """Let go of the socket."""
        self._end.close()

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            try:
                piece = self._end.recv(size - len(data))
            except OSError:
                return b""
            if not piece:
                return b""
            data += piece
        return data


def pair() -> tuple[Link, socket.socket]:
    """Our end, and the socket to hand to a child process."""
    ours, theirs = socket.socketpair()
    return Link(ours), theirs


def from_fd(number: int) -> Link:
    """The end that a parent process handed down; programs that the tests start do not inherit it."""
    os.set_inheritable(number, False)  # noqa: FBT003 - takes no name
    return Link(socket.socket(fileno=number))
