"""Carrying out an action: on the worlds of the mode, each answer with its origin, the imagined one told first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence

from cwm_agent.core.answer import Answer
from cwm_agent.core.bus import Bus
from cwm_agent.core.foresight import Foresight
from cwm_agent.core.history import newest
from cwm_agent.core.imagining import Imagined, Imagining
from cwm_agent.core.interrupt import Interrupted, Stop, cancelled
from cwm_agent.core.parts import SessionParts
from cwm_agent.core.together import Early, hurry
from cwm_agent.events import ActionProposed, ToolCall
from cwm_agent.observations import Completed, Finished, Mode, Origin, OutputWritten, WorldEvent
from cwm_agent.protocols import Tool


class Hands:
    """Does what a policy or the user wants done, and says on the bus what came of it."""

    def __init__(self, parts: SessionParts, foresight: Foresight, bus: Bus) -> None:
        self._tools = {tool.name: tool for tool in parts.tools}
        self._parts = parts
        self._foresight = foresight
        self._imagining = Imagining(parts, foresight, bus)
        self._bus = bus
        last = newest(bus.history, ActionProposed)
        self.number = last.action if last else 0

    async def act(self, call: ToolCall, mode: Mode, stop: Stop, seconds: float) -> bool:
        """Carry one call out; whether the last world that answered completed it with exit code 0.

        Interrupted, TimeIsUp and the errors of a broken world come after the action was ended on the bus.
        """
        self._propose(call)
        self._foresight.begin()
        tool = self._tools.get(call.tool)
        if tool is None:
            return await self._alone(call, _unknown(call.tool, tuple(self._tools)), stop, seconds)
        imagined = await self._imagining.of(tool, call, mode)
        if imagined is None:
            return await self._alone(call, self._run(tool, call, mode), stop, seconds)
        if mode is Mode.IMAGINED:
            return (await self._imagine(call, imagined, Stop(), stop, seconds, spare=False)).good
        return await self._both(call, imagined, self._run(tool, call, mode), stop, seconds)

    async def draft(self, call: ToolCall, mode: Mode, stop: Stop, seconds: float) -> bool:
        """Imagine alone what a call would do, and touch nothing; False where nothing of it can be imagined."""
        tool = self._tools.get(call.tool)
        imagined = await self._imagining.of_draft(tool, call, mode) if tool else None
        if imagined is None:
            return False
        self._propose(call, draft=True)
        await self._imagine(call, imagined, Stop(), stop, seconds, spare=True)
        return True

    def _propose(self, call: ToolCall, *, draft: bool = False) -> None:
        self.number += 1
        self._bus.publish(ActionProposed(self.number, call, draft))

    def _run(self, tool: Tool, call: ToolCall, mode: Mode) -> AsyncIterator[WorldEvent]:
        """What the tool does for real; a tool that works on the files alone is told which world would answer."""
        imagined = self._parts.imagined
        world = imagined if imagined is not None and mode is Mode.IMAGINED else self._parts.real
        return tool.run(call.content, world, self._parts.files, self._parts.action_limits)

    async def _alone(self, call: ToolCall, events: AsyncIterator[WorldEvent], stop: Stop, seconds: float) -> bool:
        answer = Answer(self._bus, self.number, call, Origin.REAL)
        await answer.take(events, stop, seconds)
        return answer.good

    async def _imagine(
        self, call: ToolCall, imagined: Imagined, late: Stop, stop: Stop, seconds: float, *, spare: bool
    ) -> Answer:
        answer = Answer(self._bus, self.number, call, Origin.IMAGINED, guessed=imagined.guessed)
        await answer.take(imagined.begin(late), stop, seconds, spare=spare)
        return answer

    async def _both(
        self, call: ToolCall, imagined: Imagined, events: AsyncIterator[WorldEvent], stop: Stop, seconds: float
    ) -> bool:
        """The real run begins at once and is heard of when the prediction is closed, or given up."""
        began = time.monotonic()
        early, late = Early(events), Stop()
        waiting = asyncio.create_task(hurry(early, late, self._parts.world_limits.patience))
        answer = Answer(self._bus, self.number, call, Origin.REAL, clock=lambda: early.seconds)
        try:
            try:
                foretold = await self._imagine(call, imagined, late, stop, seconds, spare=True)
            except BaseException as error:
                ended = await early.stop()
                answer.told(early.heard, error)
                if isinstance(error, Interrupted):
                    error.stuck = error.stuck or not ended
                raise
            await answer.take(early.events(), stop, max(0.0, seconds - (time.monotonic() - began)))
        finally:
            await cancelled(waiting)
            await early.stop()
        if imagined.guessed and foretold.good:
            self._foresight.scores.output(call, foretold.output, answer.output)
        return answer.good


async def _unknown(name: str, known: Sequence[str]) -> AsyncIterator[WorldEvent]:
    yield OutputWritten(f"There is no tool {name!r}. The tools are: {', '.join(known)}.\n")
    yield Finished(Completed(2))
