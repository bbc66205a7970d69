"""Whether a port is free, and who has it where it is not."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

from cwm_agent.errors import ModelUnavailable, UsageError
from cwm_agent.text import printable_line

_HIGHEST = 65_535
_LISTENING = "0A"
_WORDS = 60


def check(host: str, port: int) -> None:
    """Pass where a server can listen there; ModelUnavailable says by what the port is taken, and the next free one."""
    if not 1 <= port <= _HIGHEST:
        raise UsageError(f"{port} is no port.", remedy=f"Take one from 1 to {_HIGHEST}.")
    code = _attempt(host, port)
    if code == errno.EADDRINUSE:
        owner = holder(port)
        free = next((each for each in range(port + 1, _HIGHEST + 1) if not _attempt(host, each)), None)
        raise ModelUnavailable(
            f"Port {port} is taken{f' by {owner}' if owner else ''}.",
            remedy=f"Take the next free one with --port {free}." if free else "Stop what listens there.",
        )
    if code == errno.EACCES:
        raise UsageError(f"Port {port} is not yours to listen on.", remedy="Take one above 1023.")
    if code:
        raise UsageError(
            f"{printable_line(host)} is no address of this machine: {os.strerror(code)}.",
            remedy="Take 127.0.0.1, or 0.0.0.0 for every network that this machine is in.",
        )


def address(host: str, port: int) -> str:
    """Where this machine reaches a server that listens there."""
    near = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    return f"http://[{near}]:{port}" if ":" in near else f"http://{near}:{port}"


def _attempt(host: str, port: int) -> int:
    """The number of the error with which listening fails, 0 where it works."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
            probe.listen(1)
    except socket.gaierror:
        return errno.EADDRNOTAVAIL
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def holder(port: int) -> str:
    """The process that listens on the port, in words; empty where the system does not tell."""
    sockets = {f"socket:[{number}]" for table in ("tcp", "tcp6") for number in _inodes(table, port)}
    for folder in Path("/proc").glob("[0-9]*") if sockets else ():
        try:
            if any(str(link.readlink()) in sockets for link in (folder / "fd").iterdir()):
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
                name = words if len(words) <= _WORDS else words[:_WORDS] + "…"
                return f"process {folder.name} ({printable_line(name)})"
        except OSError:  # it ended meanwhile, or belongs to somebody else
            continue
    return ""


def _inodes(table: str, port: int) -> list[str]:
    """The listening sockets of that port in a table of the kernel's."""
    try:
        rows = [line.split() for line in Path("/proc/net", table).read_text().splitlines()[1:]]
    except OSError:
        return []
    return [row[9] for row in rows if row[3] == _LISTENING and int(row[1].rsplit(":", 1)[1], 16) == port]
