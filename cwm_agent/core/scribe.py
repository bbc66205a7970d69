"""From the bus to the record: streams joined into few records, and nothing dropped while the disk takes nothing."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

import msgspec

from cwm_agent.events import ActionOutput, AgentEvent, Noticed, TextWritten, ThoughtWritten
from cwm_agent.protocols import Recorder

INTERVAL = 0.05
Stream = ThoughtWritten | TextWritten | ActionOutput


class Scribe:
    """Gives a recorder what happens, pieces of one stream at most every `INTERVAL` seconds.

    Where the recorder fails, `say` is told once; events wait in memory, in order, and are offered again with the next.
    """

    def __init__(self, recorder: Recorder, say: Callable[[AgentEvent], None]) -> None:
        self._recorder = recorder
        self._say = say
        self._stream: Stream | None = None
        self._pieces: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._written: dict[tuple[object, ...], float] = {}
        self._waiting: deque[AgentEvent] = deque()
        self._failing = False

    @property
    def waiting(self) -> int:
        """How many events the record does not have because it could not be written."""
        return len(self._waiting)

    def write(self, event: AgentEvent) -> None:
        """Record an event, at once or joined with what follows within `INTERVAL`."""
        if not isinstance(event, ThoughtWritten | TextWritten | ActionOutput):
            self.flush()
            self._put(event)
            return
        key = _key(event)
        if self._stream is not None and _key(self._stream) == key:
            self._pieces.append(event.text)
            return
        self.flush()
        self._stream, self._pieces = event, [event.text]
        wait = self._written.get(key, 0.0) + INTERVAL - time.monotonic()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            wait = 0.0
        if wait <= 0:
            self.flush()
        else:
            self._timer = loop.call_later(wait, self.flush)

    def flush(self) -> None:
        """Record what is held back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._stream is None:
            return
        joined = msgspec.structs.replace(self._stream, text="".join(self._pieces))
        self._stream, self._pieces = None, []
        self._written = {_key(joined): time.monotonic()}
        self._put(joined)

    def _put(self, event: AgentEvent) -> None:
        self._waiting.append(event)
        try:
            while self._waiting:
                self._recorder.append(self._waiting[0])
                self._waiting.popleft()
        except OSError as error:
            if not self._failing:
                self._failing = True
                self._say(
                    Noticed(
                        "error",
                        f"The session cannot be recorded: {error.strerror or error}. It goes on in memory.",
                        "Make room on the disk: what is missing is written as soon as there is any.",
                    )
                )
            return
        if self._failing:
            self._failing = False
            self._say(Noticed("info", "The session is recorded again; nothing is missing from its record."))


def _key(event: Stream) -> tuple[object, ...]:
    if isinstance(event, ActionOutput):
        return (ActionOutput, event.action, event.origin)
    return (type(event),)
