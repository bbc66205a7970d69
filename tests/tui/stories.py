"""Recorded sessions for the screen: lists of events, a patch for review, and a session that replays them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from textual.pilot import Pilot

from cwm_agent.commands import Consult
from cwm_agent.events import (
    ActionBegan,
    ActionEnded,
    ActionOutput,
    ActionProposed,
    AgentEvent,
    ApplyPatch,
    CheckpointMade,
    ClaimChecked,
    FileStat,
    FramesReached,
    HunksDeclined,
    ModeChanged,
    Noticed,
    PatchApplied,
    PatchProposed,
    PatchRefused,
    PatchUndone,
    PermissionAsked,
    PredictionScored,
    Progressed,
    PromptAccepted,
    Rested,
    Rewind,
    Rewound,
    RolloutRow,
    RolloutsCompared,
    SessionClosed,
    SessionOpened,
    SessionResumed,
    SetMode,
    TestsReported,
    TextWritten,
    ThoughtWritten,
    ToolCall,
    TraceBegan,
    TraceEnded,
    TracePinned,
    UndoApply,
    UserCommand,
)
from cwm_agent.observations import Completed, Mode, Origin
from cwm_agent.traces.compare import compare
from cwm_agent.traces.frames import Basis, Frame, FrameKind, Trace
from cwm_agent.tui.alert import Alert
from cwm_agent.tui.app import CwmApp
from cwm_agent.tui.screens.main import MainScreen
from cwm_agent.tui.screens.welcome import Examine
from cwm_agent.workspace.changes import EXECUTABLE, REGULAR, Change, ChangeSet, Entry
from cwm_agent.workspace.review import Review

OPENED = SessionOpened("s1", "/home/you/payments", "main", "forager", Mode.VERIFY, None, "0.0.0")
FAILING = """\
============================= test session starts ==============================
collected 12 items

tests/test_invoice.py ......                                             [ 50%]
tests/test_refund.py .....F                                              [100%]

=================================== FAILURES ===================================
__________________________ test_refund_keeps_the_cent __________________________

    def test_refund_keeps_the_cent():
>       assert refund([Decimal("1.005"), Decimal("2.000")]) == Decimal("3.01")
E       AssertionError: assert Decimal('3.00') == Decimal('3.01')

tests/test_refund.py:41: AssertionError
=========================== short test summary info ============================
FAILED tests/test_refund.py::test_refund_keeps_the_cent - AssertionError
========================= 1 failed, 11 passed in 0.21s =========================
"""
EDIT = """\
payments/refunds.py
<<<<<<< SEARCH
    for amount in amounts:
        total += amount.quantize(CENT)
    return total
=======
    for amount in amounts:
        total += amount
    return total.quantize(CENT, ROUND_HALF_UP)
