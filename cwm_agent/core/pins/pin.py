"""A trace of the session becomes a test in the snapshot, and so a part of the patch that the user reviews."""

from __future__ import annotations

import posixpath
from collections.abc import Collection

from msgspec import Struct

from cwm_agent.core.bus import Bus
from cwm_agent.core.checkpoints import Checkpoints
from cwm_agent.core.history import open_patch, place
from cwm_agent.core.parts import SessionParts
from cwm_agent.core.patches import Patches
from cwm_agent.core.pins.calls import module_of
from cwm_agent.core.pins.expected import Test, TracedCall, expected
from cwm_agent.core.pins.file import append, holding
from cwm_agent.core.subjects import source_of
from cwm_agent.core.tracing import recorded
from cwm_agent.errors import UsageError
from cwm_agent.events import HunkImagined, Noticed, SessionResumed, TraceBegan, TraceEnded, TracePinned
from cwm_agent.observations import Completed, Origin
from cwm_agent.traces.frames import Trace
from cwm_agent.workspace.changes import REGULAR, SYMLINK, Change, ChangeSet, Entry

MOST = 20
"""Names that are tried for the file of one module's tests."""


class _Page(Struct, frozen=True):
    """A file with the new test in it, and the test's name there."""

    path: str
    entry: Entry
    test: str


class Pins:
    """Writes the tests. Nothing is executed for one, in any mode."""

    def __init__(self, parts: SessionParts, bus: Bus, checkpoints: Checkpoints, patches: Patches) -> None:
        self._parts = parts
        self._bus = bus
        self._checkpoints = checkpoints
        self._patches = patches

    async def pin(self, number: int) -> None:
        """Write the test of a trace, make a checkpoint and offer the patch; UsageError says why there is no test."""
        traced = await self._traced(number)
        test = expected(traced, unfinished=_again(traced.path, traced.entry))
        page = await self._page(module_of(traced.path), test)
        await self._parts.files.write(page.path.encode(), page.entry)
        self._bus.publish(TracePinned(number, traced.origin, page.path, page.test, traced.model))
        await self._checkpoints.note(0)
        if not any(change.path == page.path.encode() for change in self._checkpoints.changes.changes):
            self._bus.publish(Noticed("warning", f"{page.path} is in no patch, for git ignores it."))
            return
        last = open_patch(self._bus.history)
        summary = last.summary if last else f"The test {page.test} was pinned from a trace."
        self._patches.propose(verified=False, summary=summary)

    async def _traced(self, number: int) -> TracedCall:
        """What the history has of a trace: the real one where there is one, of code that is still the same."""
        history = self._bus.history
        found = recorded(history, number, Origin.REAL) or recorded(history, number, Origin.IMAGINED)
        if found is None:
            raise UsageError(f"There is no trace {number}.")
        began, frames = found
        source = await source_of(self._parts.files, began.path)
        if source is None or not self._holds(began, {began.path, *(frame.file for frame in frames)}):
            raise UsageError(
                f"{began.path} or a file that the call runs through may have changed since it was traced.",
                remedy=_again(began.path, began.subject),
            )
        ends = [event for event in history if isinstance(event, TraceEnded) and event.trace == number]
        outcome = next((event.outcome for event in ends if event.origin is began.origin), None)
        return TracedCall(
            source=source,
            path=began.path,
            entry=began.subject,
            trace=Trace(frames, complete=isinstance(outcome, Completed)),
            outcome=outcome,
            origin=began.origin,
            model="" if began.origin is Origin.REAL else self._parts.world_model or "",
        )

    def _holds(self, began: TraceBegan, paths: Collection[str]) -> bool:
        """Whether these files are surely what was traced; what is imagined for a review is of other code."""
        history = self._bus.history
        at = history.index(began)
        if any(isinstance(event, SessionResumed) for event in history[at:]):
            return False
        if any(isinstance(event, HunkImagined) and event.trace == began.trace for event in history[:at]):
            return False
        then, now = self._checkpoints.read(place(history[:at])), self._checkpoints.changes
        return _of(then, paths) == _of(now, paths)

    async def _page(self, module: str, test: Test) -> _Page:
        """The file that was written for this module before, else a new one; what is another's is left alone."""
        files = self._parts.files
        folder = "tests/" if await files.is_directory(b"tests") else ""
        stem = f"{folder}test_{module.rpartition('.')[2]}_pinned"
        for path in (f"{stem}.py", *(f"{stem}_{number}.py" for number in range(2, MOST))):
            try:
                before = await files.read(path.encode())
            except FileNotFoundError:
                before = Entry(REGULAR, b"")
            except OSError:
                continue
            try:
                text = before.content.decode("utf-8")
                whole, name = append(text, test)
                same = holding(text, test)
            except (UnicodeDecodeError, UsageError):
                continue
            if same:
                raise UsageError(f"It is pinned already: {path}::{same}.")
            if before.mode != SYMLINK:
                return _Page(path, Entry(before.mode, whole.encode()), name)
        raise UsageError(f"The names up to {path} are all taken by other files.")


def _of(changes: ChangeSet, paths: Collection[str]) -> list[Change]:
    names = {posixpath.normpath(path).encode() for path in paths}
    return [change for change in changes.changes if change.path in names]


def _again(path: str, entry: str) -> str:
    return f"Trace it again: /trace {path}::{entry}"
