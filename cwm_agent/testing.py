"""Public doubles: each satisfies one seam of `protocols`, and does what a script or a dictionary says."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from msgspec import Struct

from cwm_agent.errors import NothingToUndo, SandboxError, SessionError, TreeChanged
from cwm_agent.events import AgentEvent, PromptAccepted
from cwm_agent.observations import (
    Completed,
    Finished,
    FrameReached,
    LimitReached,
    Limits,
    Origin,
    Outcome,
    OutputWritten,
    Request,
    RunCommand,
    WorldEvent,
    WorldNoticed,
)
from cwm_agent.protocols import FinalAnswer, PolicyEvent, Receipt, Sampling, Token
from cwm_agent.traces.frames import Frame
from cwm_agent.workspace.changes import REGULAR, Change, ChangeSet, Entry
from cwm_agent.workspace.merge import merge_entries

Step = PolicyEvent | float | Exception
"""What a scripted policy does next: says it, waits so many seconds, or raises."""


class ScriptedPolicy:
    """Follows one list of steps for each prompt; at the end of a list it answers with an empty FinalAnswer.

    `seen` are the histories that it was asked to decide on.
    """

    def __init__(self, *scripts: Sequence[Step], name: str = "scripted") -> None:
        self._scripts = [list(script) for script in scripts]
        self._name = name
        self._prompt: PromptAccepted | None = None
        self._steps: list[Step] = []
        self.seen: list[tuple[AgentEvent, ...]] = []
        self.closed = False

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self._name

    async def decide(self, history: Sequence[AgentEvent]) -> AsyncIterator[PolicyEvent]:
        """The next steps, up to the next decision."""
        self.seen.append(tuple(history))
        prompt = next((e for e in reversed(history) if isinstance(e, PromptAccepted) and e.text[:1] != "!"), None)
        if prompt is not self._prompt:
            self._prompt = prompt
            self._steps = self._scripts.pop(0) if self._scripts else []
        while self._steps:
            step = self._steps.pop(0)
            if isinstance(step, float):
                await asyncio.sleep(step)
            elif isinstance(step, Exception):
                raise step
            else:
                yield step
        yield FinalAnswer("")

    async def aclose(self) -> None:
        """Remember that it was closed."""
        self.closed = True


class Answer(Struct, frozen=True):
    """What a scripted world says to a request: pieces of output, `delay` seconds before each, then the outcome.

    `effect` is called before the outcome, to change files; `error` is raised instead of an outcome.
    """

    output: tuple[str, ...] = ()
    outcome: Outcome = Completed(0)
    delay: float = 0.0
    notice: str = ""
    frames: tuple[Frame, ...] = ()
    effect: Callable[[], None] | None = None
    error: Exception | None = None


class ScriptedWorld:
    """Answers each command (or entry of a trace) as the script says, and others as a shell does what it does not know.

    A string is short for an Answer with that output. `script` may change at any time, `requests` are what was asked.
    """

    def __init__(self, script: Mapping[str, Answer | str] | None = None, origin: Origin = Origin.REAL) -> None:
        self.script = dict(script or {})
        self._origin = origin
        self._busy = False
        self.requests: list[Request] = []
        self.closed = False

    @property
    def origin(self) -> Origin:
        """What it was made to be."""
        return self._origin

    async def run(self, request: Request, limits: Limits) -> AsyncIterator[WorldEvent]:
        """Answer one request; the limits on time and output hold."""
        if self._busy:
            raise SandboxError("The world was asked while it still answered.")
        self._busy = True
        self.requests.append(request)
        try:
            async for event in self._answer(self._scripted(request), limits):
                yield event
        finally:
            self._busy = False

    async def _answer(self, answer: Answer, limits: Limits) -> AsyncIterator[WorldEvent]:
        left, room = limits.seconds, limits.output_bytes
        if answer.notice:
            yield WorldNoticed(answer.notice)
        for piece in answer.output or ("",):
            await asyncio.sleep(min(answer.delay, left))
            left -= answer.delay
            if left <= 0:
                yield Finished(LimitReached("time", f"it ran longer than {limits.seconds:g} s"))
                return
            if piece:
                yield OutputWritten(piece[:room])
            room -= len(piece)
            if room < 0:
                yield Finished(LimitReached("output"))
                return
        for frame in answer.frames[: limits.frames]:
            yield FrameReached(frame)
        if answer.effect is not None:
            answer.effect()
        if answer.error is not None:
            raise answer.error
        yield Finished(answer.outcome)

    def _scripted(self, request: Request) -> Answer:
        key = request.command if isinstance(request, RunCommand) else request.entry
        answer = self.script.get(key, Answer((f"bash: {key}: command not found\n",), Completed(127)))
        return Answer((answer,)) if isinstance(answer, str) else answer

    async def aclose(self) -> None:
        """Remember that it was closed."""
        self.closed = True


def tree(files: Mapping[str, str | bytes]) -> dict[bytes, Entry]:
    """A dictionary of regular files, from names and texts."""
    return {
        name.encode(): Entry(REGULAR, content.encode() if isinstance(content, str) else content)
        for name, content in files.items()
    }


class MemoryFiles:
    """A snapshot in a dictionary: `base` is the user's tree, `now` the sandbox; absolute paths are only in `now`."""

    def __init__(self, base: Mapping[bytes, Entry] | None = None) -> None:
        self.base = dict(base or {})
        self.now = dict(self.base)
        self.error: Exception | None = None

    async def read(self, path: bytes, limit: int = 16 * 1024 * 1024) -> Entry:
        """The entry at a path; errors as of a file system."""
        self._check()
        if path not in self.now:
            code = errno.EISDIR if self._is_folder(path) else errno.ENOENT
            raise OSError(code, "Is a directory" if code == errno.EISDIR else "No such file or directory", path)
        if len(self.now[path].content) > limit:
            raise OSError(errno.EFBIG, "File too large", path)
        return self.now[path]

    async def write(self, path: bytes, entry: Entry) -> None:
        """Put an entry into a folder that exists."""
        self._check()
        if self._is_folder(path):
            raise OSError(errno.EISDIR, "Is a directory", path)
        if not self._is_folder(path.rpartition(b"/")[0]):
            raise OSError(errno.ENOENT, "No such file or directory", path)
        self.now[path] = entry

    async def is_directory(self, path: bytes) -> bool:
        """Whether files stand below the path."""
        self._check()
        return self._is_folder(path)

    async def changes(self) -> ChangeSet:
        """What differs between `base` and `now`."""
        self._check()
        paths = sorted(path for path in self.base.keys() | self.now.keys() if not path.startswith(b"/"))
        pairs = [(path, self.base.get(path), self.now.get(path)) for path in paths]
        return ChangeSet(tuple(Change(path, old, new) for path, old, new in pairs if old != new))

    async def restore(self, changes: ChangeSet) -> None:
        """Make `now` differ from `base` by exactly these changes."""
        self._check()
        outside = {path: entry for path, entry in self.now.items() if path.startswith(b"/")}
        self.now = _with(self.base, changes) | outside

    def put(self, name: str, text: str) -> None:
        """Write a text, as a command in the sandbox would."""
        self.now[name.encode()] = Entry(REGULAR, text.encode())

    def remove(self, name: str) -> None:
        """Delete a file, as a command in the sandbox would."""
        self.now.pop(name.encode(), None)

    def _is_folder(self, path: bytes) -> bool:
        inside = path.rstrip(b"/") + b"/"
        return path in (b"", b".", b"/tmp", b"/") or any(each.startswith(inside) for each in self.now)

    def _check(self) -> None:
        if self.error is not None:
            raise self.error


