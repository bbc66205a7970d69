"""A forked child that judges one thing after the other under a memory limit, and is killed when it takes too long."""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import select
import signal
import struct
from collections.abc import Callable
from typing import Any

MEMORY = 512 * 1024 * 1024


class Worker:
    """Calls `function` in a child: what a candidate does to memory, or in C code that no signal ends, stays there."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._child = 0
        self._read = self._write = -1

    def ask(self, seconds: float, *arguments: Any) -> Any:
        """The function's answer, or None when the child died or did not answer in time."""
        if not self._child:
            self._start()
        data = pickle.dumps(arguments)
        try:
            os.write(self._write, struct.pack("<I", len(data)))
            os.write(self._write, data)
            ready, _, _ = select.select([self._read], [], [], seconds)
            head = os.read(self._read, 4) if ready else b""
        except OSError:
            head = b""
        if len(head) < 4:
            self.close()
            return None
        return pickle.loads(_exactly(self._read, struct.unpack("<I", head)[0]))

    def close(self) -> None:
        if self._child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
            os.close(self._read)
            os.close(self._write)
            self._child = 0

    def _start(self) -> None:
        to_read, to_write = os.pipe()
        back_read, back_write = os.pipe()
        self._child = os.fork()
        if self._child:
            os.close(to_read)
            os.close(back_write)
            self._read, self._write = back_read, to_write
            return
        try:
            os.close(to_write)
            os.close(back_read)
            limit_memory()
            while head := os.read(to_read, 4):
                arguments = pickle.loads(_exactly(to_read, struct.unpack("<I", head)[0]))
                data = pickle.dumps(self._function(*arguments))
                os.write(back_write, struct.pack("<I", len(data)) + data)
        finally:
            os._exit(0)


def limit_memory() -> None:
    """Allow this process MEMORY bytes more address space than it has now."""
    with open("/proc/self/statm") as file:  # noqa: PTH123  # a kernel file, read in a fresh child
        pages = int(file.read().split()[0])
    most = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _exactly(descriptor: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = os.read(descriptor, size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data
