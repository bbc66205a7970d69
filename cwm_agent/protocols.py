"""Every seam of the program, on one page. The public doubles that satisfy them are in `testing.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Literal, Protocol, runtime_checkable

from msgspec import Struct

from cwm_agent.events import AgentEvent, Progressed, TextWritten, ThoughtWritten, ToolCall
from cwm_agent.models.chat_messages import Message, Offer, ReplyPiece
from cwm_agent.observations import Limits, Origin, Request, TraceCall, WorldEvent
from cwm_agent.traces.frames import Frame, FrameKind
from cwm_agent.traces.grammar import Vocabulary
from cwm_agent.workspace.changes import ChangeSet, Entry


class World(Protocol):
    """Answers requests. Yields what happens, in order, and ends with exactly one Finished.

    One request at a time, where a world does not say otherwise. Closing the iterator early stops the request and leaves
    the world usable. A broken world (engine down, server error) raises from `errors`; a limit or an unreadable answer
    is an outcome.
    """

    @property
    def origin(self) -> Origin:
        """Whether what this world says ran or was imagined."""
        ...

    def run(self, request: Request, limits: Limits) -> AsyncIterator[WorldEvent]:
        """Answer one request."""
        ...

    async def aclose(self) -> None:
        """Give back what the world holds."""
        ...


class Dreamer(Protocol):
    """What only an imagined world can do: go on from a state that nobody reached."""

    def imagine_on(
        self, request: TraceCall, so_far: Sequence[Frame], limits: Limits, *, then: FrameKind | None = None
    ) -> AsyncIterator[WorldEvent]:
        """The frames after `so_far`, the first frames of a trace of this request, whose locals may have been edited.

        `then` forces the kind of the next frame: a return after a call steps over it. The frames of `so_far` are not
        yielded again; the last event is exactly one Finished.
        """
        ...


@runtime_checkable
class Guesser(Protocol):
    """What only a model that converses can do: say what a command would print. It is the weakest kind of prediction."""

    def guess(self, history: Sequence[AgentEvent], call: ToolCall, limits: Limits) -> AsyncIterator[WorldEvent]:
        """The output of the last call of the history, as the model takes it for likely; the last event is one Finished.

        There is no exit code in it: what came to its end is Completed(0).
        """
        ...


class RecordedCall(Struct, frozen=True, kw_only=True):
    """A call that a test made into the user's code. `arguments` maps names to reprs, `expressions` to source text
    that makes an equal value in `module`; `call` is an expression that makes the same call there, where there is one.
    `depth` is 1 for a call that the test itself made.
    """

    file: str
    function: str
    module: str | None
    qualname: str
    line: int
    depth: int
    arguments: dict[str, str]
    expressions: dict[str, str]
    call: str | None


class Tracer(Protocol):
    """What only the real world can do: trace a test, and tell what a test gives to the user's code."""

    def test(self, identity: str, limits: Limits) -> AsyncIterator[WorldEvent]:
        """Run one pytest test with its call phase traced."""
        ...

    async def inputs(self, identity: str, limits: Limits) -> tuple[RecordedCall, ...]:
        """The calls that one pytest test makes into the user's code, in order; none where it does not run."""
        ...


class Sources(Protocol):
    """Files that can be read, wherever they are; paths and errors are those of `Files`."""

    async def read(self, path: bytes, limit: int = 16 * 1024 * 1024) -> Entry:
        """The file's mode and content; raises OSError(EFBIG) past `limit` bytes."""
        ...


class Files(Sources, Protocol):
    """The snapshot's files as the sandbox has them now. Paths are relative to the snapshot's root, in bytes.

    Absolute paths reach the rest of the container. Reading a missing file raises FileNotFoundError; every other error
    is an OSError with the container's errno.
    """

    async def write(self, path: bytes, entry: Entry) -> None:
        """Write a file whose folder exists; replaces what stood there."""
        ...

    async def is_directory(self, path: bytes) -> bool:
        """Whether the path is a folder."""
        ...

    async def changes(self) -> ChangeSet:
        """What differs from the user's tree as it was snapshot; ignored files left out, renames not yet paired."""
        ...

    async def restore(self, changes: ChangeSet) -> None:
        """Make the snapshot differ from the user's tree by exactly `changes`."""
        ...


