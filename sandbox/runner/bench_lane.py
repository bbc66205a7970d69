"""A lane as the server sees it: a zygote process, its control link, and the links of its slots."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time

from _cwm_runner.forkserver_link import Link, pair

_SILENCE = 8.0


def start_worker(python: str, kind: str, order: dict, slots: int = 0) -> tuple[subprocess.Popen, list[Link]]:
    """Start a worker of the bench and give it its order; the first link is the control link."""
    pairs = [pair() for _ in range(slots + 1)]
    numbers = [theirs.fileno() for _, theirs in pairs]
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bench.py")
    environment = {**os.environ, "PYTHONHASHSEED": os.environ.get("PYTHONHASHSEED", "0"), "TMPDIR": order["scratch"]}
    process = subprocess.Popen(
        [python, script, "work", kind, *map(str, numbers)],
        pass_fds=numbers,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )
    for _, theirs in pairs:
        theirs.close()
    links = [ours for ours, _ in pairs]
    links[0].send(order)
    return process, links


def end_worker(process: subprocess.Popen) -> None:
    """Kill the worker and its process group, and reap it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


class Job:
    """A candidate on its way. `stage` is fast, failing (slow lane, failing tests alone) or all (slow lane)."""

    def __init__(self, number: int, files: dict) -> None:
        self.number = number
        self.files = files
        self.alone = False
        self.stage = "fast"
        self.seconds = 0.0
        self.losses = 0

    @property
    def lane(self) -> str:
        """Which lane runs it next."""
        return "fast" if self.stage == "fast" else "slow"

    def order(self) -> dict:
        """What the slot is told."""
        return {"files": self.files, "related": self.stage == "all"}


class Slot:
    """One link to a slot, and the job that it has."""

    def __init__(self, lane: Lane, link: Link) -> None:
        self.lane = lane
        self.link = link
        self.ready = False
        self.job: Job | None = None
        self.heard = time.monotonic()

    def give(self, job: Job) -> None:
        """Hand a job over."""
        self.job = job
        self.heard = time.monotonic()
        self.link.send(job.order())

    @property
    def silent(self) -> bool:
        """Whether a busy slot has stopped to say that it lives."""
        return self.job is not None and time.monotonic() - self.heard > _SILENCE


class Lane:
    """A zygote and its slots; it lives and dies as a whole."""

    def __init__(self, kind: str, python: str, order: dict, width: int) -> None:
        self.kind = kind
        self.began = time.monotonic()
        self.process, links = start_worker(python, kind, order, width)
        self.control = links[0]
        self.slots = [Slot(self, link) for link in links[1:]]

    def idle(self) -> Slot | None:
        """A slot that can take a job."""
        return next((slot for slot in self.slots if slot.ready and slot.job is None), None)

    def jobs(self) -> list[Job]:
        """What it is working at."""
        return [slot.job for slot in self.slots if slot.job is not None]

    def links(self) -> list[tuple[Link, Slot | None]]:
        """Every link, with its slot; the control link has none."""
        return [(self.control, None), *((slot.link, slot) for slot in self.slots)]

    def end(self) -> None:
        """Kill it."""
        end_worker(self.process)
        for link, _ in self.links():
            link.close()
