"""Carrying out an action: on the worlds of the mode, one after the other, each answer with its origin."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from typing import assert_never

from cwm_agent.core.bus import Bus
from cwm_agent.core.foresight import Foresight
from cwm_agent.core.history import KILLED, newest
from cwm_agent.core.interrupt import Interrupted, Stop, TimeIsUp, closing
from cwm_agent.core.observation import observation
from cwm_agent.core.parts import SessionParts
from cwm_agent.core.report import tests_in
from cwm_agent.errors import CwmAgentError, SandboxError
from cwm_agent.events import (
    ActionBegan,
    ActionEnded,
    ActionOutput,
    ActionProposed,
    Noticed,
    TestsReported,
    ToolCall,
)
from cwm_agent.observations import (
    Completed,
    Finished,
    FrameReached,
    Mode,
    Origin,
    Outcome,
    OutputWritten,
    Unreadable,
    WorldEvent,
    WorldNoticed,
)
from cwm_agent.protocols import Tool, World

INTERRUPTED = 130


class Hands:
    """Does what a policy or the user wants done, and says on the bus what came of it."""

    def __init__(self, parts: SessionParts, foresight: Foresight, bus: Bus) -> None:
        self._tools = {tool.name: tool for tool in parts.tools}
        self._parts = parts
        self._foresight = foresight
        self._bus = bus
        last = newest(bus.history, ActionProposed)
        self.number = last.action if last else 0

    async def act(self, call: ToolCall, mode: Mode, stop: Stop, seconds: float) -> bool:
        """Carry one call out; whether the last world that answered completed it with exit code 0.

        Interrupted, TimeIsUp and the errors of a broken world come after the action was ended on the bus.
        """
        self.number += 1
        self._bus.publish(ActionProposed(self.number, call))
        tool = self._tools.get(call.tool)
        began = time.monotonic()
        good = False
        for origin, events in await self._answers(tool, call, mode):
            left = max(0.0, seconds - (time.monotonic() - began))
            answer = _Answer(self._bus, self.number, call, origin)
            good = await answer.take(events, stop, left, spare=mode is Mode.VERIFY)
        return good

    async def _answers(
        self, tool: Tool | None, call: ToolCall, mode: Mode
    ) -> tuple[tuple[Origin, AsyncIterator[WorldEvent]], ...]:
        """What the worlds of the mode say to a call, the imagined one first; none of them was asked yet."""
        if tool is None:
            return ((Origin.REAL, _unknown(call.tool, tuple(self._tools))),)
        real = (Origin.REAL, self._run(tool, call, self._parts.real))
        if mode is Mode.REAL or not tool.executes or self._parts.imagined is None:
            return (real,)
        if self._parts.imagines_commands:
            imagined = self._run(tool, call, self._parts.imagined)
        else:
            foreseen = await self._foresight.foreseen(call)
            if mode is Mode.VERIFY and not foreseen:
                return (real,)
            imagined = self._foresight.answer(foreseen) if foreseen else self._run(tool, call, self._parts.imagined)
        return ((Origin.IMAGINED, imagined),) if mode is Mode.IMAGINED else ((Origin.IMAGINED, imagined), real)

    def _run(self, tool: Tool, call: ToolCall, world: World) -> AsyncIterator[WorldEvent]:
        return tool.run(call.content, world, self._parts.files, self._parts.action_limits)


async def _unknown(name: str, known: Sequence[str]) -> AsyncIterator[WorldEvent]:
    yield OutputWritten(f"There is no tool {name!r}. The tools are: {', '.join(known)}.\n")
    yield Finished(Completed(2))


class _Answer:
    """One world's answer to one action, from ActionBegan to ActionEnded and what a test run in it reported."""

    def __init__(self, bus: Bus, number: int, call: ToolCall, origin: Origin) -> None:
        self._bus = bus
        self._number = number
        self._call = call
        self._origin = origin
        self._output: list[str] = []
        self._notices: list[str] = []
        self._began = time.monotonic()

    async def take(self, events: AsyncIterator[WorldEvent], stop: Stop, seconds: float, *, spare: bool) -> bool:
        """Whether it was completed with exit code 0. `spare`: an imagined world that fails is noticed, not raised."""
        self._bus.publish(ActionBegan(self._number, self._origin))
        try:
            outcome = await stop.guard(self._listen(events), seconds)
        except (Interrupted, TimeIsUp) as error:
            why = "the user interrupted this" if isinstance(error, Interrupted) else "the time of the request is up"
            self._notices.append(f"Stopped: {why}")
            self._end(Completed(INTERRUPTED))
            raise
        except (CwmAgentError, OSError) as error:
            text = error.message if isinstance(error, CwmAgentError) else str(error)
            if spare and self._origin is Origin.IMAGINED:
                self._bus.publish(Noticed("warning", f"No prediction: {text}"))
                self._end(Unreadable("", text))
                return False
            self._notices.append(text)
            self._end(Completed(KILLED))
            raise
        except BaseException:
            self._end(Completed(KILLED))
            raise
        self._end(outcome)
        return outcome == Completed(0)

    async def _listen(self, events: AsyncIterator[WorldEvent]) -> Outcome:
        async with closing(events):
            async for event in events:
                match event:
                    case OutputWritten(text=text):
                        self._output.append(text)
                        self._bus.publish(ActionOutput(self._number, self._origin, text))
                    case WorldNoticed(text=text):
                        self._notices.append(text)
                        self._bus.publish(Noticed("warning", text))
                    case FrameReached():
                        pass
                    case Finished(outcome=outcome):
                        return outcome
                    case _:
                        assert_never(event)
        raise SandboxError("The world that answered ended without an outcome.")

    def _end(self, outcome: Outcome) -> None:
        output = "".join(self._output)
        told = observation(output, self._notices, outcome)
        seconds = time.monotonic() - self._began
        self._bus.publish(ActionEnded(self._number, self._origin, outcome, told, seconds))
        report = tests_in(self._call, output, outcome)
        if report is not None:
            self._bus.publish(
                TestsReported(
                    self._number, self._origin, self._call.content, report.passed, report.failed, report.failures
                )
            )