class Receipt(Struct, frozen=True):
    """What applying or undoing wrote: `identity` names the journal entry, `merged` the paths joined three-way.

    `undoes` names the entry that was taken back, or is empty.
    """

    identity: str
    paths: tuple[bytes, ...]
    merged: tuple[bytes, ...] = ()
    undoes: str = ""


class Workspace(Protocol):
    """The user's repository, as far as the core needs it: the one way by which a change reaches the user's tree."""

    @property
    def root(self) -> str:
        """The folder, absolute."""
        ...

    @property
    def branch(self) -> str | None:
        """The branch's short name, or None when detached or without git."""
        ...

    async def apply(self, changes: ChangeSet) -> Receipt:
        """Write all of `changes` or nothing; TreeChanged or UnsafePath say why nothing."""
        ...

    async def undo(self) -> Receipt:
        """Take the last applied change set back; NothingToUndo or TreeChanged say why not."""
        ...

    async def recover(self) -> str:
        """Finish or take back what a killed process left half done, and say which; empty when there was nothing."""
        ...


class FinalAnswer(Struct, frozen=True, tag="final_answer"):
    """The policy has nothing more to do; `text` is for the user. `gave_up`: it looked for a repair and has none."""

    text: str
    status: Literal["done", "gave_up"] = "done"


class Act(Struct, frozen=True, tag="act"):
    """The policy wants this done."""

    call: ToolCall


PolicyEvent = ThoughtWritten | TextWritten | Progressed | Act | FinalAnswer


class Policy(Protocol):
    """Decides the next action from what has happened so far."""

    @property
    def name(self) -> str:
        """What the user calls it: `forager`, `cwm`, …"""
        ...

    def decide(self, history: Sequence[AgentEvent]) -> AsyncIterator[PolicyEvent]:
        """Yield thoughts, text and progress, and end with exactly one Act or FinalAnswer."""
        ...

    async def aclose(self) -> None:
        """Give back what the policy holds."""
        ...


@runtime_checkable
class Compacting(Protocol):
    """What only a policy that keeps a conversation can do: make it shorter when the user asks, not when it is full."""

    async def compact(self, history: Sequence[AgentEvent]) -> tuple[int, int]:
        """Fold old outputs and sum the rest up; how many tokens it had before, and has now."""
        ...


class Tool(Protocol):
    """One kind of action, and what a world has to do for it."""

    @property
    def name(self) -> str:
        """The word between the tool tags."""
        ...

    @property
    def executes(self) -> bool:
        """Whether a world answers it. False: it works on the files alone, so it runs once and is real in any mode."""
        ...

    def run(self, content: str, world: World, files: Files, limits: Limits) -> AsyncIterator[WorldEvent]:
        """Carry the call out: output, notices, exactly one Finished. A bad call is output and exit code 2."""
        ...


class Recorder(Protocol):
    """Keeps every event of a session, in order, on something that survives the process."""

    def append(self, event: AgentEvent) -> None:
        """Write one event; it is on disk when this returns."""
        ...

    def keep(self, checkpoint: int, changes: ChangeSet) -> None:
        """Store a checkpoint's change set; numbers below 0 are applied patches, -1 the first."""
        ...

    def checkpoint(self, checkpoint: int) -> ChangeSet:
        """Read a checkpoint back; number 0 is the empty change set."""
        ...

    def close(self) -> None:
        """Write what is left and release the lock."""
        ...


class Token(Struct, frozen=True):
    """One generated token: its id, its text, and its log-probability where the model gives one."""

    id: int
    text: str
    logprob: float | None = None


