"""The labels that our containers, volumes and images carry, and from which their owner is known."""

from __future__ import annotations

import os
import socket
import time
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
    return {SESSION: session, KIND: kind, HOST: host_name(), PROCESS: str(pid), STARTED: process_start(pid) or ""}


def host_name() -> str:
    """This machine's name and, where there is one, the boot: after a reboot every process number is someone else's."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return f"{socket.gethostname()}/{boot}" if boot else socket.gethostname()


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
    name, _, boot = found.get(HOST, "").partition("/")
    own_name, _, own_boot = host_name().partition("/")
    if name != own_name or not found.get(PROCESS, "").isdigit():
        return False
    if boot != own_boot:
        return True
    start = process_start(int(found[PROCESS]))
    return start is None or start != found.get(STARTED)


def age_stamp() -> str:
    """The time now, for labels of what is kept for a while: seconds since 1970."""
    return str(int(time.time()))