>>>>>>> REPLACE
"""
OLD = b'''"""Refunds: what goes back to the customer."""

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


def refund(amounts):
    """The sum of the amounts, in cents."""
    total = Decimal(0)
    for amount in amounts:
        total += amount.quantize(CENT)
    return total


def fee(total, rate=Decimal("0.02")):
    """What the bank keeps."""
    if total <= 0:
        return Decimal(0)
    return (total * rate).quantize(CENT)


def names(customers):
    return [customer.name for customer in customers]


def label(refund, currency):
    return f"{refund} {currency}"
'''
NEW = OLD.replace(
    b"total += amount.quantize(CENT)\n    return total",
    b"total += amount\n    return total.quantize(CENT, ROUND_HALF_UP)",
).replace(b"""    return f"{refund} {currency}"\n""", b"""    return f"{refund:.2f} {currency}"  \n""")
STATS = (FileStat("payments/refunds.py", "modified", 3, 3),)


def review() -> Review:
    """A patch with two hunks in one file."""
    return Review(ChangeSet((Change(b"payments/refunds.py", Entry(REGULAR, OLD), Entry(REGULAR, NEW)),)))


def wide_review() -> Review:
    """A patch with all kinds of files: two hunks, new, binary, mode only, CRLF, tabs, no newline at the end."""
    return Review(
        ChangeSet(
            (
                Change(b"conftest.py", None, Entry(REGULAR, b"import os\n\nos.environ['A'] = '1'\n")),
                Change(b"docs/logo.png", Entry(REGULAR, b"\0old"), Entry(REGULAR, b"\0newer")),
                Change(b"payments/refunds.py", Entry(REGULAR, OLD), Entry(REGULAR, NEW)),
                Change(b"scripts/run.sh", Entry(REGULAR, b"#!/bin/sh\n"), Entry(EXECUTABLE, b"#!/bin/sh\n")),
                Change(
                    b"win.txt",
                    Entry(REGULAR, b"one\r\ntwo\r\n"),
                    Entry(REGULAR, b"one\r\n\ttwo \xe2\x80\xaeevil\r\nthree"),
                ),
            )
        )
    )


def ran(number: int, command: str, output: str, code: int = 0, seconds: float = 0.0) -> list[AgentEvent]:
    """A command in the sandbox, from proposal to end."""
    return [
        ActionProposed(number, ToolCall("bash", command)),
        ActionBegan(number, Origin.REAL),
        ActionOutput(number, Origin.REAL, output),
        ActionEnded(number, Origin.REAL, Completed(code), output, seconds),
    ]


ASKED: list[AgentEvent] = [OPENED, PromptAccepted("test_refund_keeps_the_cent fails, please fix it")]
FAILED: list[AgentEvent] = [
    *ASKED,
    ThoughtWritten("First see it fail.\nThe request names one test; the whole suite tells what else depends on it."),
    *ran(1, "pytest -q", FAILING, 1),
    TestsReported(1, Origin.REAL, "pytest -q", 11, 1, ("tests/test_refund.py::test_refund_keeps_the_cent",)),
]
SEARCHING: list[AgentEvent] = [
    *FAILED,
    TextWritten("The most suspicious lines are `refunds.py` 11 to 13: only the failing test runs them with a sum "),
    TextWritten("of more than one amount."),
    Progressed("trying candidates", 412, 1200, "candidates", "2 survive"),
]
STREAMING: list[AgentEvent] = [
    *SEARCHING,
    Progressed("trying candidates", 1200, 1200, "candidates", "2 survive"),
    ActionProposed(2, ToolCall("edit", EDIT)),
    ActionBegan(2, Origin.REAL),
    ActionEnded(2, Origin.REAL, Completed(0), "edited", 0.0),
    CheckpointMade(1, 2, STATS),
    ActionProposed(3, ToolCall("bash", "pytest -q")),
    ActionBegan(3, Origin.REAL),
    ActionOutput(3, Origin.REAL, "".join(FAILING.splitlines(keepends=True)[:4])),
]
PASSING = "............                                                             [100%]\n12 passed in 0.19s\n"
READY: list[AgentEvent] = [
    *STREAMING[:-1],
    ActionOutput(3, Origin.REAL, PASSING),
    ActionEnded(3, Origin.REAL, Completed(0), PASSING, 0.0),
    TestsReported(3, Origin.REAL, "pytest -q", 12, 0),
    PatchProposed(1, STATS, verified=True, summary="Rounds once, after the sum, instead of every amount."),
    Rested("fixed", "refunds.py rounded every amount before it was added; half a cent was lost each time."),
]


class ReplaySession:
    """A session that says what it was given, and answers the commands that need no policy."""

    identity = "s1"

    def __init__(self, events: Sequence[AgentEvent], review: Review | None = None) -> None:
        self.history: tuple[AgentEvent, ...] = tuple(events)
        self.mode = Mode.VERIFY
        self.busy = False
        self.closed = False
        self.told: list[UserCommand] = []
        self.refuses = ""
        self._review = review
        self._more = asyncio.Condition()

    async def start(self) -> None: ...

    async def events(self) -> AsyncIterator[AgentEvent]:
        at = 0
        while True:
            while at < len(self.history):
                yield self.history[at]
                at += 1
            async with self._more:
                await self._more.wait_for(lambda: len(self.history) > at)  # noqa: B023 -- waited for in this turn

    async def say(self, *events: AgentEvent) -> None:
        """Let something more happen."""
        async with self._more:
            self.history += events
            self._more.notify_all()

    async def send(self, command: UserCommand) -> None:
        self.told.append(command)
        match command:
            case SetMode(mode):
                self.mode = mode
                await self.say(ModeChanged(mode, "" if mode is Mode.REAL else "no world model"))
            case ApplyPatch(checkpoint) if self.refuses:
                await self.say(PatchRefused(checkpoint, self.refuses, ("payments/refunds.py",)))
            case ApplyPatch(_, decisions) if all(each.verdict == "reject" for each in decisions):
                await self.say(
                    HunksDeclined("The user reviewed the patch and did not take all:\n- refunds.py: rejected.")
                )
            case ApplyPatch(checkpoint):
                await self.say(PatchApplied(checkpoint, "r1", ("payments/refunds.py",)))
            case UndoApply():
                await self.say(PatchUndone("r1", ("payments/refunds.py",)))
            case Rewind(checkpoint):
                await self.say(Rewound(checkpoint))
            case _:
                pass

    async def idle(self) -> Rested | None:
        return next((each for each in reversed(self.history) if isinstance(each, Rested)), None)

    async def aclose(self) -> None:
        self.closed = True

    def review(self, checkpoint: int | None = None) -> Review | None:
        return self._review


class Clock:
    """A clock that stands until it is told to go on."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def app_of(
    session: ReplaySession,
    *,
    theme: str = "cwm-dark",
    prompt: str | None = None,
    clock: Callable[[], float] | None = None,
    files: Callable[[], Sequence[str]] = tuple,
    consult: Consult | None = None,
    welcome: Examine | None = None,
    recorded: Sequence[AgentEvent] = (),
    opening: Awaitable[object] | None = None,
    alert: Alert = "off",
) -> CwmApp:
    """The application on a replayed session, with a clock that stands; the session opens when `opening` is over."""

    async def open_session(report: object) -> ReplaySession:
        if opening is not None:
            await opening
        return session

    async def record() -> Sequence[AgentEvent]:
        return recorded

    app = CwmApp(
        open_session,
        title="payments",
        branch="main",
        recorded=record if recorded else None,
        theme=theme,
        alert=alert,
        prompt=prompt,
        clock=clock or Clock(),
        now=lambda: "14:02",
        files=files,
        consult=consult,
        welcome=welcome,
    )
    app.theme = theme  # a test has no terminal whose colours could be counted
    return app


