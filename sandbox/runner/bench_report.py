"""What became of a test: pytest's reports of its phases, gathered into one plain result."""

from __future__ import annotations

import time

_LONGEST_MESSAGE = 300
_ASSERTION = "AssertionError: "


def first_line(text: str) -> str:
    """The first line that says anything, bounded."""
    for line in text.splitlines():
        if line.strip():
            return line.strip()[:_LONGEST_MESSAGE]
    return ""


def last_line(text: str) -> str:
    """The last line that says anything, bounded."""
    return first_line("\n".join(reversed(text.splitlines())))


class Reports:
    """A pytest plugin that keeps the worst that was reported of the current test, and where it was raised."""

    def __init__(self, tree) -> None:
        self._tree = tree
        self.forget()

    def forget(self) -> None:
        """Begin with another test."""
        self._began = time.perf_counter()
        self._outcome = "passed"
        self._ran = False
        self.broken = False
        self._message = ""
        self._spare = ""
        self._path = ""
        self._line = 0

    @property
    def good(self) -> bool:
        """Whether nothing failed; a test that was skipped is good too."""
        return self._outcome in ("passed", "skipped")

    @property
    def passed(self) -> bool:
        """Whether the test ran and passed."""
        return self._outcome == "passed" and self._ran

    def result(self, node: str) -> dict:
        """The test's result, without its lines."""
        return {
            "id": node,
            "outcome": self._outcome,
            "seconds": round(time.perf_counter() - self._began, 6),
            "message": self._message or self._spare,
            "path": self._path,
            "line": self._line,
        }

    def broke(self, outcome: str, message: str) -> None:
        """The run itself ended in the middle of the test."""
        self.broken = True
        self._outcome = outcome
        self._message = message

    def pytest_exception_interact(self, call) -> None:
        """The first failure is the one that counts: what follows is often only its consequence."""
        if self._message:
            return
        try:
            text = first_line(call.excinfo.exconly(tryshort=True))
            self._message = text[len(_ASSERTION) :] if text.startswith(_ASSERTION) else text
        except Exception:  # an exception whose __str__ raises
            self._message = call.excinfo.typename
        self._locate(call.excinfo.tb)

    def _locate(self, traceback) -> None:
        while traceback is not None:
            path = self._tree.relative(traceback.tb_frame.f_code.co_filename)
            if path is not None:
                self._path, self._line = path, traceback.tb_lineno
            traceback = traceback.tb_next

    def pytest_runtest_logreport(self, report) -> None:
        """Take one phase in."""
        if report.when == "call":
            self._ran = self._ran or report.outcome == "passed"
        if report.outcome == "failed":
            if self._outcome in ("passed", "skipped"):
                self._outcome = "failed" if report.when == "call" else "error"
            self._spare = self._spare or last_line(str(getattr(report, "longreprtext", "")))
        elif report.outcome == "skipped" and self._outcome == "passed":
            self._outcome = "skipped"


def collection_failure(report) -> dict:
    """The result of a file that could not be imported."""
    lines = [text.strip() for text in str(report.longreprtext).splitlines() if text.strip()]
    marked = [text[2:].strip() for text in lines if text.startswith("E ")]
    path = report.nodeid.split("::")[0]
    message = (marked or lines or ["it could not be collected"])[-1][:_LONGEST_MESSAGE]
    return {"id": report.nodeid, "outcome": "error", "seconds": 0.0, "message": message, "path": path, "line": 0}
