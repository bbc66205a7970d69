"""The labels that our containers, volumes and images carry, and from which their owner is known."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

SESSION = "cwm-agent.session"
HOST = "cwm-agent.host"
PROCESS = "cwm-agent.pid"
STARTED = "cwm-agent.started"
KIND = "cwm-agent.kind"


def labels(session: str, kind: str) -> dict[str, str]:
    """Labels of a thing that this process owns and that is garbage once the process is gone."""
    pid = os.getpid()
    return {SESSION: session, KIND: kind, HOST: place(), PROCESS: str(pid), STARTED: process_start(pid) or ""}


def place() -> str:
    """Where process numbers mean what they mean here: host, machine, process namespace; then, last, the boot."""
    parts = [
        socket.gethostname(),
        _read("/etc/machine-id"),
        _process_namespace(),
        _read("/proc/sys/kernel/random/boot_id"),
    ]
    return "/".join(part.replace("/", "_") for part in parts)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _process_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def process_start(pid: int) -> str | None:
    """When the process began, in a form that no later process with the same number has; None where none lives.

    On Linux clock ticks since boot (field 22 of /proc/PID/stat); elsewhere only whether it lives is known.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[19]
    except OSError:
        if Path("/proc/self/stat").exists():
            return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return "alive"
    return "alive"


def owner_is_gone(found: Mapping[str, str]) -> bool:
    """Whether the process that these labels name has ended. False where that cannot be known from here."""
    machine, _, boot = found.get(HOST, "").rpartition("/")
    own_machine, _, own_boot = place().rpartition("/")
    if machine != own_machine or not found.get(PROCESS, "").isdigit():
        return False
    if boot != own_boot:
        return True
    start = process_start(int(found[PROCESS]))
    return start is None or start != found.get(STARTED)
