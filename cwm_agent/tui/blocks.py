"""The items of the conversation, as plain state: what each is about and how far it is, but not how it looks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from cwm_agent.events import (
    ClaimChecked,
    FileStat,
    PatchProposed,
    PermissionAsked,
    PredictionScored,
    Progressed,
    Rested,
    RolloutsCompared,
    SessionOpened,
    TestsReported,
    ToolCall,
    TracePinned,
)
from cwm_agent.observations import Completed, Origin, Outcome
from cwm_agent.traces.frames import Frame, Trace
from cwm_agent.tui.clip import Clip

if TYPE_CHECKING:
    from cwm_agent.traces.compare import Comparison
    from cwm_agent.views.steps import Reader, Step


@dataclass(eq=False, kw_only=True)
class Block:
    """One item of the conversation; `version` grows with every change, so that a view knows what to lay out again.

    `faded` items were left behind by a rewind; `folded` ones show only their beginning.
    """

    version: int = 0
    faded: bool = False
    folded: bool = True

    def touch(self) -> None:
        """Say that it changed."""
        self.version += 1


@dataclass(eq=False)
class Opening(Block):
    """The start panel: what is being opened, how far it is, and what it became."""

    title: str
    branch: str | None
    progress: list[Progressed] = field(default_factory=list)
    opened: SessionOpened | None = None
    failed: bool = False


@dataclass(eq=False)
class Asked(Block):
    """What the user asked for."""

    text: str


@dataclass(eq=False)
class Thought(Block):
    """Reasoning of the policy, folded to its first line."""

    text: str


@dataclass(eq=False)
class Said(Block):
    """What the policy says to the user."""

    text: str


@dataclass(eq=False)
class Weighed(Block):
    """A claim of what was said before it, and what it rests on."""

    claim: ClaimChecked


@dataclass(eq=False)
class Working(Block):
    """A long piece of work and how far it is."""

    progress: Progressed
    over: bool = False


@dataclass(eq=False)
class Run:
    """One world's answer to an action; `outcome` is None while it is under way, or where it was stopped."""

    origin: Origin
    output: Clip = field(default_factory=Clip)
    outcome: Outcome | None = None
    observation: str = ""
    seconds: float = 0.0
    tests: TestsReported | None = None
    stopped: bool = False
    guessed: bool = False


@dataclass(eq=False)
class Acted(Block):
    """An action and the answers to it; of a draft nothing is done."""

    number: int
    call: ToolCall
    draft: bool = False
    runs: list[Run] = field(default_factory=list)
    files: tuple[FileStat, ...] = ()

    def run(self, origin: Origin) -> Run:
        """The last answer of that origin; a new one where none has begun."""
        for run in reversed(self.runs):
            if run.origin is origin:
                return run
        self.runs.append(Run(origin))
        return self.runs[-1]


def _reader() -> Reader:
    from cwm_agent.views.steps import Reader  # not needed for the first paint

    return Reader()


@dataclass(eq=False)
class TraceRun:
    """One world's trace of a subject, as far as it has come; `outcome` is None while it is under way."""

    origin: Origin
    frames: list[Frame] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    outcome: Outcome | None = None
    reader: Reader = field(default_factory=_reader)

    def read(self, frames: tuple[Frame, ...]) -> None:
        """Take the next frames."""
        self.frames += frames
        self.steps += map(self.reader.read, frames)

    @property
    def trace(self) -> Trace:
        """What there is of it."""
        return Trace(tuple(self.frames), complete=isinstance(self.outcome, Completed))


@dataclass(eq=False)
class Traced(Block):
    """A call or a test that is traced, by one world or by both; `comparison` stands once both are over."""

    number: int
    subject: str
    path: str
    runs: dict[Origin, TraceRun] = field(default_factory=dict)
    comparison: Comparison | None = None
    scores: tuple[PredictionScored, ...] = ()

    @property
    def imagined(self) -> TraceRun | None:
        """The imagined trace."""
        return self.runs.get(Origin.IMAGINED)

    @property
    def real(self) -> TraceRun | None:
        """The real one."""
        return self.runs.get(Origin.REAL)


@dataclass(eq=False)
class Pinned(Block):
    """A trace that became a test."""

    pin: TracePinned


@dataclass(eq=False)
class Offered(Block):
    """A patch that is ready for review; `state` says what became of it, `ran` how many tests passed for it.

    `told` is True where the conversation has its summary already.
    """

    patch: PatchProposed
    hunks: int = 0
    ran: int = 0
    told: bool = False
    state: Literal["open", "applied", "undone", "replaced"] = "open"


@dataclass(eq=False)
class Contest(Block):
    """How several rollouts of one request compare."""

    compared: RolloutsCompared


@dataclass(eq=False)
class Question(Block):
    """A question that only a yes or a no answers."""

    asked: PermissionAsked
    answer: bool | None = None


@dataclass(eq=False)
class Remark(Block):
    """One or two lines about the session itself."""

    kind: Literal["info", "warning", "error", "good", "quiet", "rule"]
    text: str
    remedy: str = ""


class Returned(Remark):
    """What was not taken of a patch, and goes back to the policy."""


@dataclass(eq=False)
class Closing(Block):
    """How a turn ended."""

    rested: Rested


AnyBlock = (
    Opening
    | Asked
    | Thought
    | Said
    | Weighed
    | Working
    | Acted
    | Traced
    | Pinned
    | Contest
    | Offered
    | Question
    | Remark
    | Closing
)
