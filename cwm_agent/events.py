"""What a session says (`AgentEvent`) and what it can be told (`UserCommand`): two closed unions of frozen values.

The order of events is a grammar:

    session   = SessionOpened (turn | pin)* SessionClosed? (SessionResumed (turn | pin)* SessionClosed?)*
    turn      = PromptAccepted step* Rested
    step      = ThoughtWritten* TextWritten* Progressed* ClaimChecked* [action | comparison]
    action    = ActionProposed run [run] [CheckpointMade]
    run       = ActionBegan ActionOutput* ActionEnded [TestsReported]
    comparison = RolloutsCompared [CheckpointMade]
    pin       = TracePinned [CheckpointMade]

An action that both worlds answer has two runs, the imagined one first; its real one may have begun meanwhile, and is
heard of when the prediction is closed. A draft has the imagined run alone, and nothing of it is done. A command of the
user's own is a turn of one action, its prompt marked with `!`. What rollouts do is in records of their own: here stands
how they compare, and the checkpoint that takes the winner's files over. A trace is `TraceBegan FramesReached*
TraceEnded`, one for each world that answers it, the imagined one first, and then `PredictionScored` where both did.
These four, and `HunkImagined`, `Noticed`, `ModeChanged`, `PermissionAsked`, `PermissionSettled`, `PatchProposed`,
`PatchApplied`, `PatchRefused`, `PatchUndone`, `HunksDeclined`, `Unqueued` and `Rewound` may stand between any two of
these. Only behind `HunkImagined` a trace may be imagined whose fact is known; it is a trace of its own, and not scored.
An action that was stopped ends as a command that a signal ended: exit code 130 by the user or the time of the request,
137 where its world broke. A front end matches the whole union and ends in `assert_never`.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from cwm_agent.observations import Mode, Origin, Outcome
from cwm_agent.traces.frames import Frame


class ToolCall(Struct, frozen=True):
    """One action of the policy: a tool's name and its content, in the format that CWM writes between the tool tags."""

    tool: str
    content: str


Status = Literal["fixed", "proposed", "answered", "no_patch", "limit", "error", "interrupted"]
"""How a request ended. `fixed`: a patch whose tests ran and passed; `proposed`: a patch without that proof."""


class FileStat(Struct, frozen=True):
    """One changed file of a patch, its name made printable; line counts are 0 for a binary file."""

    name: str
    status: Literal["added", "deleted", "modified", "renamed"]
    added: int
    removed: int
    binary: bool = False


class Decision(Struct, frozen=True):
    """What the user decided on one hunk of a patch: `file` and `hunk` count from 0 in the review's order.

    `edited` replaces the hunk's new lines where the verdict is `edit`; a file without lines (binary, mode only,
    empty) has one hunk, number 0.
    """

    file: int
    hunk: int
    verdict: Literal["accept", "reject", "edit"]
    note: str = ""
    edited: bytes | None = None


class SessionOpened(Struct, frozen=True, tag="session_opened"):
    """The session stands; `repository` is the folder, `branch` is None when detached or without git."""

    session: str
    repository: str
    branch: str | None
    policy: str
    mode: Mode
    world_model: str | None
    version: str


class SessionResumed(Struct, frozen=True, tag="session_resumed"):
    """A recorded session was opened again; `lost` says what could not be brought back, or is empty."""

    session: str
    lost: str = ""


class SessionClosed(Struct, frozen=True, tag="session_closed"):
    """The last event of a session that ended in order."""


class PromptAccepted(Struct, frozen=True, tag="prompt_accepted"):
    """A request of the user that the policy will now work on."""

    text: str


class ThoughtWritten(Struct, frozen=True, tag="thought_written"):
    """A piece of the policy's reasoning."""

    text: str


class TextWritten(Struct, frozen=True, tag="text_written"):
    """A piece of what the policy says to the user."""

    text: str


class ClaimChecked(Struct, frozen=True, tag="claim_checked"):
    """A sentence of what the policy said just now claims that tests passed, or that something was tested or run.

    `evidence` says what of it really ran, or what there is instead; only where it proves the claim, it `stands`.
    """

    text: str
    stands: bool
    evidence: str