OPENING: list[AgentEvent] = [
    Progressed("copying the repository", 1240, 1240, "files"),
    Progressed("building the image", 3, 12, "steps", "apt-get install python3"),
]
ASKING: list[AgentEvent] = [
    *ASKED,
    PermissionAsked(
        1,
        "Install the project's requirements? The network is open for this one step.",
        "pip install -r requirements.txt",
    ),
]


async def settled(pilot: Pilot[None]) -> None:
    """Wait until the screen shows what the session has said."""
    app = pilot.app
    assert isinstance(app, CwmApp)
    for _ in range(3):
        await pilot.pause()
    if isinstance(app.screen, MainScreen):
        app.screen.repaint()
    await pilot.pause()


DREAM = SessionOpened("s2", "/home/you/payments", "main", "cwm", Mode.VERIFY, "facebook/cwm", "0.0.0")
VERIFYING: list[AgentEvent] = [
    DREAM,
    PromptAccepted("test_refund_keeps_the_cent fails, please fix it"),
    ActionProposed(1, ToolCall("bash", "pytest -q")),
    ActionBegan(1, Origin.IMAGINED),
    ActionOutput(1, Origin.IMAGINED, "1 failed, 11 passed\n"),
    ActionEnded(1, Origin.IMAGINED, Completed(1), "", 0.0),
    TestsReported(1, Origin.IMAGINED, "pytest -q", 11, 1, ("tests/test_refund.py::test_refund_keeps_the_cent",)),
    ActionBegan(1, Origin.REAL),
    ActionOutput(1, Origin.REAL, FAILING),
    ActionEnded(1, Origin.REAL, Completed(1), FAILING, 0.0),
    TestsReported(1, Origin.REAL, "pytest -q", 11, 1, ("tests/test_refund.py::test_refund_keeps_the_cent",)),
    Noticed("warning", "The shell was restarted: it had been killed.", "Variables that were set in it are gone."),
    ActionProposed(2, ToolCall("bash", "python -c 'print(refund([1.005]))'")),
    ActionBegan(2, Origin.IMAGINED),
    ActionOutput(2, Origin.IMAGINED, "1.01\n"),
    ActionEnded(2, Origin.IMAGINED, Completed(0), "", 0.0),
]
MANY: list[AgentEvent] = [
    *ASKED,
    *ran(1, "pytest -q", "F" * 40 + "\n", 1),
    TestsReported(
        1, Origin.REAL, "pytest -q", 200, 40, tuple(f"tests/test_rates.py::test_rate[{number}]" for number in range(40))
    ),
    Rested("no_patch", "Tried 1,200 candidates; the nearest leaves 3 tests failing (payments/rates.py:31)."),
]


