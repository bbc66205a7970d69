"""A spectrum run as the server sees it: a worker that may be lost to the import of a test module or to a test."""

from __future__ import annotations

import time

from _cwm_runner.bench_lane import end_worker, start_worker

_RESTARTS = 40
_IMPORT_SECONDS = 60.0


class Survey:
    """One `spectrum`. What ends the worker is left out at the next start, and reported as a result of its own."""

    def __init__(self, python: str, order: dict, send) -> None:
        self._python = python
        self._order = {**order, "lost": [], "start": 0}
        self._send = send
        self._items: list[str] | None = None
        self._count = 0
        self._failures: list[dict] = []
        self._restarts = 0
        self.over = False
        self._begin()

    def _begin(self) -> None:
        self._collecting = ""
        self._since = time.monotonic()
        self._process, links = start_worker(self._python, "spectrum", self._order)
        self._link = links[0]

    def links(self) -> list:
        """The one link."""
        return [] if self.over else [(self._link, None, None)]

    def message(self, lane, slot) -> None:
        """Take one message."""
        del lane, slot
        value = self._link.receive()
        if value is None:
            self._died()
        elif "collecting" in value:
            self._collecting, self._since = value["collecting"], time.monotonic()
        elif "items" in value:
            self._items = value["items"]
        elif "lines" in value:
            self._imported(value)
        elif "test" in value:
            self._count += 1
            self._send({"op": "test"}, value["test"])
        elif "done" in value:
            self._finish("")
        elif "failed" in value:
            self._finish(self._why_nothing(value))

    def _imported(self, value: dict) -> None:
        if self._items is not None:
            return  # a worker that was started again
        self._send({"op": "imported"}, value["lines"])
        for failure in value["failures"]:
            self._failures.append(failure)
            self._send({"op": "test"}, {**failure, "lines": {}})

    def _why_nothing(self, value: dict) -> str:
        if value.get("missing"):
            return value["failed"]
        if self._failures:
            return f"the tests do not import: {self._failures[0]['path']}: {self._failures[0]['message']}"
        return f"pytest does not start: {value['failed']}"

    def tick(self) -> None:
        """Look for an import that never ends."""
        limit = max(_IMPORT_SECONDS, 2 * self._order["seconds"])
        if self._items is None and time.monotonic() - self._since > limit:
            self._died()

    def _died(self) -> None:
        """Start again without what ended the worker."""
        end_worker(self._process)
        self._link.close()
        self._restarts += 1
        if self._items is not None:
            self._skip_test()
        elif self._collecting and self._collecting not in self._order["lost"]:
            self._order["lost"].append(self._collecting)
        else:
            self._finish("the import of the tests ended the process or never ended")
            return
        if self._restarts > _RESTARTS or (self._items is not None and self._order["start"] >= len(self._items)):
            self._finish("")
        else:
            self._begin()

    def _skip_test(self) -> None:
        assert self._items is not None
        if self._count < len(self._items):
            message = "it ended the processes that ran it"
            test = {"id": self._items[self._count], "outcome": "crashed", "message": message, "lines": {}}
            self._send({"op": "test"}, test)
            self._count += 1
        self._order["start"] = self._count

    def _finish(self, problem: str) -> None:
        if not problem and not self._items and self._failures:
            problem = f"the tests do not import: {self._failures[0]['path']}: {self._failures[0]['message']}"
        elif not problem and not self._items:
            problem = "no tests were found"
        self.end()
        self._send({"op": "surveyed", "problem": problem})

    def end(self) -> None:
        """Kill the worker."""
        if not self.over:
            self.over = True
            end_worker(self._process)
            self._link.close()
