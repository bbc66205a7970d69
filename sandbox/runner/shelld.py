"""The shell service: one persistent shell, one command at a time, everything that a command leaves behind ended.

In:  open {cwd?, disk?}      once, first; `disk` is what `hello` said before a restart of this service
     run {id, seconds, keep, flood, disk}, payload the command
     stop {id}               end the command that runs
Out: hello {shell, disk, kills}
     out {id}, payload raw output, as it comes; the last half of `keep` comes when the command is over
     cut {id, bytes}         so many bytes are left out here
     done {id, exit, limit, ended, restarted, cwd, written, memory, processes, stuck, kills}

`limit` is null, "time", "output", "disk" or "stop"; `ended` counts processes that were killed when the command was
over; `restarted` says that the shell's variables are lost; `memory` and `processes` say that the container's limits
were hit meanwhile; `stuck` counts processes that could not be killed; `kills` is how many processes the container's
memory limit ended so far, or null.
"""

import contextlib
import os
import select
import signal
import sys
import time
from collections import deque

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from framing import BadFrame, Decoder, write_frame
from shell_bash import Shell
from shell_disk import Disk
from shell_limits import Pressure
from shell_output import Kept
from shell_tree import LastPid, adopt_orphans, descendants, reap, send_signal, strike

WORKSPACE = "/workspace"
COMMAND_LIMIT = 8 * 1024 * 1024
PIECE = 64 * 1024
READ = 256 * 1024
TICK = 0.2

LEAVE_SECONDS = 0.15  # for what ends by itself once the command is over, such as the last stage of `> >(tee log)`
FORK_SECONDS = 0.05
TERM_SECONDS = 0.3
KILL_SECONDS = 3.0
SHELL_SECONDS = 0.2


class HostGone(Exception):
    """Standard input ended: nobody listens any more."""


class Service:
    """Waits for whatever comes next: frames, output, a completion, an ended child."""

    def __init__(self):
        self.shell = Shell()
        self.pressure = Pressure()
        self.forks = LastPid()
        self.disk = None
        self.run = None
        self._frames = Decoder()
        self._inbox = deque()
        self._stopped = None
        self._shell_lost = False
        self._wake, wake_end = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wake_end, False)
        signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _nothing)
        self._poll = select.poll()
        for fd in (0, self._wake, self.shell.output, self.shell.control):
            self._poll.register(fd, select.POLLIN)

    def serve(self):
        """Answer until the host is gone."""
        try:
            while True:
                self.wait(None)
                while self._inbox:
                    self._obey(*self._inbox.popleft())
        except HostGone:
            pass
        finally:
            deadline = time.monotonic() + KILL_SECONDS
            while strike() and time.monotonic() < deadline:
                reap()

    def wait(self, seconds):
        """Let one round of events happen, within so many seconds."""
        ready = {fd for fd, _ in self._poll.poll(None if seconds is None else max(seconds, 0) * 1000)}
        if self._wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, 4096)
            if self.shell.gone(reap()) and self.run is None:
                self._shell_lost = True
                self.restart()
        if self.shell.output in ready:
            self.drain(1)
        if 0 in ready:
            data = os.read(0, READ)
            if not data:
                raise HostGone
            for header, payload in self._frames.feed(data):
                if header["t"] == "stop":
                    self._stopped = header["id"]
                else:
                    self._inbox.append((header, payload))

    def stop_asked(self, number):
        """Whether the host wants that command ended."""
        return self._stopped == number

    def drain(self, rounds=None):
        """Take what the pipe holds, at most so many reads; without a command it belongs to nobody."""
        while rounds is None or rounds > 0:
            try:
                data = os.read(self.shell.output, READ)
            except BlockingIOError:
                return
            if self.run is not None:
                self.run.take(data)
            rounds = None if rounds is None else rounds - 1

    def shell_lost(self):
        """Whether the shell was lost since this was last asked, between two commands."""
        lost, self._shell_lost = self._shell_lost, False
        return lost

    def restart(self):
        """Start a shell where the last one was; processes that are still dying may hold the last free slots."""
        deadline = time.monotonic() + KILL_SECONDS
        while True:
            try:
                return self.shell.start(self.shell.cwd)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                reap()
                time.sleep(0.01)

    def _obey(self, header, payload):
        kind = header["t"]
        if kind == "open":
            self.disk = Disk(WORKSPACE, header.get("disk"))
            self.shell.cwd = header.get("cwd") or WORKSPACE
            self.restart()
            write_frame(
                1, {"t": "hello", "shell": self.shell.name, "disk": self.disk.base, "kills": self.pressure.kills()}
            )
        elif kind == "run":
            self.run = Run(self, header)
            try:
                self.run.execute(payload)
            finally:
                self.run = None