REFUND_LINES = dict(enumerate(OLD.decode().splitlines(), 1))


def frame(event: str, line: int, value: str | None = None, imagined: bool = False, **locals_: str) -> Frame:
    """A frame of `refund`; of an imagined one the model wrote every value, and the source told every line."""
    basis = dict.fromkeys([*locals_, *(["<value>"] if value else [])], Basis.FREE) | {"<line>": Basis.FORCED}
    return Frame(
        event=FrameKind(event),
        file="payments/refunds.py",
        function="refund",
        line=line,
        depth=0,
        source=REFUND_LINES[line],
        locals=locals_,
        value=value,
        basis=basis if imagined else {},
    )


def refund_frames(first: str, last: str, *, imagined: bool) -> tuple[Frame, ...]:
    """`refund` of two amounts, with the sums after the first and after the last."""
    given = {"amounts": "[Decimal('1.005'), Decimal('2.000')]"}
    steps = [("0", None), ("0", "1.005"), (first, "1.005"), (first, "2.000"), (last, "2.000")]
    made = [frame("call", 8, imagined=imagined, **given), frame("line", 10, imagined=imagined, **given)]
    for number, (total, amount) in enumerate(steps):
        state = {**given, "total": f"Decimal('{total}')"} | ({"amount": f"Decimal('{amount}')"} if amount else {})
        made.append(frame("line", 11 if number % 2 == 0 else 12, imagined=imagined, **state))
    made.append(frame("line", 13, imagined=imagined, **state))
    return (*made, frame("return", 13, f"Decimal('{last}')", imagined))


DREAMT = refund_frames("1.01", "3.01", imagined=True)
HAPPENED = refund_frames("1.00", "3.00", imagined=False)
REFUND = "refund([Decimal('1.005'), Decimal('2.000')])"
COMPARED = compare(Trace(DREAMT), Trace(HAPPENED))


def traced(number: int, subject: str, origin: Origin, frames: tuple[Frame, ...]) -> list[AgentEvent]:
    """One trace, from its beginning to its end, in two pieces."""
    half = len(frames) // 2
    return [
        TraceBegan(number, origin, subject, "payments/refunds.py"),
        FramesReached(number, origin, frames[:half]),
        FramesReached(number, origin, frames[half:]),
        TraceEnded(number, origin, Completed(0)),
    ]


FORETOLD: list[AgentEvent] = [
    DREAM,
    PromptAccepted("test_refund_keeps_the_cent fails, please fix it"),
    *traced(1, "fee(Decimal('3.01'))", Origin.IMAGINED, DREAMT[-2:]),
    *traced(1, "fee(Decimal('3.01'))", Origin.REAL, refund_frames("1.01", "3.01", imagined=False)[-2:]),
    PredictionScored("trace", "fee(Decimal('3.01'))", "returns 1", "returns 1", True, "Agrees in all 2 frames.", 1),
    *traced(2, REFUND, Origin.IMAGINED, DREAMT),
]
TRACED: list[AgentEvent] = [
    *FORETOLD,
    *traced(2, REFUND, Origin.REAL, HAPPENED),
    PredictionScored(
        "trace", REFUND, "returns Decimal('3.01')", "returns Decimal('3.00')", False, COMPARED.sentence, 2
    ),
]
PINS = "tests/test_refunds_pinned.py"
PINNED: list[AgentEvent] = [
    *TRACED,
    TracePinned(1, Origin.REAL, PINS, "test_fee_decimal_3_01_returns"),
    CheckpointMade(1, 0, (FileStat(PINS, "added", 7, 0),)),
    PatchProposed(1, (FileStat(PINS, "added", 7, 0),), verified=False, summary="A test was pinned from a trace."),
    TracePinned(2, Origin.IMAGINED, PINS, "test_refund_decimal_1_005_returns_as_imagined", "facebook/cwm"),
]


