"""Forks one child for each job, watches it, and kills it with everything that it left behind.

A watcher has one child at a time. It adopts the orphans of that child, so that whatever is still its child after the
job is a left-over of the job: even what called setsid is found.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import mmap
import os
import select
import shutil
import signal
import struct
import tempfile
import time

from _cwm_runner.forkserver_limits import confine, held_memory

_SET_PARENT_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER = 36
_HEARTBEAT = 1.0
_POLL = 0.02
SETUP_TEST = -1


class Progress:
    """What a child is doing, in memory that it shares with its watcher: which test, since when, how many passed."""

    _layout = struct.Struct("=iid")

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, mmap.PAGESIZE)

    def begin(self, test: int = SETUP_TEST, passed: int = 0) -> None:
        """The child begins a test; SETUP_TEST is what comes before the first."""
        self._layout.pack_into(self._memory, 0, test, passed, time.monotonic())

    def read(self) -> tuple[int, int, float]:
        """Test, passed, and the monotonic time at which the test began."""
        return self._layout.unpack_from(self._memory, 0)


class Child:
    """In the forked child: its job, and the way to answer."""

    def __init__(self, job: dict, writer: int, progress: Progress) -> None:
        self.job = job
        self.progress = progress
        self._writer = writer

    def send(self, value: object) -> None:
        """Send one JSON value, one line, to the watcher."""
        data = json.dumps(value).encode() + b"\n"
        while data:
            data = data[os.write(self._writer, data) :]

    def leave(self, value: object) -> None:
        """Send the last value and end at once: no clean-up of the interpreter, no exit handlers."""
        try:
            self.send(value)
        finally:
            os._exit(0)


class Watcher:
    """Forks children one after another. `memory` is what a child may add, in bytes."""

    def __init__(self, memory: int) -> None:
        self._libc = adopt_orphans()
        self._memory = held_memory() + memory
        self._folder = tempfile.mkdtemp(prefix="cwm-bench-")
        self.progress = Progress()
        self._pid = 0
        self._reader = -1
        self._open: list[int] = []
        self._buffer = b""

    def fork(self, job: dict) -> Child | None:
        """Fork; the child gets itself as a value, the watcher gets None and must call `watch` next."""
        folder = os.path.join(self._folder, "tmp")
        os.mkdir(folder, 0o700)
        reader, writer = os.pipe()
        self.progress.begin()
        watcher = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            self._settle(folder, watcher)
            return Child(job, writer, self.progress)
        os.close(writer)
        self._pid = pid
        self._reader = reader
        self._open = [reader]
        self._buffer = b""
        return None

    def _settle(self, folder: str, watcher: int) -> None:
        os.setsid()
        self._libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != watcher:
            os._exit(1)
        os.environ["TMPDIR"] = folder
        tempfile.tempdir = None
        confine(self._memory)

    def watch(self, limit: float, setup: float, attend: tuple[int, ...] = (), *, once: bool = True):
        """Yield what happens to the child, and end when it is gone and cleaned up.

        ("line", value)     a value that it sent; with `once` the first one ends the watch
        ("tick", None)      a second has passed
        ("attention", fd)   a descriptor of `attend` is readable
        ("timeout", test)   a test took longer than `limit`, what comes before the first longer than `setup`
        ("ended", status)   it ended without a word, or (not `once`) at its end
        """
        try:
            yield from self._events(limit, setup, attend, once)
        finally:
            self._bury()

    def _events(self, limit: float, setup: float, attend: tuple[int, ...], once: bool):  # noqa: FBT001 - one caller
        pidfd = _open_pidfd(self._pid)
        others = [*attend, pidfd] if pidfd >= 0 else list(attend)
        pulse = _HEARTBEAT if pidfd >= 0 else _POLL
        beat = time.monotonic()
        try:
            while True:
                test, _, since = self.progress.read()
                left = since + (setup if test == SETUP_TEST else limit) - time.monotonic()
                if left <= 0:
                    yield "timeout", test
                    return
                ready = select.select([*self._open, *others], [], [], min(left, pulse))[0]
                for fd in set(ready).intersection(attend):
                    yield "attention", fd
                status = None if set(ready).intersection(self._open) else self._status()
                for value in self._values():
                    yield "line", value
                    if once:
                        return
                if status is not None:
                    yield "ended", status
                    return
                if time.monotonic() - beat > _HEARTBEAT:
                    beat = time.monotonic()
                    yield "tick", None
        finally:
            if pidfd >= 0:
                os.close(pidfd)

    def _status(self) -> int | None:
        """The child's status once it is gone; it is reaped by that."""
        gone, status = os.waitpid(self._pid, os.WNOHANG)
        if not gone:
            return None
        self._pid = 0
        return status

    def _values(self) -> list:
        """What the child has sent by now, whole lines decoded."""
        while self._open and select.select(self._open, [], [], 0)[0]:
            piece = os.read(self._reader, 1 << 20)
            if not piece:
                self._open = []
            self._buffer += piece
        *lines, self._buffer = self._buffer.split(b"\n")
        return [json.loads(line) for line in lines]

    def _bury(self) -> None:
        """Kill the child's group and every orphan of its, wait for them, and empty its folder."""
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        self._pid = 0
        os.close(self._reader)
        kill_children()
        folder = os.path.join(self._folder, "tmp")
        try:
            os.rmdir(folder)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            if os.path.exists(folder):
                os.rename(folder, f"{folder}-{time.monotonic_ns()}")

    def close(self) -> None:
        """Remove what stands on the disk."""
        shutil.rmtree(self._folder, ignore_errors=True)


def settle_memory() -> None:
    """Before the first fork: what lives now is not looked at by the collector again, so its pages stay shared."""
    gc.collect()
    gc.freeze()


def adopt_orphans() -> ctypes.CDLL:
    """Become the parent of what our descendants leave behind; returns the C library."""
    libc = ctypes.CDLL(None)
    libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    return libc


def _open_pidfd(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1


def kill_children() -> None:
    """End every child that this process still has, and the children that it inherits by that."""
    for _ in range(10_000):
        try:
            gone, _status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if gone:
            continue
        for pid in _children():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.0005)


def _children() -> list[int]:
    own = os.getpid()
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
            if parent == own:
                found.append(int(name))
    return found
