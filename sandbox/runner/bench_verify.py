"""Judging candidates: which lane takes which, what one verdict means for the next, and what to do when a lane dies."""

from __future__ import annotations

import time
from collections import deque

from _cwm_runner.bench_lane import Job, Lane, Slot
from _cwm_runner.bench_run import files_of, verdict

_START_SECONDS = 120.0
_LOSSES = 2
_RESTARTS = 50


class Verification:
    """One `verify`. `send` takes (header) frames for the host; `links` and `message` connect it to a select loop."""

    def __init__(self, python: str, order: dict, width: int, send) -> None:
        self._python = python
        self._order = {**order, "early": False}
        self._width = width
        self._send = send
        self._queues: dict[str, deque[Job]] = {"fast": deque(), "slow": deque(), "sure": deque()}
        self._known: dict | None = None
        self._restarts = 0
        self._only_failing = set(files_of(order["related"])) <= set(files_of(order["failing"]))
        self._others = bool(set(order["related"]) - set(order["failing"]))
        self._total = len(order["failing"]) + len(set(order["related"]) - set(order["failing"]))
        self.failed = False
        self.lanes: dict[str, Lane | None] = {"fast": None, "slow": None}
        for kind in self.lanes:
            self._start(kind)

    def take(self, number: int, files: dict) -> None:
        """Queue a candidate."""
        job = Job(number, files)
        if not all(path.endswith(".py") for path in files):
            self._report(job, verdict("broken", 0, self._total, "only Python files can be tried"))
            return
        self._queue(job)
        self._dispatch()

    def links(self) -> list:
        """(link, lane, slot or None) of everything that may speak."""
        return [(link, lane, slot) for lane in self.lanes.values() if lane for link, slot in lane.links()]

    def message(self, lane: Lane, slot: Slot | None) -> None:
        """Take one message from a link that is readable."""
        if self.lanes[lane.kind] is not lane:
            return
        value = (slot.link if slot else lane.control).receive()
        if value is None:
            self._died(lane)
        elif slot is None:
            self._control(lane, value)
        else:
            slot.heard = time.monotonic()
            slot.ready = True
            if "answer" in value:
                job, slot.job = slot.job, None
                self._answered(job, value["answer"])
        self._dispatch()

    def tick(self) -> None:
        """Look for lanes that hang."""
        for lane in list(self.lanes.values()):
            if lane is None:
                continue
            starting = not any(slot.ready for slot in lane.slots)
            waiting = lane.kind == "slow" and self._known is None
            if starting and not waiting and time.monotonic() - lane.began > _START_SECONDS:
                self._control(lane, {"failed": "the test suite did not finish importing"})
            elif any(slot.silent for slot in lane.slots):
                self._died(lane)
        self._dispatch()

    def end(self) -> None:
        """Kill both lanes."""
        for kind in self.lanes:
            self._stop(kind)

    def _start(self, kind: str) -> None:
        self.lanes[kind] = Lane(kind, self._python, self._order, self._width)
        if kind == "slow" and self._known is not None:
            self.lanes[kind].control.send(self._known)

    def _stop(self, kind: str) -> None:
        lane = self.lanes[kind]
        self.lanes[kind] = None
        if lane is not None:
            lane.end()

    def _control(self, lane: Lane, value: dict) -> None:
        if "modules" in value:
            self._learn(value)
        elif "early" in value:
            self._order["early"] = True
            self._stop("slow")
            self._start("slow")
        elif "failed" in value and lane.kind == "fast":
            self._stop("fast")
            self._learn({})
            self._queues["slow"].extendleft(map(self._slowed, reversed(self._queues["fast"])))
            self._queues["fast"].clear()
        elif "failed" in value:
            self._give_up(value["failed"])

    def _learn(self, known: dict) -> None:
        """What the fast zygote imported, for the slow one to import ahead; it waits for this."""
        if self._known is None:
            self._known = known
            slow = self.lanes["slow"]
            if slow is not None:
                slow.began = time.monotonic()
                try:
                    slow.control.send(known)
                except OSError:
                    return  # its end will be seen at its link

    def _give_up(self, reason: str) -> None:
        self.failed = True
        self.end()
        self._send({"op": "failed", "message": reason})

    def _died(self, lane: Lane) -> None:
        """Start the lane anew; what it had under way is tried once more, each alone, and is broken after that."""
        lost = lane.jobs()
        self._stop(lane.kind)
        self._restarts += 1
        if self._restarts > _RESTARTS:
            self._give_up("the processes that run the tests keep dying")
            return
        if lane.kind == "fast" and not any(slot.ready for slot in lane.slots):
            self._control(lane, {"failed": "its zygote ended"})
        else:
            self._start(lane.kind)
        for job in lost:
            job.losses += 1
            job.alone = True
            if job.losses >= _LOSSES:
                self._report(job, verdict("broken", 0, self._total, "it ended the process that watched it"))
            else:
                self._queue(job)

    def _slowed(self, job: Job) -> Job:
        job.stage = "all" if self._only_failing else "failing"
        return job

    def _queue(self, job: Job) -> None:
        if job.stage == "fast" and self.lanes["fast"] is None:
            self._slowed(job)
        self._queues[job.lane].append(job)

    def _answered(self, job: Job, answer: dict) -> None:
        job.seconds += answer["seconds"]
        if "unsure" in answer:
            self._queues["slow"].append(self._slowed(job))
        elif answer["stage"] == "survived" and (job.stage == "fast" or (job.stage == "failing" and self._others)):
            job.stage = "all"
            self._queues["sure"].append(job)
        else:
            self._report(job, answer)

    def _report(self, job: Job, answer: dict) -> None:
        self._send(
            {
                "op": "verdict",
                "number": job.number,
                "stage": answer["stage"],
                "passed": answer["passed"],
                "total": max(answer["total"], self._total),
                "seconds": job.seconds,
                "message": answer["message"],
            }
        )

    def _dispatch(self) -> None:
        """Give waiting jobs to idle slots: at most one for each processor, likely repairs first, suspects alone."""
        while not self.failed:
            running = [job for lane in self.lanes.values() if lane for job in lane.jobs()]
            if len(running) >= self._width or any(job.alone for job in running):
                return
            for name in ("sure", "fast", "slow"):
                lane = self.lanes["fast" if name == "fast" else "slow"]
                slot = lane.idle() if lane else None
                if slot is not None and self._queues[name] and not (self._queues[name][0].alone and running):
                    job = self._queues[name].popleft()
                    try:
                        slot.give(job)
                    except OSError:
                        self._died(lane)
                    break
            else:
                return