class Progressed(Struct, frozen=True, tag="progressed"):
    """How far a long piece of work is: `done` of `total` (None when not known), `unit` in the plural."""

    label: str
    done: int
    total: int | None
    unit: str
    note: str = ""


class ActionProposed(Struct, frozen=True, tag="action_proposed"):
    """The policy decided on an action; `action` numbers it within the session, from 1.

    Of a `draft` it is only imagined what would come of it, so that the policy can think again: it touches nothing.
    """

    action: int
    call: ToolCall
    draft: bool = False


class ActionBegan(Struct, frozen=True, tag="action_began"):
    """A world started to answer an action.

    `guessed`: a model that converses writes what the command would print, which is the weakest kind of prediction.
    """

    action: int
    origin: Origin
    guessed: bool = False


class ActionOutput(Struct, frozen=True, tag="action_output"):
    """A piece of a world's answer."""

    action: int
    origin: Origin
    text: str


class ActionEnded(Struct, frozen=True, tag="action_ended"):
    """A world's answer is complete; `observation` is what the policy is told."""

    action: int
    origin: Origin
    outcome: Outcome
    observation: str
    seconds: float


class TestsReported(Struct, frozen=True, tag="tests_reported"):
    """What a test run said of itself; `failures` are the ids of failed tests and of errors."""

    action: int
    origin: Origin
    command: str
    passed: int
    failed: int
    failures: tuple[str, ...] = ()


class TraceBegan(Struct, frozen=True, tag="trace_began"):
    """A world started to trace `subject`: a call, or a test by its id. `path` is its file, where one is known.

    `trace` numbers the subjects of a session from 1; the imagined and the real trace of a subject share the number.
    """

    trace: int
    origin: Origin
    subject: str
    path: str = ""


class FramesReached(Struct, frozen=True, tag="frames_reached"):
    """The next frames of a trace, in order."""

    trace: int
    origin: Origin
    frames: tuple[Frame, ...]


class TraceEnded(Struct, frozen=True, tag="trace_ended"):
    """A trace is over."""

    trace: int
    origin: Origin
    outcome: Outcome


class PredictionScored(Struct, frozen=True, tag="prediction_scored"):
    """A prediction met its fact, which was not known when it was made.

    Of a trace, `predicted` and `fact` are how the entry ended, and it came true where every frame did; of a test, they
    are its outcomes; of an output, the first lines that differ, or the last. `sentence` says for a person what
    differed; `trace` is the number of the trace, or 0.
    """

    kind: Literal["trace", "test", "output"]
    subject: str
    predicted: str
    fact: str
    came_true: bool
    sentence: str
    trace: int = 0


class HunkImagined(Struct, frozen=True, tag="hunk_imagined", kw_only=True):
    """The answer to `ImagineHunk`: the call that is imagined for a hunk, and the trace that has it; or `why_not`.

    `path` and `lines`, the first and the last, are the hunk in the code that has it; `known` says how the session knows
    of `call`. The imagined trace is number `trace`, which was made before or begins now. `real` is the number of a real
    trace of this call on this code, 0 where it never ran so. `before` is how the call ended on the code before the
    change, in the world `before_origin`, and empty where it was not traced.
    """

    checkpoint: int
    file: int
    hunk: int
    why_not: str = ""
    call: str = ""
    known: str = ""
    path: str = ""
    lines: tuple[int, int] = (0, 0)
    trace: int = 0
    real: int = 0
    before: str = ""
    before_origin: Origin = Origin.REAL


class TracePinned(Struct, frozen=True, tag="trace_pinned"):
    """A traced call stands as the test function `test` in the snapshot's file `path`; that test itself has not run.

    What it expects is what the trace of this origin shows: it ran, or it was imagined by `model`.
    """

    trace: int
    origin: Origin
    path: str
    test: str
    model: str = ""