class Run:
    """One command from its text to its `done`."""

    def __init__(self, service, header):
        self.service = service
        self.shell = service.shell
        self.id = header["id"]
        self.exit = None
        self.limit = None
        self._seconds = header["seconds"]
        self._flood = header["flood"]
        self._disk = header["disk"]
        self._kept = Kept(header["keep"])
        self._deaf = False

    def take(self, data):
        """Output came."""
        if not self._deaf:
            self._send(self._kept.feed(data))

    def _send(self, data):
        for at in range(0, len(data), PIECE):
            write_frame(1, {"t": "out", "id": self.id}, data[at : at + PIECE])

    def execute(self, command):
        """Run it, end what it leaves, report."""
        service = self.service
        service.pressure.begin()
        problem = _refusal(command)
        if problem:
            self.take(problem)
            return self._report(2, 0, 0, restarted=False)
        service.disk.begin()
        last_pid = service.forks.read()
        self.shell.submit(command)
        self.limit = self._watch()
        if self.limit is not None:
            self._end()
        ended, stuck = self._sweep() if service.forks.read() != last_pid else (0, 0)
        service.drain()
        restarted = service.shell_lost()
        if self.shell.pid is None:
            self.exit = self.shell.status if self.exit is None else self.exit
            service.restart()
            restarted = True
        else:
            self.shell.note_cwd()
        return self._report(self.exit, ended, stuck, restarted=restarted)

    def _report(self, code, ended, stuck, *, restarted):
        left_out, tail = self._kept.finish()
        if left_out:
            write_frame(1, {"t": "cut", "id": self.id, "bytes": left_out})
        self._send(tail)
        memory, processes = self.service.pressure.grown()
        write_frame(
            1,
            {
                "t": "done",
                "id": self.id,
                "exit": code,
                "limit": self.limit,
                "ended": ended,
                "restarted": restarted,
                "cwd": self.shell.cwd,
                "written": self._kept.written,
                "memory": memory,
                "processes": processes,
                "stuck": stuck,
                "kills": self.service.pressure.kills(),
            },
        )

    def _over(self):
        if self.exit is None:
            self.exit = self.shell.completed()
        return self.exit is not None or self.shell.pid is None

    def _watch(self):
        """Wait for the command's end or for a reason to end it."""
        deadline = time.monotonic() + self._seconds
        look_again = time.monotonic() + TICK
        while not self._over():
            if self.service.stop_asked(self.id):
                return "stop"
            if self._kept.written > self._flood:
                return "output"
            now = time.monotonic()
            if now >= deadline:
                return "time"
            if now >= look_again:
                self.shell.note_cwd()
                if self.service.disk.exceeded(self._disk):
                    return "disk"
                look_again = time.monotonic() + TICK
            self.service.wait(min(deadline, look_again) - now)
        return None

    def _end(self):
        """End the command and keep the shell if it goes no further; what it might start next must not run."""
        # Between two of its processes, or just before its first, the shell would be stopped for wanting to fork.
        self._until(lambda: self._over() or self._others(), FORK_SECONDS)
        self.shell.pause()
        self._clear(TERM_SECONDS)
        self.service.drain()
        self._deaf = True  # what comes now is the shell complaining that it may not fork
        self.shell.go_on(forks=False)
        if not self._until(self._over, SHELL_SECONDS):
            self.shell.kill()
            self._until(self._over, KILL_SECONDS)
        self.shell.go_on(forks=True)

    def _sweep(self):
        """End what the command left behind: (how many had to be killed, how many could not be)."""
        if not self._others():
            return 0, 0
        self._until(lambda: not self._others(), LEAVE_SECONDS)
        return self._clear(TERM_SECONDS)

    def _others(self):
        return descendants({self.shell.pid})

    def _clear(self, patience):
        """Ask everything but the shell to end, then kill it: (how many there were, how many are still there)."""
        met = set(self._others())
        if not met:
            return 0, 0
        send_signal(met, signal.SIGTERM)
        self._until(lambda: not self._others(), patience)
        deadline = time.monotonic() + KILL_SECONDS
        while True:
            left = strike({self.shell.pid})
            met.update(left)
            if not left or time.monotonic() > deadline:
                return len(met), len(left)
            self.service.wait(0.005)

    def _until(self, holds, seconds):
        """Go on listening until it holds, for so long at most; whether it holds."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() >= deadline:
                return False
            self.service.wait(0.005)
        return True


def _refusal(command):
    if b"\0" in command:
        return b"The command holds a NUL byte and was not run.\n"
    if len(command) > COMMAND_LIMIT:
        return b"The command is longer than %d bytes and was not run.\n" % COMMAND_LIMIT
    return None


def _nothing(number, frame):
    """A handler and not SIG_IGN: what is ignored stays ignored in the shell."""


def main():
    """Serve the host over the standard streams."""
    os.chdir("/")
    adopt_orphans()
    try:
        Service().serve()
    except (BadFrame, BrokenPipeError) as error:
        sys.exit("shelld: %s" % error)


if __name__ == "__main__":
    main()
