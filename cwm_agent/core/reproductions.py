"""Tests that the model writes to show the problem of a request, and those of them that count."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from hashlib import sha256

from cwm_agent.core.judge import Judge, free_path
from cwm_agent.core.places import BestOfParts, Place
from cwm_agent.core.rollout import Came
from cwm_agent.core.turnstile import Turnstile
from cwm_agent.workspace.changes import ChangeSet

_LOG = logging.getLogger(__name__)
_STEM = "test_cwm_reproduction"
Work = Callable[[Place, str], Awaitable[Came]]
"""Lets the model work on a request in a place."""


class Reproductions:
    """`written` is how many tests there are; `reproducing` are those that fail as they should, by a name of their own.

    `gate` is passed by whatever opens a container.
    """

    def __init__(self, best_of: BestOfParts, judge: Judge, gate: Turnstile, work: Work) -> None:
        self._best_of = best_of
        self._judge = judge
        self._gate = gate
        self._work = work
        self.written = 0
        self.reproducing: dict[str, bytes] = {}

    async def write(self, request: str, names: list[str]) -> None:
        """Ask for one test for each name, at the same time."""
        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(self._write_one(request, name))

    async def _write_one(self, request: str, name: str) -> None:
        try:
            text = await self._text(request, name)
            if text is None:
                return
            self.written += 1
            async with self._gate.admitted():
                if not await self._judge.reproduces(text):
                    self.reproducing[f"{sha256(text).hexdigest()[:16]}-{name}"] = text
        except Exception as error:  # it goes on without this test; how many there are is told
            _LOG.warning("A test could not be written", exc_info=error)

    async def _text(self, request: str, name: str) -> bytes | None:
        async with self._gate.admitted(), self._best_of.place(name) as place:
            path = await free_path(place.files, _STEM)
            came = await self._work(place, self._best_of.reproduction(request, path))
        return _content(came.changes, path)


def _content(changes: ChangeSet | None, path: str) -> bytes | None:
    """What stands at a path after some changes that put it there."""
    found = [change.new for change in changes.changes if change.path == path.encode()] if changes else []
    return found[0].content if found and found[0] else None