class CheckpointMade(Struct, frozen=True, tag="checkpoint_made"):
    """An action changed files: the snapshot's changes against the user's tree, kept under `checkpoint`.

    `action` is 0 where the files of a winning rollout were taken over, or a trace was pinned.
    """

    checkpoint: int
    action: int
    files: tuple[FileStat, ...]


class RolloutRow(Struct, frozen=True, kw_only=True):
    """What one rollout came to. Counts are of tests that ran with its patch, in a new container; None: none ran.

    `patch` is the lowest number of a rollout whose patch is the same as syntax, 0 where there is none. Of the tests of
    the repository `kept` passed before and pass now, `repaired` failed before and pass now; `agreed` are the generated
    tests that count and pass. `tokens` is how long its conversation was; `note` says what went wrong, if anything did.
    `foretold` alone was imagined: how many failing tests a world model expected to pass with the patch, and of how
    many. It orders which patch is judged first, and decides nothing.
    """

    rollout: int
    status: Status
    files: tuple[FileStat, ...] = ()
    patch: int = 0
    kept: int | None = None
    repaired: int | None = None
    agreed: int | None = None
    tokens: int = 0
    seconds: float = 0.0
    note: str = ""
    foretold: tuple[int, int] | None = None


class RolloutsCompared(Struct, frozen=True, tag="rollouts_compared", kw_only=True):
    """Several rollouts of one request, numbered within the session, and why `winner` is the best of them.

    `decided_by` is the criterion that told the winner from the last other patch. `passing` and `failing` count the
    repository's own tests before any patch, None where they could not be run, as `note` says. Of the generated tests,
    `written` are those that there were, `reproducing` those that failed on the original as they should, `counted` those
    that most agreed. Nothing here but `foretold` was imagined.
    """

    rows: tuple[RolloutRow, ...]
    winner: int | None
    decided_by: Literal["nothing", "alone", "kept", "repaired", "agreed", "frequency", "tokens"]
    reason: str
    passing: int | None = None
    failing: int | None = None
    written: int = 0
    reproducing: int = 0
    counted: int = 0
    note: str = ""


class PatchProposed(Struct, frozen=True, tag="patch_proposed"):
    """A patch is ready for review; `verified` is True when its tests ran, after its last edit, and passed."""

    checkpoint: int
    files: tuple[FileStat, ...]
    verified: bool
    summary: str


class PatchApplied(Struct, frozen=True, tag="patch_applied"):
    """Accepted hunks are in the user's tree; `receipt` names the way back, `merged` the paths joined three-way."""

    checkpoint: int
    receipt: str
    names: tuple[str, ...]
    merged: tuple[str, ...] = ()


class PatchRefused(Struct, frozen=True, tag="patch_refused"):
    """Nothing was written: `reason` says why, `names` to what."""

    checkpoint: int
    reason: str
    names: tuple[str, ...] = ()


class PatchUndone(Struct, frozen=True, tag="patch_undone"):
    """The paths of an applied patch are what they were before it."""

    receipt: str
    names: tuple[str, ...]


class HunksDeclined(Struct, frozen=True, tag="hunks_declined"):
    """What the user rejected and why, in words; the policy reads it with the next prompt."""

    text: str


class Unqueued(Struct, frozen=True, tag="unqueued"):
    """A request that waited was taken back before it was begun, and will not be."""

    request: UserRequest


class Rewound(Struct, frozen=True, tag="rewound"):
    """The snapshot and the conversation are back at a checkpoint (0 is the start of the session).

    What stands between is kept in the record, and no longer part of the history that the policy sees.
    """

    checkpoint: int


class ModeChanged(Struct, frozen=True, tag="mode_changed"):
    """From the next action on, this mode holds; `note` says so where it acts as another (no world model)."""

    mode: Mode
    note: str = ""


class PermissionAsked(Struct, frozen=True, tag="permission_asked"):
    """The session waits for the user's yes or no; `detail` shows exactly what would be done."""

    permission: int
    question: str
    detail: str


class PermissionSettled(Struct, frozen=True, tag="permission_settled"):
    """The user answered, or nobody was there to."""

    permission: int
    allowed: bool


