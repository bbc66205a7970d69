"""One world's answer to one action, on its way onto the bus."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import assert_never

from cwm_agent.core.bus import Bus
from cwm_agent.core.history import KILLED
from cwm_agent.core.interrupt import Interrupted, Stop, TimeIsUp, closing
from cwm_agent.core.observation import observation
from cwm_agent.core.report import tests_in
from cwm_agent.core.tracing import INTERRUPTED
from cwm_agent.errors import CwmAgentError, SandboxError
from cwm_agent.events import ActionBegan, ActionEnded, ActionOutput, Noticed, TestsReported, ToolCall
from cwm_agent.observations import (
    Completed,
    Finished,
    FrameReached,
    Origin,
    Outcome,
    OutputWritten,
    Unreadable,
    WorldEvent,
    WorldNoticed,
)


class Answer:
    """From ActionBegan to ActionEnded, and what a test run in it reported. `outcome` is None until it has ended."""

    def __init__(
        self,
        bus: Bus,
        number: int,
        call: ToolCall,
        origin: Origin,
        *,
        guessed: bool = False,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._bus = bus
        self._number = number
        self._call = call
        self._origin = origin
        self._guessed = guessed
        began = time.monotonic()
        self._clock = clock or (lambda: time.monotonic() - began)
        self._output: list[str] = []
        self._notices: list[str] = []
        self.outcome: Outcome | None = None

    @property
    def good(self) -> bool:
        """Whether it was completed with exit code 0."""
        return self.outcome == Completed(0)

    @property
    def output(self) -> str:
        """What was written, without notices."""
        return "".join(self._output)

    async def take(self, events: AsyncIterator[WorldEvent], stop: Stop, seconds: float, *, spare: bool = False) -> None:
        """Tell the answer as it comes. `spare`: a world that fails is noticed, not raised."""
        self._begin()
        try:
            outcome = await stop.guard(self._listen(events), seconds)
        except (CwmAgentError, OSError) as error:
            if not spare or isinstance(error, TimeIsUp):
                self._break(error)
                raise
            text = error.message if isinstance(error, CwmAgentError) else str(error)
            self._bus.publish(Noticed("warning", f"No prediction: {text}"))
            self._end(Unreadable("", text))
        except BaseException as error:
            self._break(error)
            raise
        else:
            self._end(outcome)

    def told(self, events: Sequence[WorldEvent], error: BaseException) -> None:
        """Tell what was heard until `error` stopped it; what came to its end is told as it ended."""
        self._begin()
        for event in events:
            outcome = self._hear(event)
            if outcome is not None:
                self._end(outcome)
                return
        self._break(error)

    async def _listen(self, events: AsyncIterator[WorldEvent]) -> Outcome:
        async with closing(events):
            async for event in events:
                outcome = self._hear(event)
                if outcome is not None:
                    return outcome
        raise SandboxError("The world that answered ended without an outcome.")

    def _hear(self, event: WorldEvent) -> Outcome | None:
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
        return None

    def _begin(self) -> None:
        self._bus.publish(ActionBegan(self._number, self._origin, self._guessed))

    def _break(self, error: BaseException) -> None:
        """The end of an answer that did not come to its own."""
        match error:
            case Interrupted():
                self._notices.append("Stopped: the user interrupted this")
            case TimeIsUp():
                self._notices.append("Stopped: the time of the request is up")
            case CwmAgentError():
                self._notices.append(error.message)
            case OSError():
                self._notices.append(str(error))
            case _:
                pass
        stopped = isinstance(error, Interrupted | TimeIsUp)
        self._end(Completed(INTERRUPTED if stopped else KILLED))

    def _end(self, outcome: Outcome) -> None:
        self.outcome = outcome
        told = observation(self.output, self._notices, outcome)
        self._bus.publish(ActionEnded(self._number, self._origin, outcome, told, self._clock()))
        report = tests_in(self._call, self.output, outcome)
        if report is None:
            return
        self._bus.publish(
            TestsReported(self._number, self._origin, self._call.content, report.passed, report.failed, report.failures)
        )
