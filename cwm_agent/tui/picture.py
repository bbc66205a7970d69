"""What the screen shows, as plain state: the blocks of the conversation and what the header and the panel need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from cwm_agent.commands import as_typed
from cwm_agent.events import (
    FileStat,
    HunkImagined,
    PatchProposed,
    Rested,
    RunInSandbox,
    SessionOpened,
    SubmitPrompt,
    TestsReported,
    UserCommand,
    UserRequest,
)
from cwm_agent.observations import Mode
from cwm_agent.tui.blocks import (
    Acted,
    AnyBlock,
    Asked,
    Block,
    Closing,
    Contest,
    Offered,
    Opening,
    Pinned,
    Question,
    Remark,
    Returned,
    Run,
    Said,
    Thought,
    Traced,
    TraceRun,
    Weighed,
    Working,
)

__all__ = [
    "Acted",
    "AnyBlock",
    "Asked",
    "Block",
    "Checkpoint",
    "Closing",
    "Contest",
    "Offered",
    "Opening",
    "Picture",
    "Pinned",
    "Question",
    "Remark",
    "Returned",
    "Run",
    "Said",
    "Thought",
    "TraceRun",
    "Traced",
    "Weighed",
    "Working",
]


@dataclass(frozen=True)
class Checkpoint:
    """A place to rewind to; `at` is the time of day when it was seen made, `before` counts the blocks until then."""

    number: int
    label: str
    files: tuple[FileStat, ...]
    at: str
    before: int


def words_of(command: UserCommand) -> tuple[str, ...]:
    """The request that a command makes, as the session will repeat it when it begins with it; none of most commands."""
    if isinstance(command, SubmitPrompt):
        return (command.text,)
    return (f"!{command.command}",) if isinstance(command, RunInSandbox) else ()


@dataclass(eq=False)
class Picture:
    """Everything that is on the screen, but not how it looks.

    `scene` is the panel's tab in which something happened last; `revision` grows when the patch may have changed.
    `foresight` counts the predictions of this session that met their fact, and those of them that came true.
    `queued` are requests that were sent and not begun, `returned` those that were taken back, as they were typed.
    `hunk` is the last answer about a hunk under review.
    """

    title: str
    branch: str | None
    now: Callable[[], str]
    mode: Mode = Mode.VERIFY
    mode_note: str = ""
    opened: SessionOpened | None = None
    box: Literal["starting", "ready", "closed", "failed"] = "starting"
    blocks: list[AnyBlock] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    board: list[TestsReported] = field(default_factory=list)
    shell: list[Acted] = field(default_factory=list)
    traces: list[Traced] = field(default_factory=list)
    foresight: tuple[int, int] = (0, 0)
    proposal: PatchProposed | None = None
    applied: list[str] = field(default_factory=list)
    queued: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    question: Question | None = None
    rested: Rested | None = None
    hunk: HunkImagined | None = None
    refused: bool = False
    working: bool = False
    scene: Literal["trace", "tests", "diff", "shell"] = "diff"
    revision: int = 0

    def __post_init__(self) -> None:
        self.blocks.append(Opening(self.title, self.branch))

    def add(self, block: AnyBlock) -> None:
        """Append a block; long work before it is over."""
        self.settle()
        self.blocks.append(block)

    def dequeue(self, *asked: str) -> None:
        """These are begun, or were refused."""
        for each in asked:
            if each in self.queued:
                self.queued.remove(each)

    @property
    def waiting(self) -> tuple[str, ...]:
        """What is shown to come next."""
        return tuple(self.queued) if self.working else ()

    def unqueue(self, request: UserRequest) -> None:
        """The newest one like it was taken back; what this screen did not send is of a record, and stays there."""
        (words,) = words_of(request)
        if words in self.queued:
            del self.queued[max(at for at, each in enumerate(self.queued) if each == words)]
            self.returned.append(as_typed(request))

    def settle(self) -> None:
        """Long work that stood last is over: something else happens now."""
        work = self.work
        if work is not None and not work.over:
            work.over = True
            work.touch()

    @property
    def work(self) -> Working | None:
        """Long work that stands last, but for what was remarked meanwhile."""
        last = next((block for block in reversed(self.blocks) if not isinstance(block, Remark)), None)
        return last if isinstance(last, Working) else None

    @property
    def last_answer(self) -> str:
        """What the policy said last."""
        for block in reversed(self.blocks):
            if isinstance(block, Said):
                return block.text.strip()
            if isinstance(block, Closing) and block.rested.message:
                return block.rested.message.strip()
        return ""

    @property
    def has_world_model(self) -> bool:
        """Whether anything can be imagined here."""
        return self.opened is not None and self.opened.world_model is not None

    @property
    def last_checkpoint(self) -> int:
        """The number of the last checkpoint, 0 where there is none."""
        return self.checkpoints[-1].number if self.checkpoints else 0
