"""Runs the tracer for the host, under a Python of ours: the deadline, the output, and the end of all it started.

In:  trace {argv, cwd, seconds, keep, flood, linger}, payload the text of the traced file (or nothing)
     The arguments are the tracer's own, without --out; the whole arguments `{text}` and `{folder}` stand for the file
     that holds the text, and for its folder.
Out: out {}, payload raw output as it comes; the last half of `keep` comes at the end
     cut {bytes}             so many bytes are left out here
     frames {}, payload whole JSON lines
     done {exit, limit}      `limit` is null, "time" or "output"

`linger` is how many seconds a program may go on after its trace was over. The end of standard input ends everything.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "runner"))

from framing import BadFrame, read_frame, write_frame  # noqa: E402 - found by the line above
from shell_output import Kept  # noqa: E402 - as above
from shell_tree import adopt_orphans, reap, strike  # noqa: E402 - as above

PIECE = 128 * 1024
TICK = 0.01
GATHER = 0.002  # a traceback is written in many small pieces
KILL_SECONDS = 3.0


class Tail:
    """The whole lines that were added to a file, whose unwritten rest is zeros or missing."""

    def __init__(self, path):
        self._fd = os.open(path, os.O_RDONLY)
        self._at = 0
        self.over = False

    def read(self):
        """The lines that are there now, at most a piece of them."""
        size = PIECE
        while True:
            data = os.pread(self._fd, size, self._at)
            written = data.split(b"\0", 1)[0]
            lines = written[: written.rfind(b"\n") + 1]
            if lines or len(written) < size:
                break
            size *= 2  # one line longer than a piece
        self._at += len(lines)
        self.over = self.over or b'\n{"over": ' in b"\n" + lines
        return lines


class Run:
    """One traced program."""

    def __init__(self, order, text):
        self._order = order
        self._folder = tempfile.mkdtemp(prefix="cwm-trace-")
        out, source = os.path.join(self._folder, "frames"), os.path.join(self._folder, "traced.py")
        for path, content in ((out, b""), (source, text)):
            with open(path, "wb") as stream:
                stream.write(content)
        self._tail = Tail(out)
        self._kept = Kept(order["keep"])
        self._deadline = time.monotonic() + order["seconds"]
        self._over_since = None
        self._status = None
        self._deaf = False
        made = {"{text}": source, "{folder}": self._folder}
        arguments = ["--out", out, *(made.get(part, part) for part in order["argv"])]
        python = shutil.which("python3") or shutil.which("python")
        if python is None:
            raise OSError("there is no Python in this image")
        self._output, theirs = os.pipe()
        self._process = subprocess.Popen(
            [python, "-B", os.path.join(HERE, "trace.py"), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            cwd=order["cwd"],
            env={"PYTHONHASHSEED": "0", **os.environ},
            start_new_session=True,
        )
        os.close(theirs)
        os.set_blocking(self._output, False)

    def watch(self):
        """Pass on what comes until the program has ended or must; what ended it, or None."""
        while True:
            self._reap()
            ended = self._status is not None
            self._pass_on()
            if ended:
                return None
            reason = self._reason(time.monotonic())
            if reason:
                return reason
            watched = [0] if self._deaf else [0, self._output]
            ready, _, _ = select.select(watched, [], [], TICK)
            if 0 in ready:
                return "stop"  # the host has nothing more to say than its end
            if self._output in ready:
                time.sleep(GATHER)
                self._deaf = not self._take()

    def _reason(self, now):
        if now >= self._deadline:
            return "time"
        if self._kept.written > self._order["flood"]:
            return "output"
        if self._tail.over:
            self._over_since = self._over_since or now
            if now - self._over_since >= self._order["linger"]:
                return "linger"
        return None

    def _reap(self):
        ended = reap()
        if self._process.pid in ended:
            status = ended[self._process.pid]
            self._status = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            self._process.returncode = self._status

    def _take(self):
        """Read output once; False at its end."""
        try:
            data = os.read(self._output, PIECE)
        except BlockingIOError:
            return True
        self._send(self._kept.feed(data))
        return bool(data)

    def _send(self, data):
        for at in range(0, len(data), PIECE):
            write_frame(1, {"t": "out"}, data[at : at + PIECE])

    def _pass_on(self):
        lines = self._tail.read()
        while lines:
            write_frame(1, {"t": "frames"}, lines)
            lines = self._tail.read()

    def finish(self, limit):
        """End what is left, pass on the rest, report."""
        deadline = time.monotonic() + KILL_SECONDS
        while strike() and time.monotonic() < deadline:
            self._reap()
            time.sleep(0.005)
        self._reap()
        before = -1
        while before != self._kept.written <= self._order["flood"]:
            before = self._kept.written
            self._take()
        self._pass_on()
        left_out, tail = self._kept.finish()
        if left_out:
            write_frame(1, {"t": "cut", "bytes": left_out})
        self._send(tail)
        code = 137 if self._status is None else self._status
        write_frame(1, {"t": "done", "exit": code, "limit": None if limit == "linger" else limit})

    def clear(self):
        """Remove the files."""
        shutil.rmtree(self._folder, ignore_errors=True)


def main():
    """Answer one request."""
    os.chdir("/")
    adopt_orphans()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _leave)
    request = read_frame(0)
    if request is None:
        return
    run = Run(*request)
    try:
        run.finish(run.watch())
    finally:
        run.clear()
        strike()


def _leave(number, _frame):
    raise SystemExit(128 + number)


if __name__ == "__main__":
    try:
        main()
    except (BadFrame, BrokenPipeError, OSError) as error:
        sys.exit("the tracer: %s" % error)
