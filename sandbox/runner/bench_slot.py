"""A slot: a process forked from a zygote that takes one job after another and forks a child for each."""

from __future__ import annotations

import os
import signal
import time

from _cwm_runner.bench_run import verdict
from _cwm_runner.forkserver import SETUP_TEST, Child, Watcher, settle_memory
from _cwm_runner.forkserver_capture import forget_output

_SETUP_SECONDS = 20.0


def open_slots(links: list, memory: int, orders: dict, ready=lambda: None) -> Child:
    """Fork a slot for each link and serve in it; returns only in the children that are to run a job.

    `ready` is called in each slot first. The caller's process stays behind as the parent of the slots, and ends when
    the first of them does.
    """
    settle_memory()
    pids = []
    for link in links:
        pid = os.fork()
        if pid == 0:
            for other in links:
                if other is not link:
                    other.close()
            return _serve(link, memory, orders, ready)
        pids.append(pid)
    for link in links:
        link.close()
    os.waitpid(-1, 0)
    for pid in pids:
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            continue
    os._exit(0)


def _serve(link, memory: int, orders: dict, ready) -> Child:
    watcher = Watcher(memory)
    ready()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    link.send({"ready": True})
    while True:
        job = link.receive()
        if job is None:
            watcher.close()
            os._exit(0)
        began = time.monotonic()
        answer: dict | None = {"again": True}
        while answer and "again" in answer:
            child = watcher.fork(job)
            if child is not None:
                link.close()
                return child
            answer = _await(watcher, link, orders)
            job["again"] = True
            forget_output()
        if answer is None:
            watcher.close()
            os._exit(0)
        answer["seconds"] = time.monotonic() - began
        try:
            link.send({"answer": answer})
        except OSError:
            watcher.close()
            os._exit(0)


def _await(watcher: Watcher, link, orders: dict) -> dict | None:
    """The child's answer, or ours where it gave none; None where nobody waits for it any more."""
    seconds = orders["seconds"]
    for kind, value in watcher.watch(seconds, max(_SETUP_SECONDS, 2 * seconds), (link.fileno(),)):
        if kind == "line":
            return value
        if kind == "attention":
            return None  # the server speaks only between jobs, so this is the end of the link
        if kind == "tick":
            link.send({"alive": True})
        if kind == "timeout":
            return _lost(watcher, orders, f"did not end within {seconds:g} s")
        if kind == "ended":
            return _lost(watcher, orders, "ended the process")
    return None


def _lost(watcher: Watcher, orders: dict, what: str) -> dict:
    """The verdict on a candidate whose process is gone: it broke before the first test, or it failed that test."""
    test, passed, _ = watcher.progress.read()
    total = len(orders["failing"]) + len(set(orders["related"]) - set(orders["failing"]))
    if test == SETUP_TEST:
        return verdict("broken", 0, total, f"the import {what}")
    stage = "failing" if test < len(orders["failing"]) else "related"
    return verdict(stage, passed, total, f"a test {what}")
