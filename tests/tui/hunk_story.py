"""A session that answers the wish to see a hunk imagined: the call of the failing test, with the patch of `review`."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from cwm_agent.events import (
    AgentEvent,
    FramesReached,
    HunkImagined,
    ImagineHunk,
    Interrupt,
    Noticed,
    TraceBegan,
    TraceEnded,
    UserCommand,
)
from cwm_agent.observations import Completed, Origin
from cwm_agent.traces.frames import Basis, Frame, FrameKind
from cwm_agent.workspace.review import Review
from tests.tui.stories import DREAM, NEW, READY, REFUND, ReplaySession

WITH_MODEL: list[AgentEvent] = [DREAM, *READY[1:]]
LINES = dict(enumerate(NEW.decode().splitlines(), 1))
GIVEN = {"amounts": "[Decimal('1.005'), Decimal('2.000')]"}
PATH = "payments/refunds.py"
ANSWER = HunkImagined(
    checkpoint=1,
    file=0,
    hunk=0,
    call=REFUND,
    known="called by tests/test_refund.py::test_refund_keeps_the_cent",
    path=PATH,
    lines=(12, 13),
    trace=7,
    before="returns Decimal('3.00')",
)
NO_CALL = "No call that reaches label is known. Trace one: /trace payments/refunds.py::f(1, 2)"


def frame(event: str, line: int, value: str | None = None, *, imagined: bool, **locals_: str) -> Frame:
    """A frame of the new `refund`; the model wrote every value, and the source told every line."""
    basis = dict.fromkeys([*locals_, *(["<value>"] if value else [])], Basis.FREE) | {"<line>": Basis.FORCED}
    return Frame(
        event=FrameKind(event),
        file=PATH,
        function="refund",
        line=line,
        depth=0,
        source=LINES[line],
        locals=locals_,
        value=value,
        basis=basis if imagined else {},
    )


def run_of(total: str, value: str, *, imagined: bool) -> tuple[Frame, ...]:
    """`refund` of two amounts that sum up to `total`."""

    def at(line: int, **more: str) -> Frame:
        return frame("line", line, imagined=imagined, **{**GIVEN, **more})

    first, last = {"amount": "Decimal('1.005')"}, {"amount": "Decimal('2.000')"}
    return (
        frame("call", 8, imagined=imagined, **GIVEN),
        at(10),
        at(11, total="Decimal('0')"),
        at(12, total="Decimal('0')", **first),
        at(11, total="Decimal('1.005')", **first),
        at(12, total="Decimal('1.005')", **last),
        at(11, total=f"Decimal('{total}')", **last),
        at(13, total=f"Decimal('{total}')", **last),
        frame("return", 13, f"Decimal('{value}')", imagined=imagined),
    )


DREAMT = run_of("3.005", "3.01", imagined=True)
HAPPENED = run_of("3.005", "3.00", imagined=False)
BEGAN = TraceBegan(7, Origin.IMAGINED, REFUND, PATH)
IMAGINED: list[AgentEvent] = [
    ANSWER,
    BEGAN,
    FramesReached(7, Origin.IMAGINED, DREAMT),
    TraceEnded(7, Origin.IMAGINED, Completed(0)),
]
COMING: list[AgentEvent] = [ANSWER, BEGAN, FramesReached(7, Origin.IMAGINED, DREAMT[:4])]
STOPPED: list[AgentEvent] = [
    TraceEnded(7, Origin.IMAGINED, Completed(130)),
    Noticed("info", "Stopped. What was reached of the trace is kept."),
]
RAN: list[AgentEvent] = [
    TraceBegan(5, Origin.REAL, REFUND, PATH),
    FramesReached(5, Origin.REAL, HAPPENED),
    TraceEnded(5, Origin.REAL, Completed(0)),
]
"""The same call on the same code, before anybody asked for the hunk."""
BOTH: list[AgentEvent] = [replace(ANSWER, real=5), *IMAGINED[1:]]


class ImaginingSession(ReplaySession):
    """Answers for the first hunk with these events, and for others that no call is known."""

    def __init__(self, events: Sequence[AgentEvent], review: Review, answer: Sequence[AgentEvent]) -> None:
        super().__init__(events, review)
        self.answer = answer

    async def send(self, command: UserCommand) -> None:
        await super().send(command)
        if isinstance(command, ImagineHunk):
            mine = (command.file, command.hunk) == (ANSWER.file, ANSWER.hunk)
            none = HunkImagined(checkpoint=1, file=command.file, hunk=command.hunk, why_not=NO_CALL)
            await self.say(*(self.answer if mine else [none]))
        elif isinstance(command, Interrupt):
            await self.say(*STOPPED)
