"""Stopping what is under way: at the user's word, or because its time is up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from cwm_agent.errors import LimitError

T = TypeVar("T")
PATIENCE = 10.0


class Interrupted(Exception):
    """The user stopped it; `stuck` says that it did not end within `PATIENCE` seconds and was left behind."""

    def __init__(self, *, stuck: bool = False) -> None:
        super().__init__()
        self.stuck = stuck


class TimeIsUp(LimitError):
    """The time of a request is used up."""


class Stop:
    """A word that can be given once for what is under way; `clear` makes it ready for what comes next."""

    def __init__(self) -> None:
        self._given = asyncio.Event()

    @property
    def given(self) -> bool:
        """Whether what is under way shall end."""
        return self._given.is_set()

    def give(self) -> None:
        """End what is under way."""
        self._given.set()

    def clear(self) -> None:
        """Forget the word."""
        self._given.clear()

    async def guard(self, work: Coroutine[Any, Any, T], seconds: float | None = None) -> T:
        """The result of `work`; Interrupted or TimeIsUp, after its own clean-up ran, when it was stopped."""
        if self.given:
            work.close()
            raise Interrupted
        task = asyncio.ensure_future(work)
        word = asyncio.ensure_future(self._given.wait())
        try:
            await asyncio.wait({task, word}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            asked = word.done()
            stuck = not await cancelled(task)
        except asyncio.CancelledError:
            await cancelled(task)
            raise
        finally:
            word.cancel()
        if asked:
            raise Interrupted(stuck=stuck)
        raise TimeIsUp("The time for this request is used up.", remedy="Raise limits.seconds in the settings.")


async def cancelled(task: asyncio.Future[Any]) -> bool:
    """Cancel and wait; False where the task did not end in time. What its clean-up raised is not raised again."""
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=PATIENCE)
    if not done:
        return False
    if not task.cancelled():
        task.exception()
    return True


@asynccontextmanager
async def closing(iterator: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """The iterator, closed when the block is left, where it can be closed."""
    try:
        yield iterator
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()