class MemoryWorkspace:
    """The user's tree in a dictionary, `tree`; applies with a three-way merge, and undoes."""

    def __init__(
        self, tree: Mapping[bytes, Entry] | None = None, root: str = "/home/you/project", branch: str | None = "main"
    ) -> None:
        self.tree = dict(tree or {})
        self.left_over = ""
        self._root = root
        self._branch = branch
        self._undo: list[tuple[str, dict[bytes, Entry], ChangeSet]] = []
        self._count = 0

    @property
    def root(self) -> str:
        """The folder's name."""
        return self._root

    @property
    def branch(self) -> str | None:
        """The branch's name."""
        return self._branch

    async def apply(self, changes: ChangeSet) -> Receipt:
        """Merge the changes into the tree, all or none."""
        merged, joined = [], []
        for change in _split(changes):
            now = self.tree.get(change.path)
            result = merge_entries(change.old, now, change.new)
            if result is None:
                raise TreeChanged("Changed since the patch was made.", paths=(change.path,))
            merged.append(Change(change.path, now, result[0]))
            joined += [change.path] if now != change.old else []
        before = dict(self.tree)
        self.tree = _with(self.tree, ChangeSet(tuple(merged)))
        self._count += 1
        identity = str(self._count)
        self._undo.append((identity, before, changes))
        return Receipt(identity, tuple(change.path for change in merged), tuple(joined))

    async def undo(self) -> Receipt:
        """Take the last change set back."""
        if not self._undo:
            raise NothingToUndo("No applied patch is left to undo here.")
        identity, before, changes = self._undo.pop()
        paths = tuple(change.path for change in _split(changes))
        for path in paths:
            self.tree.pop(path, None)
            if path in before:
                self.tree[path] = before[path]
        self._count += 1
        return Receipt(str(self._count), paths, undoes=identity)

    async def recover(self) -> str:
        """What `left_over` says."""
        said, self.left_over = self.left_over, ""
        return said