class Noticed(Struct, frozen=True, tag="noticed"):
    """Something that the user should know; `remedy` is what can be done, or empty."""

    level: Literal["info", "warning", "error"]
    text: str
    remedy: str = ""


class Rested(Struct, frozen=True, tag="rested"):
    """The policy is done."""

    status: Status
    message: str = ""


AgentEvent = (
    SessionOpened
    | SessionResumed
    | SessionClosed
    | PromptAccepted
    | ThoughtWritten
    | TextWritten
    | ClaimChecked
    | Progressed
    | ActionProposed
    | ActionBegan
    | ActionOutput
    | ActionEnded
    | TestsReported
    | TraceBegan
    | FramesReached
    | TraceEnded
    | PredictionScored
    | HunkImagined
    | TracePinned
    | CheckpointMade
    | RolloutsCompared
    | PatchProposed
    | PatchApplied
    | PatchRefused
    | PatchUndone
    | HunksDeclined
    | Unqueued
    | Rewound
    | ModeChanged
    | PermissionAsked
    | PermissionSettled
    | Noticed
    | Rested
)


class SubmitPrompt(Struct, frozen=True, tag="submit_prompt"):
    """Work on this; while the policy works, it is queued. `best_of` is how many rollouts are made to choose from."""

    text: str
    best_of: int = 1


class RunInSandbox(Struct, frozen=True, tag="run_in_sandbox"):
    """Run the user's own command in the sandbox, in any mode; the policy sees it and its output."""

    command: str


UserRequest = SubmitPrompt | RunInSandbox
"""What begins a turn. While another one is worked on, it waits."""


class Unqueue(Struct, frozen=True, tag="unqueue"):
    """Take the newest request that waits back; where none does any more, a notice says so."""


class TraceEntry(Struct, frozen=True, tag="trace_entry"):
    """Trace a call, evaluated in the module at `path`, in the worlds of the mode."""

    path: str
    entry: str


class ImagineOn(Struct, frozen=True, tag="imagine_on"):
    """What if: take the first frames of a trace, `frame` the last of them, with other locals there, and imagine on.

    The answer is a trace of its own, imagined alone.
    """

    trace: int
    origin: Origin
    frame: int
    changed: dict[str, str]


class ImagineHunk(Struct, frozen=True, tag="imagine_hunk"):
    """Imagine, and do not run, a known call that reaches a hunk of a patch under review; `HunkImagined` answers.

    It is imagined on the code that `decisions` make: without the hunks that they reject, with all others, and with this
    one in any case.
    """

    checkpoint: int
    file: int
    hunk: int
    decisions: tuple[Decision, ...] = ()


class PinTrace(Struct, frozen=True, tag="pin_trace"):
    """Write a traced call as a test into the snapshot, with what its real trace shows, or else its imagined one."""

    trace: int


class Compact(Struct, frozen=True, tag="compact"):
    """Make the policy's conversation shorter, where it keeps one."""


class Interrupt(Struct, frozen=True, tag="interrupt"):
    """Stop what is under way and keep what happened."""


class SetMode(Struct, frozen=True, tag="set_mode"):
    """Switch the mode from the next action on."""

    mode: Mode


class ApplyPatch(Struct, frozen=True, tag="apply_patch"):
    """Write the accepted hunks to the user's tree; a hunk without a decision counts as rejected, without a note."""

    checkpoint: int
    decisions: tuple[Decision, ...]


class UndoApply(Struct, frozen=True, tag="undo_apply"):
    """Take the last applied patch back."""


class Rewind(Struct, frozen=True, tag="rewind"):
    """Go back to a checkpoint, files and conversation; 0 is the start of the session."""

    checkpoint: int


class SettlePermission(Struct, frozen=True, tag="settle_permission"):
    """Answer a question of the session."""

    permission: int
    allowed: bool


UserCommand = (
    SubmitPrompt
    | RunInSandbox
    | Unqueue
    | TraceEntry
    | ImagineOn
    | ImagineHunk
    | PinTrace
    | Compact
    | Interrupt
    | SetMode
    | ApplyPatch
    | UndoApply
    | Rewind
    | SettlePermission
)