CONTEST: list[AgentEvent] = [
    DREAM,
    PromptAccepted("test_refund_keeps_the_cent fails since the last release. Please fix it."),
    Progressed("rollouts", 4, 4, "rollouts", "judging their patches"),
    RolloutsCompared(
        rows=(
            RolloutRow(rollout=1, status="fixed", files=STATS, patch=1, kept=10, repaired=1, agreed=1, tokens=21_044),
            RolloutRow(rollout=2, status="fixed", files=STATS, patch=2, kept=11, repaired=1, agreed=3, tokens=18_310),
            RolloutRow(
                rollout=3, status="proposed", files=STATS, patch=2, kept=11, repaired=1, agreed=3, tokens=30_002
            ),
            RolloutRow(rollout=4, status="limit", tokens=131_001, note="All 128 actions of this request are used up."),
        ),
        winner=2,
        decided_by="kept",
        reason="Rollout 2 was chosen: 11 of the 11 tests that passed before still pass, and 10 with the best other "
        "patch that was left.",
        passing=11,
        failing=1,
        written=4,
        reproducing=3,
        counted=3,
    ),
    CheckpointMade(1, 0, STATS),
    TextWritten("The patch of rollout 2 is taken over: payments/refunds.py +3 −3.\n"),
    *ran(1, "cd /workspace && python3 -m pytest -q", PASSING),
    TestsReported(1, Origin.REAL, "cd /workspace && python3 -m pytest -q", 12, 0),
    PatchProposed(1, STATS, verified=True, summary="Rollout 2 was chosen."),
    Rested("fixed"),
]


CLAIMED: list[AgentEvent] = [
    *FAILED,
    TextWritten("I rounded after the sum. All 12 tests pass now, and I ran the linter."),
    ClaimChecked("All 12 tests pass now", stands=False, evidence="The last test run failed: 1 of 12."),
    ClaimChecked("I ran the linter", stands=False, evidence="Nothing of that kind ran in this request."),
    Rested("answered"),
]
DRAFTED: list[AgentEvent] = [
    DREAM,
    PromptAccepted("test_refund_keeps_the_cent fails, please fix it"),
    ThoughtWritten("Rounding before the sum loses half a cent."),
    ActionProposed(1, ToolCall("bash", "pytest -q"), draft=True),
    ActionBegan(1, Origin.IMAGINED, guessed=True),
    ActionOutput(1, Origin.IMAGINED, "1 failed, 11 passed\n"),
    ActionEnded(1, Origin.IMAGINED, Completed(1), "", 0.4),
    ThoughtWritten("So the test would still fail: the fee is rounded, too."),
    ActionProposed(2, ToolCall("edit", EDIT)),
    ActionBegan(2, Origin.REAL),
    ActionEnded(2, Origin.REAL, Completed(0), "edited", 0.0),
    CheckpointMade(1, 2, STATS),
]
PREDICTED: list[AgentEvent] = VERIFYING[: VERIFYING.index(ActionBegan(1, Origin.REAL))]
TROUBLED: list[AgentEvent] = [
    *FAILED,
    Noticed("warning", "The model server is busy; it is asked again in 2 s.", ""),
    Noticed("error", "The model server at http://localhost:8000 does not answer.", "Start it: cwm-agent serve."),
    Rested("error", "Nothing was changed. Ask again when it answers."),
]
LIMITED: list[AgentEvent] = [*SEARCHING, Rested("limit", "All 128 actions of this request are used up.")]
REFUSED: list[AgentEvent] = [
    *READY,
    PatchRefused(1, "the file has changed since the patch was made", ("payments/refunds.py",)),
]
RESUMED: list[AgentEvent] = [*READY, SessionClosed(), SessionResumed("s1", "What was under way is not finished.")]
