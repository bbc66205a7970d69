"""The one append-only history of a session: every event goes onto it, everybody reads it from the start."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence

import msgspec

from cwm_agent.core.scribe import Scribe
from cwm_agent.events import AgentEvent, Noticed
from cwm_agent.protocols import Recorder

_ENCODER = msgspec.json.Encoder()
_SURROGATE = re.compile("[\ud800-\udfff]")


class Bus:
    """Takes events and hands them to any number of readers and to the record.

    `recorded` is what an earlier process recorded; it stands at the beginning and is not recorded again.
    """

    def __init__(self, recorder: Recorder, recorded: Sequence[AgentEvent] = ()) -> None:
        self._events: list[AgentEvent] = list(recorded)
        self._frozen: tuple[AgentEvent, ...] = ()
        self._changed = asyncio.Event()
        self._closed = False
        self.scribe = Scribe(recorder, self.publish)

    @property
    def history(self) -> tuple[AgentEvent, ...]:
        """Everything so far."""
        if len(self._frozen) != len(self._events):
            self._frozen = tuple(self._events)
        return self._frozen

    def publish(self, event: AgentEvent) -> None:
        """Append an event; readers see it at once, the record has it within a twentieth of a second."""
        if self._closed:
            return
        sound = scrubbed(event)
        self._events.append(sound)
        self._changed.set()
        self._changed = asyncio.Event()
        self.scribe.write(sound)

    async def events(self) -> AsyncIterator[AgentEvent]:
        """Everything so far, then what comes, until the bus is closed."""
        at = 0
        while True:
            while at < len(self._events):
                yield self._events[at]
                at += 1
            if self._closed:
                return
            await self._changed.wait()

    def close(self) -> None:
        """Let the readers come to their end; what is published from now on is dropped."""
        self.scribe.flush()
        self._closed = True
        self._changed.set()


def scrubbed(event: AgentEvent) -> AgentEvent:
    """The event with U+FFFD for lone surrogates, which no record and no JSON can hold."""
    try:
        _ENCODER.encode(event)
    except UnicodeEncodeError:
        plain = _without_surrogates(msgspec.to_builtins(event))
        try:
            return msgspec.convert(plain, AgentEvent)  # type: ignore[no-any-return] # typed by its argument
        except msgspec.ValidationError as error:
            return Noticed("error", f"An event could not be kept: {error}")
    return event


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {key: _without_surrogates(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_surrogates(each) for each in value]
    return value
