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
from shell_run import KILL_SECONDS, Run
from shell_tree import LastPid, adopt_orphans, reap, strike

WORKSPACE = "/workspace"
READ = 256 * 1024


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
