"""One command of the shell service: watched while it runs, ended where it must be, swept up after, reported."""

import signal
import time

from framing import write_frame
from shell_disk import deleted_but_open
from shell_output import Kept
from shell_tree import descendants, send_signal, strike

COMMAND_LIMIT = 8 * 1024 * 1024
PIECE = 64 * 1024
TICK = 0.2

LEAVE_SECONDS = 0.15  # for what ends by itself once the command is over, such as the last stage of `> >(tee log)`
FORK_SECONDS = 0.05
TERM_SECONDS = 0.3
KILL_SECONDS = 3.0
SHELL_SECONDS = 0.2


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
        if self.limit == "disk" and self.shell.pid and deleted_but_open([self.shell.pid]):
            self.shell.kill()  # what it holds open counts against the limit, and no command could free it
            self._until(lambda: self.shell.pid is None, KILL_SECONDS)
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