class Sampling(Struct, frozen=True, kw_only=True):
    """How to sample; temperature 0 is greedy. `stop` are token ids that end the answer and are not part of it."""

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 1024
    stop: tuple[int, ...] = ()
    grammar: str | None = None


class Completer(Protocol):
    """All that a model is: token ids in, tokens out."""

    def complete(self, prompt_ids: Sequence[int], sampling: Sampling) -> AsyncIterator[Token]:
        """Continue a prompt; closing the iterator stops the generation at once."""
        ...


class TraceModel(Completer, Protocol):
    """A model that writes traces, with what building its prompts takes."""

    @property
    def name(self) -> str:
        """What the user calls it."""
        ...

    @property
    def vocabulary(self) -> Vocabulary:
        """The token ids of the separators."""
        ...

    @property
    def context_tokens(self) -> int:
        """How many tokens a prompt and its answer may have together."""
        ...

    async def encode(self, text: str) -> tuple[int, ...]:
        """The ids of a text that stays text: one that spells a separator gives no separator."""
        ...

    async def aclose(self) -> None:
        """Give back what the model holds."""
        ...


class Chat(Protocol):
    """A model that knows messages and tools: one that a policy talks to, whatever it was trained on."""

    @property
    def name(self) -> str:
        """What the user calls it."""
        ...

    @property
    def context_tokens(self) -> int:
        """How many tokens a conversation and its next reply may have together."""
        ...

    def reply(self, messages: Sequence[Message], offers: Sequence[Offer]) -> AsyncIterator[ReplyPiece]:
        """One reply, piece by piece, and last exactly one Ended; closing the iterator stops it at once.

        LimitError where the conversation is longer than the model reads.
        """
        ...

    async def aclose(self) -> None:
        """Give back what the model holds."""
        ...


class TestResult(Struct, frozen=True):
    """What one test did in a real run; `message` is the last line of its failure, raised at `path` and `line`."""

    id: str
    outcome: Literal["passed", "failed", "error", "skipped", "timeout", "crashed"]
    seconds: float = 0.0
    message: str = ""
    path: str = ""
    line: int = 0


class Spectrum(Struct, frozen=True):
    """A test run with the lines that each test executed: test id → path relative to the snapshot → line numbers.

    Only files of the snapshot appear. `problem` says in words why nothing could be run (the suite does not import,
    there are no tests, pytest is missing), and is empty otherwise.
    """

    results: tuple[TestResult, ...]
    lines: dict[str, dict[str, tuple[int, ...]]]
    problem: str = ""


class Candidate(Struct, frozen=True):
    """A possible repair: `files` maps paths relative to the snapshot to their whole new text."""

    number: int
    files: dict[str, str]


class Verdict(Struct, frozen=True):
    """What really happened to a candidate. `passed` of `total` tests passed; `stage` is how far it came."""

    number: int
    stage: Literal["broken", "failing", "related", "survived"]
    passed: int
    total: int
    seconds: float
    message: str = ""


class Bench(Protocol):
    """The real fast lane for tests: candidates run in processes forked from one that imported everything."""

    recorded: int
    """Tests that the last `spectrum` has run so far."""

    async def spectrum(self, targets: Sequence[str], seconds: float) -> Spectrum:
        """Run the tests that pytest selects by `targets` (none: all), each under a time limit of `seconds`."""
        ...

    def verify(
        self, candidates: AsyncIterator[Candidate], failing: Sequence[str], related: Sequence[str], seconds: float
    ) -> AsyncIterator[Verdict]:
        """Judge candidates as they come: `failing` must pass first, then all of `related`; each test has `seconds`.

        Verdicts come in the order in which they are reached. Closing the iterator stops the work.
        """
        ...

    async def aclose(self) -> None:
        """End the processes."""
        ...


class Screener(Protocol):
    """Orders candidates by what a world model expects of them. It changes the order, never the verdict."""

    def rank(self, candidates: AsyncIterator[Candidate], failing: Sequence[str]) -> AsyncIterator[Candidate]:
        """The same candidates, those first that promise to mend the failing tests."""
        ...
