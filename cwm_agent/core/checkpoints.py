"""The snapshot's changes after each action, kept so that any of them can be had again."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from cwm_agent.core.applied import sides
from cwm_agent.core.bus import Bus
from cwm_agent.core.history import newest, place
from cwm_agent.errors import SandboxError, SessionError
from cwm_agent.events import CheckpointMade, Noticed
from cwm_agent.protocols import Files, Recorder
from cwm_agent.text import printable_name
from cwm_agent.workspace.changes import Change, ChangeSet, Entry
from cwm_agent.workspace.diff import stats
from cwm_agent.workspace.merge import merge_entries

T = TypeVar("T")
SECONDS = 120.0
LARGEST = 64 * 1024 * 1024
_BY_PRODUCTS = (b"__pycache__", b".pytest_cache", b".mypy_cache", b".ruff_cache", b".hypothesis")


class Checkpoints:
    """Numbers the states of the snapshot from 1; 0 is the start, the user's tree as it was snapshot.

    `harmless` are those at which only by-products of running changed; `newest` is what the last one changed else.
    """

    def __init__(self, files: Files, recorder: Recorder, bus: Bus) -> None:
        self._files = files
        self._recorder = recorder
        self._bus = bus
        self._unsaved: dict[int, ChangeSet] = {}
        self.changes = ChangeSet()
        self.current = place(bus.history)
        self._at: int | None = None if self.current else 0
        made = newest(bus.history, CheckpointMade)
        self._highest = made.checkpoint if made else 0
        self.harmless: set[int] = set()
        self.newest: tuple[Change, ...] = ()

    async def note(self, action: int) -> bool:
        """Keep the snapshot's state if an action changed it, and say so."""
        now = await _answered(self._files.changes())
        if now == self.changes:
            return False
        number = self._highest + 1
        if all(by_product(path) for path in _differing(self.changes, now)):
            self.harmless.add(number)
        self._highest = self.current = self._at = number
        self.newest = _steps(self.changes, now)
        self.changes = now
        await self.keep(number, now)
        self._bus.publish(CheckpointMade(number, action, stats(now)))
        return True

    async def take_over(self, changes: ChangeSet) -> None:
        """Make the snapshot differ from the user's tree by exactly `changes`: a checkpoint that no action made."""
        await _answered(self._files.restore(changes))
        await self.note(0)

    async def keep(self, number: int, changes: ChangeSet) -> None:
        """Store a change set; where the disk takes none it waits in memory and is offered again with the next."""
        first = not self._unsaved
        self._unsaved[number] = changes
        for waiting in tuple(self._unsaved):
            try:
                await asyncio.to_thread(self._recorder.keep, waiting, self._unsaved[waiting])
            except OSError as error:
                if first:
                    reason = error.strerror or str(error)
                    self._bus.publish(
                        Noticed("error", f"A checkpoint cannot be stored: {reason}.", "It is kept in memory for now.")
                    )
                return
            del self._unsaved[waiting]

    def read(self, number: int) -> ChangeSet:
        """A checkpoint's change set; SessionError where there is none."""
        if number == self._at:
            return self.changes
        if number in self._unsaved:
            return self._unsaved[number]
        if number > self._highest:
            raise SessionError(f"There is no checkpoint {number}.", remedy=f"The newest is {self._highest}.")
        return self._recorder.checkpoint(number)

    async def keep_applied(self, count: int, changes: ChangeSet) -> None:
        """Store the session's applied patch number `count`; it stands below 0 among the checkpoints."""
        await self.keep(-count, changes)

    def read_applied(self, count: int) -> ChangeSet:
        """Read an applied patch back."""
        return self.read(-count)

    async def return_to(self, number: int) -> str:
        """Make the snapshot what it was at a checkpoint; returns which files could not be had again, or nothing.

        The snapshot may have been made anew since, from a tree in which the user went on. What both changed is
        merged; where that is not possible the user's own version stays.
        """
        wanted = self.read(number)
        present = {change.path: change.old for change in (await _answered(self._files.changes())).changes}
        rebased, lost = [], []
        for path, old, new in sides(wanted):
            base = present[path] if path in present else await self._base(path)
            merged = (new,) if base == old else merge_entries(old, base, new)
            if merged is None:
                lost.append(path)
            elif merged[0] != base:
                rebased.append(Change(path, base, merged[0]))
        target = ChangeSet(tuple(sorted(rebased, key=lambda change: change.path)))
        await _answered(self._files.restore(target))
        self.changes, self.current, self._at = target, number, number
        return ", ".join(printable_name(path) for path in lost)

    async def bases(self, paths: tuple[bytes, ...]) -> dict[bytes, Entry | None]:
        """What stands at each path in the tree that the snapshot was made from."""
        present = {change.path: change.old for change in self.changes.changes}
        return {path: present[path] if path in present else await self._base(path) for path in paths}

    async def _base(self, path: bytes) -> Entry | None:
        try:
            return await self._files.read(path, LARGEST)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None


async def _answered(work: Coroutine[Any, Any, T]) -> T:
    try:
        return await asyncio.wait_for(work, SECONDS)
    except TimeoutError as error:
        raise SandboxError(f"The sandbox's files did not answer within {SECONDS:g} s.") from error


def _differing(before: ChangeSet, after: ChangeSet) -> set[bytes]:
    old = {change.path: change.new for change in before.changes}
    new = {change.path: change.new for change in after.changes}
    return {path for path in old.keys() | new.keys() if path not in old or path not in new or old[path] != new[path]}


def _steps(before: ChangeSet, after: ChangeSet) -> tuple[Change, ...]:
    """What leads from one state to another, by-products left out; a set without a path leaves it as at the start."""
    old = {change.path: change for change in before.changes}
    new = {change.path: change for change in after.changes}
    found = []
    for path in sorted(path for path in _differing(before, after) if not by_product(path)):
        was = old[path].new if path in old else new[path].old
        found.append(Change(path, was, new[path].new if path in new else old[path].old))
    return tuple(found)


def by_product(path: bytes) -> bool:
    """Whether a path is what running code leaves behind."""
    return any(part in _BY_PRODUCTS for part in path.split(b"/"))
