"""A session without a screen: one task, its conversation as text or JSON, its patch, and an exit code."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, TextIO, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from cwm_agent.core.history import last_words
from cwm_agent.core.ledger import accuracy
from cwm_agent.core.session import Session
from cwm_agent.errors import CwmAgentError, UsageError
from cwm_agent.events import (
    ActionProposed,
    AgentEvent,
    ApplyPatch,
    ClaimChecked,
    Interrupt,
    Noticed,
    PatchApplied,
    PatchProposed,
    PatchRefused,
    PermissionAsked,
    Rested,
    RolloutsCompared,
    SessionOpened,
    SettlePermission,
    SubmitPrompt,
    TestsReported,
)
from cwm_agent.observations import Origin
from cwm_agent.text import printable
from cwm_agent.transcript import Transcript
from cwm_agent.workspace.diff import pair_renames, unified

E = TypeVar("E")

Status = Literal["fixed", "answered", "proposed", "no_patch", "limit", "error", "interrupted"]

EXIT_CODES: dict[Status, int] = {
    "fixed": 0,
    "answered": 0,
    "proposed": 1,
    "no_patch": 1,
    "error": 3,
    "limit": 4,
    "interrupted": 130,
}
EXIT_REFUSED = 5


class Output(Struct, frozen=True, kw_only=True):
    """What a headless run prints, and where its patch goes; `apply` writes a patch whose tests ran and passed."""

    format: Literal["text", "json", "stream-json"] = "text"
    quiet: bool = False
    patch_file: Path | None = None
    apply: bool = False


class Tests(Struct, frozen=True):
    """The last test run that really ran."""

    ran: int = 0
    passed: int = 0
    failed: int = 0
    command: str = ""


class Predictions(Struct, frozen=True):
    """How many predictions were made, and how many came true."""

    made: int = 0
    came_true: int = 0


class Claimed(Struct, frozen=True):
    """What the policy said of tests, and what of it really ran; only what is proved `stands`."""

    text: str
    stands: bool
    evidence: str


class Result(Struct, frozen=True):
    """What a headless run came to; the fields are a contract with scripts.

    `claims` is there where the policy claimed something of tests, `best_of` where rollouts were compared.
    """

    status: Status
    exit_code: int
    policy: str
    mode: str
    patch: str
    files: list[str]
    applied: bool
    tests: Tests
    predictions: Predictions
    turns: int
    seconds: float
    session: str
    message: str
    claims: list[Claimed] | UnsetType = UNSET
    best_of: RolloutsCompared | UnsetType = UNSET


def _last(history: Sequence[AgentEvent], kind: type[E]) -> E | None:
    """The newest event of a kind."""
    return next((event for event in reversed(history) if isinstance(event, kind)), None)


def _last_tests(history: Sequence[AgentEvent]) -> Tests:
    for event in reversed(history):
        if isinstance(event, TestsReported) and event.origin is Origin.REAL:
            return Tests(event.passed + event.failed, event.passed, event.failed, event.command)
    return Tests()


def _predictions(history: Sequence[AgentEvent]) -> Predictions:
    found = accuracy(history)
    return Predictions(found.made, found.came_true)


def _last_words(history: Sequence[AgentEvent], rested: Rested) -> str:
    """How the request ended, in words, or what the policy said last."""
    return rested.message or last_words(history)


def report_failure(error: CwmAgentError, output: Output, out: TextIO) -> int:
    """Say that no session could be opened, in the format that was asked for; returns the exit code."""
    if output.format == "text":
        raise error
    failed = Result(
        status="error",
        exit_code=error.exit_code,
        policy="",
        mode="",
        patch="",
        files=[],
        applied=False,
        tests=Tests(),
        predictions=Predictions(),
        turns=0,
        seconds=0.0,
        session="",
        message=str(error),
    )
    print(msgspec.json.encode(failed).decode(), file=out, flush=True)
    return error.exit_code


class Headless:
    """Drives one session through one task. `run` returns the exit code."""

    def __init__(self, session: Session, output: Output, out: TextIO) -> None:
        self._session = session
        self._output = output
        self._out = out
        self._started = asyncio.get_running_loop().time()

    async def run(self, task: str, best_of: int = 1) -> int:
        """Start the session, do the task, in so many rollouts, print, and close."""
        with self._signals():
            printer = asyncio.create_task(self._print_events())
            try:
                await self._session.start()
                await self._session.send(SubmitPrompt(task, best_of))
                rested = await self._session.idle() or Rested("error", "The session ended before its answer.")
                patch = self._patch()
                code = await self._apply(rested)
            finally:
                await self._session.aclose()
                await printer
        self._report(rested, patch, code)
        return code

    def _patch(self) -> bytes:
        review = self._session.review()
        patch = unified(pair_renames(review.changes)) if review else b""
        if self._output.patch_file and patch:
            try:
                self._output.patch_file.write_bytes(patch)
            except OSError as error:
                raise UsageError(
                    f"The patch cannot be written to {self._output.patch_file}: {error.strerror}.",
                    remedy="The session kept it: cwm-agent sessions export --format patch",
                ) from error
        return patch

    async def _apply(self, rested: Rested) -> int:
        code = EXIT_CODES[rested.status]
        review = self._session.review()
        proposed = _last(self._session.history, PatchProposed)
        if not self._output.apply or review is None or proposed is None:
            return code
        if not proposed.verified:
            self._session.notice("warning", "The patch is not applied: no test run after its last edit passed.")
            return code
        await self._session.send(ApplyPatch(proposed.checkpoint, review.default_decisions()))
        await self._session.idle()
        return EXIT_REFUSED if _last(self._session.history, PatchRefused) else code

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()

        def interrupt() -> None:
            if self._session.busy:
                self._pending = asyncio.ensure_future(self._session.send(Interrupt()))
            elif task:
                task.cancel()

        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in signals:
            loop.add_signal_handler(number, interrupt)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    async def _print_events(self) -> None:
        transcript = Transcript(self._out, quiet=self._output.quiet)
        async for event in self._session.events():
            if isinstance(event, PermissionAsked):
                await self._session.send(SettlePermission(event.permission, allowed=False))
            if self._output.format == "stream-json":
                print(msgspec.json.encode(event).decode(), file=self._out, flush=True)
            elif self._output.format == "text":
                transcript.write(event)
            elif isinstance(event, Noticed) and event.level != "info":
                Transcript(sys.stderr, quiet=self._output.quiet).write(event)

    def _report(self, rested: Rested, patch: bytes, code: int) -> None:
        history = self._session.history
        text = patch.decode("utf-8", "replace")
        if self._output.format == "text":
            self._out.write(printable(text))
            return
        proposed = _last(history, PatchProposed)
        opened = _last(history, SessionOpened)
        result = Result(
            status=rested.status,
            exit_code=code,
            policy=opened.policy if opened else "",
            mode=self._session.mode,
            patch=text,
            files=[stat.name for stat in proposed.files] if proposed else [],
            applied=_last(history, PatchApplied) is not None,
            tests=_last_tests(history),
            predictions=_predictions(history),
            turns=sum(isinstance(event, ActionProposed) for event in history),
            seconds=round(asyncio.get_running_loop().time() - self._started, 3),
            session=self._session.identity,
            message=_last_words(history, rested),
            best_of=_last(history, RolloutsCompared) or UNSET,
            claims=[Claimed(e.text, e.stands, e.evidence) for e in history if isinstance(e, ClaimChecked)] or UNSET,
        )
        print(msgspec.json.encode(result).decode(), file=self._out, flush=True)
