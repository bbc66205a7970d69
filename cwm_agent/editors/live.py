"""A session that an editor has open: how much of it was told, and how it comes to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from acp import RequestError

from cwm_agent.core.session import Session
from cwm_agent.events import AgentEvent

_LOG = logging.getLogger(__name__)
_PATIENCE = 5.0
"""Seconds for an editor that still takes the last events of a session that is being closed."""


class Opened:
    """A session and the way to close what it stands on."""

    def __init__(self, session: Session, close: Callable[[], Awaitable[None]]) -> None:
        self.session = session
        self.close = close


Open = Callable[[Path, str | None, Callable[[AgentEvent], None]], Awaitable[Opened]]
"""Opens a session on a folder, a recorded one by its name; reports on the way. Errors are from `errors`."""


class Live:
    """An open session; `tell` says one event to the editor, and where it fails, the session is closed."""

    def __init__(self, opened: Opened, tell: Callable[[Session, AgentEvent], Awaitable[None]]) -> None:
        self.session = opened.session
        self.turn = asyncio.Lock()
        self._opened = opened
        self._tell = tell
        self._told = 0
        self._over = False
        self._heard = asyncio.Condition()
        self._closing = asyncio.Lock()
        self._closed = False
        self._reading = asyncio.create_task(self._read())

    async def all_told(self) -> None:
        """Wait until the editor knows everything that happened up to now; RequestError where it never will."""
        upto = len(self.session.history)
        async with self._heard:
            await self._heard.wait_for(lambda: self._told >= upto or self._over)
            if self._told < upto:
                raise unreachable(self.session)

    async def close(self) -> None:
        """Close the session and what it stands on, whatever fails on the way; only the first call does."""
        async with self._closing:
            if self._closed:
                return
            self._closed = True
            await _attempt(self.session.aclose)
            if self._reading is not asyncio.current_task():
                await self._stop_reading()
            await _attempt(self._opened.close)

    async def _read(self) -> None:
        try:
            async for event in self.session.events():
                await self._tell(self.session, event)
                await self._note(told=1)
        except Exception as error:  # whatever it is, nobody must wait for an editor that hears nothing any more
            _LOG.error("The editor could not be told", exc_info=error)
        finally:
            await self._note(over=True)
        await self.close()

    async def _note(self, *, told: int = 0, over: bool = False) -> None:
        async with self._heard:
            self._told += told
            self._over |= over
            self._heard.notify_all()

    async def _stop_reading(self) -> None:
        """A connection that broke can leave a message unsent for ever."""
        try:
            async with asyncio.timeout(_PATIENCE), self._heard:
                await self._heard.wait_for(lambda: self._over)
        except TimeoutError:
            _LOG.error("The editor did not take the last events")
        self._reading.cancel()
        await asyncio.wait({self._reading})


def unreachable(session: Session) -> RequestError:
    """What a request is answered that came to a session which was closed because its editor heard nothing."""
    words = f"The session {session.identity} is closed: the editor could not be told what happened in it."
    return RequestError(-32000, words, {"remedy": "It is recorded: load it again."})


async def _attempt(close: Callable[[], Awaitable[None]]) -> None:
    try:
        await close()
    except Exception as error:  # the rest must be closed all the same
        _LOG.error("Closing failed", exc_info=error)