class MemoryRecorder:
    """Keeps everything in lists; raises `error` instead, while there is one."""

    def __init__(self) -> None:
        self.events: list[AgentEvent] = []
        self.checkpoints: dict[int, ChangeSet] = {0: ChangeSet()}
        self.error: OSError | None = None
        self.closed = False

    def append(self, event: AgentEvent) -> None:
        """Keep one event."""
        self._check()
        self.events.append(event)

    def keep(self, checkpoint: int, changes: ChangeSet) -> None:
        """Keep a checkpoint."""
        self._check()
        self.checkpoints[checkpoint] = changes

    def checkpoint(self, checkpoint: int) -> ChangeSet:
        """Give a checkpoint back."""
        if checkpoint not in self.checkpoints:
            raise SessionError(f"There is no checkpoint {checkpoint}.")
        return self.checkpoints[checkpoint]

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True

    def _check(self) -> None:
        if self.error is not None:
            raise self.error


class ScriptedCompleter:
    """Answers each prompt with the next list of tokens; `prompts` are what it was asked."""

    def __init__(self, *answers: Sequence[Token]) -> None:
        self._answers = [tuple(answer) for answer in answers]
        self.prompts: list[tuple[int, ...]] = []

    async def complete(self, prompt_ids: Sequence[int], sampling: Sampling) -> AsyncIterator[Token]:
        """The next answer, up to a stop token or `max_tokens`."""
        self.prompts.append(tuple(prompt_ids))
        answer = self._answers.pop(0) if self._answers else ()
        for token in answer[: sampling.max_tokens]:
            if token.id in sampling.stop:
                return
            yield token


def _split(changes: ChangeSet) -> list[Change]:
    """Renames as what they do to both paths."""
    found = []
    for change in changes.changes:
        if change.renamed_from is None:
            found.append(change)
        else:
            found += [Change(change.renamed_from, change.old, None), Change(change.path, None, change.new)]
    return found


def _with(files: Mapping[bytes, Entry], changes: ChangeSet) -> dict[bytes, Entry]:
    after = dict(files)
    for change in _split(changes):
        after.pop(change.path, None)
        if change.new is not None:
            after[change.path] = change.new
    return after
