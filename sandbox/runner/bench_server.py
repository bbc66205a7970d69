"""The bench's server: frames of the host on stdin, frames for the host on stdout, one run at a time.

    {"op": "spectrum", "run", "targets", "seconds"}              → imported, test …, surveyed
    {"op": "verify", "run", "failing", "related", "seconds"}     → verdict …, or failed
    {"op": "candidate", "run", "number"} + files                the payload is the JSON object path → text
    {"op": "stop", "run"}                                        ends the run at once; nothing is answered

Every answer carries its run's number, so that those of a stopped run can be told. While a run lasts, an `alive` comes
each second. The server imports neither pytest nor the project.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import tempfile
import time

from _cwm_runner.bench_survey import Survey
from _cwm_runner.bench_verify import Verification
from _cwm_runner.forkserver import adopt_orphans, kill_children
from _cwm_runner.forkserver_limits import processors
from _cwm_runner.framing import Decoder, encode

_ENVIRONMENT = "/opt/env/bin/python"
_BEAT = 1.0


def project_python() -> str | None:
    """The interpreter that has the project's dependencies."""
    return _ENVIRONMENT if os.access(_ENVIRONMENT, os.X_OK) else shutil.which("python3") or shutil.which("python")


class Server:
    """Reads, runs, answers."""

    def __init__(self, root: str, python: str | None) -> None:
        self._root = root
        self._python = python
        self._decoder = Decoder()
        self._number = 0
        self._scratch = ""
        self._work: Survey | Verification | None = None
        self._out = os.dup(1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def run(self) -> None:
        """Until the host closes our input."""
        beat = 0.0
        while True:
            links = self._work.links() if self._work else []
            ready = select.select([0, *(link for link, _, _ in links)], [], [], _BEAT if self._work else None)[0]
            if 0 in ready:
                data = os.read(0, 1 << 20)
                if not data:
                    break
                for header, payload in self._decoder.feed(data):
                    self._take(header, payload)
            for link, lane, slot in links:
                if link in ready and self._work is not None and link.fileno() >= 0:
                    self._work.message(lane, slot)
            if self._work is not None and time.monotonic() - beat > _BEAT:
                beat = time.monotonic()
                self._work.tick()
                self._send({"op": "alive"})
        self.stop()

    def _take(self, header: dict, payload: bytes) -> None:
        operation = header["op"]
        if operation == "candidate":
            if header["run"] == self._number and isinstance(self._work, Verification):
                self._work.take(header["number"], json.loads(payload))
            return
        self.stop()
        self._number = header["run"]
        if operation == "stop":
            return
        if self._python is None:
            self._send({"op": "failed", "message": "there is no Python in the sandbox"})
            return
        self._scratch = tempfile.mkdtemp(prefix="cwm-bench-")
        order = {**header, "root": self._root, "scratch": self._scratch}
        if operation == "spectrum":
            self._work = Survey(self._python, order, self._send)
        elif operation == "verify":
            self._work = Verification(self._python, order, processors(), self._send)

    def _send(self, header: dict, body: object = None) -> None:
        payload = b"" if body is None else json.dumps(body).encode()
        view = memoryview(encode({**header, "run": self._number}, payload))
        while view:
            view = view[os.write(self._out, view) :]

    def stop(self) -> None:
        """End the run, with every process that it started and every one that those left behind."""
        work, self._work = self._work, None
        if work is not None:
            work.end()
            kill_children()
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = ""


def serve(root: str, python: str | None = None) -> int:
    """Serve the project in `root`; `python` is the interpreter for its tests."""
    signal.signal(signal.SIGTERM, lambda *_: exit(0))
    adopt_orphans()
    os.chdir(root)
    server = Server(os.path.realpath(root), python or project_python())
    with contextlib.suppress(BrokenPipeError):
        try:
            server.run()
        finally:
            server.stop()
    return 0
