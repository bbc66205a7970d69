"""An attached exec as a plain socket: every byte of the stream, from its first one, is read from it."""

from __future__ import annotations

import http.client
import io
import json
import socket
import threading
from typing import Any
from urllib.parse import urlsplit

from docker.errors import APIError, DockerException

from cwm_agent.containers.engine import Engine

_HEADER_LIMIT = 16 * 1024
_CONNECT_SECONDS = 30.0
_CHUNK = 64 * 1024


def attach(engine: Engine, exec_id: str) -> socket.socket:
    """Start an exec that was created; what comes back is the engine's multiplexed stream, what goes in is its input.

    A stream's frames are (stream, 0, 0, 0, big-endian length of 4 bytes, payload); stream 1 is output, 2 is errors.
    The socket is blocking, without a time limit. Half closing it ends the command's input.
    """
    plain = _dial(engine.host)
    return _upgrade(plain, engine, exec_id) if plain is not None else _bridge(*_through_client(engine, exec_id))


def _dial(host: str) -> socket.socket | None:
    """A connection to an engine that speaks HTTP without encryption, or None."""
    if host.startswith("unix://"):
        dialled = socket.socket(socket.AF_UNIX)
        dialled.settimeout(_CONNECT_SECONDS)
        dialled.connect(host.removeprefix("unix://"))
        return dialled
    parts = urlsplit(host)
    if parts.scheme == "http" and parts.hostname:
        return socket.create_connection((parts.hostname, parts.port or 2375), _CONNECT_SECONDS)
    return None


def _upgrade(plain: socket.socket, engine: Engine, exec_id: str) -> socket.socket:
    """Ask for the stream over `plain` itself: a client library's reader would swallow bytes that follow the header."""
    body = json.dumps({"Detach": False, "Tty": False}).encode()
    request = (
        f"POST /v{engine.client.api.api_version}/exec/{exec_id}/start HTTP/1.1\r\n"
        "Host: docker\r\nContent-Type: application/json\r\n"
        f"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    try:
        plain.sendall(request.encode("ascii") + body)
        status, headers = _read_head(plain)
        if status not in (101, 200):
            length = min(int(headers.get("content-length", "0")), _HEADER_LIMIT)
            raise _refusal(status, plain.recv(length) if length else b"")
    except BaseException:
        plain.close()
        raise
    plain.settimeout(None)
    return plain


def _read_head(plain: socket.socket) -> tuple[int, http.client.HTTPMessage]:
    """Take exactly the response's header off the socket, and nothing behind it."""
    head = b""
    while b"\r\n\r\n" not in head:
        seen = plain.recv(_HEADER_LIMIT, socket.MSG_PEEK)
        end = (head + seen).find(b"\r\n\r\n")
        taken = plain.recv(len(seen) if end < 0 else end + 4 - len(head))
        head += taken
        if not taken or len(head) > _HEADER_LIMIT:
            raise ConnectionError("the engine closed the connection")
    first, _, rest = head.partition(b"\r\n")
    return int(first.split(b" ", 2)[1]), http.client.parse_headers(io.BytesIO(rest))


def _refusal(status: int, body: bytes) -> DockerException:
    try:
        text = str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        text = f"the engine answered with status {status}"
    return APIError(text, explanation=text)


def _through_client(engine: Engine, exec_id: str) -> tuple[Any, bytes]:
    """The same over TLS or ssh: docker-py's own stream, and what its reader has taken of it already."""
    stream = engine.client.api.exec_start(exec_id, socket=True)
    inner = getattr(stream, "_sock", stream)
    buffered = getattr(getattr(getattr(stream, "_response", None), "raw", None), "_fp", None)
    early = b""
    if buffered is not None and hasattr(inner, "settimeout"):
        inner.settimeout(0)
        try:
            early = bytes(buffered.fp.peek())
        except (OSError, ValueError):
            early = b""
        inner.settimeout(None)
    return stream, early


def _bridge(stream: Any, early: bytes) -> socket.socket:
    """A plain socket in front of a stream that is none, with one thread for each direction."""
    ours, theirs = socket.socketpair()
    inner = getattr(stream, "_sock", stream)

    def outward() -> None:
        try:
            if early:
                theirs.sendall(early)
            while data := inner.recv(_CHUNK):
                theirs.sendall(data)
        except OSError:
            pass
        finally:
            _shut(theirs, socket.SHUT_WR)

    def inward() -> None:
        try:
            while data := theirs.recv(_CHUNK):
                inner.sendall(data)
        except OSError:
            pass
        finally:
            _shut(inner, socket.SHUT_WR)

    def both() -> None:
        feeder = threading.Thread(target=inward, name="attach-in", daemon=True)
        feeder.start()
        outward()
        _shut(theirs, socket.SHUT_RDWR)
        feeder.join()
        theirs.close()
        stream.close()

    threading.Thread(target=both, name="attach-out", daemon=True).start()
    return ours


def _shut(end: Any, how: int) -> None:
    try:
        end.shutdown(how)
    except (OSError, TypeError):
        return
