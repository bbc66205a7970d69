"""Candidate repairs put in order by what a world model expects of them, as far as it was measured to be right."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence

from msgspec import Struct

from cwm_agent.core.subjects import Subject, subject, takes_nothing
from cwm_agent.observations import Completed, Finished, FrameReached, Limits
from cwm_agent.protocols import Candidate, Sources, World
from cwm_agent.traces.compare import fate
from cwm_agent.traces.doubt import sureness
from cwm_agent.traces.frames import Frame, FrameKind, Trace
from cwm_agent.workspace.changes import REGULAR, Entry

TRUSTED = 0.5
"""How likely an imagined trace must be right to count at all."""
_FRAMES = 200

WorldOn = Callable[[Sources], World]
"""An imagined world that reads its context from these files."""


class ImaginedScreener:
    """Imagines the first failing test on one candidate after the other, for so many seconds, before the first is run.

    Those that are imagined to pass come first, those to fail last, where `right` says of the confidence in the trace
    that it is to be trusted; all others keep their place. What comes after the time goes on as it came. A model that
    does not imagine the test to fail on the unchanged code, as it did, is asked nothing more.
    """

    def __init__(self, world_on: WorldOn, files: Sources, right: Callable[[float], float], seconds: float) -> None:
        self._world_on = world_on
        self._files = files
        self._right = right
        self._seconds = seconds
        self.imagined = 0

    async def rank(self, candidates: AsyncIterator[Candidate], failing: Sequence[str]) -> AsyncIterator[Candidate]:
        """The same candidates in another order; every one comes out once."""
        end = time.monotonic() + self._seconds
        test = subject(failing[0]) if failing else None
        held: list[tuple[int, Candidate]] = []
        if test is not None and await self._can_be_imagined(test) and await self._expected(test, {}, end) < 0:
            async for candidate in candidates:
                held.append((await self._expected(test, candidate.files, end), candidate))
                if time.monotonic() > end:
                    break
        for _, candidate in sorted(held, key=lambda each: -each[0]):
            yield candidate
        async for candidate in candidates:
            yield candidate

    async def _can_be_imagined(self, test: Subject) -> bool:
        text = await _text(self._files, test.path)
        return text is not None and takes_nothing(test, text)

    async def _expected(self, test: Subject, texts: dict[str, str], until: float) -> int:
        """1 where the test is imagined to pass with these files, -1 where to fail, 0 where that says nothing."""
        files, seconds = _Edited(self._files, texts), until - time.monotonic()
        text = await _text(files, test.path)
        if text is None or seconds <= 0:
            return 0
        self.imagined += 1
        frames: list[Frame] = []
        complete = False
        async for event in self._world_on(files).run(test.request(text), Limits(seconds=seconds, frames=_FRAMES)):
            match event:
                case FrameReached(frame):
                    frames.append(frame)
                case Finished(outcome):
                    complete = isinstance(outcome, Completed)
                case _:
                    pass
        end = fate(Trace(tuple(frames), complete))
        sure = sureness(frames)
        if end is None or sure is None or self._right(sure) < TRUSTED:
            return 0
        return 1 if end[0] is FrameKind.RETURN else -1


class _Edited(Struct, frozen=True):
    """Files as they would be with a candidate's."""

    files: Sources
    texts: dict[str, str]

    async def read(self, path: bytes, limit: int = 16 * 1024 * 1024) -> Entry:
        """The candidate's text where it has one."""
        text = self.texts.get(path.decode("utf-8", "surrogateescape"))
        return await self.files.read(path, limit) if text is None else Entry(REGULAR, text.encode())


async def _text(files: Sources, path: str) -> str | None:
    try:
        return (await files.read(path.encode())).content.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
