"""A session: all that a front end needs. Commands go in, events come out, and nothing else is shared."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Literal, assert_never

from cwm_agent.core.actions import Hands
from cwm_agent.core.approval import Approval
from cwm_agent.core.bus import Bus
from cwm_agent.core.checkpoints import Checkpoints
from cwm_agent.core.foresight import Foresight
from cwm_agent.core.history import newest
from cwm_agent.core.hunk_dreams import HunkDreams
from cwm_agent.core.loop import Loop
from cwm_agent.core.parts import SessionParts
from cwm_agent.core.patches import Patches
from cwm_agent.core.pins.pin import Pins
from cwm_agent.core.queue import Job, Queue
from cwm_agent.core.rollouts import BestOf
from cwm_agent.core.turns import Turns
from cwm_agent.core.wishes import Wishes
from cwm_agent.errors import CwmAgentError, SessionError
from cwm_agent.events import (
    AgentEvent,
    ApplyPatch,
    Compact,
    ImagineHunk,
    ImagineOn,
    Interrupt,
    ModeChanged,
    Noticed,
    PinTrace,
    Rested,
    Rewind,
    RunInSandbox,
    SessionClosed,
    SessionOpened,
    SetMode,
    SettlePermission,
    SubmitPrompt,
    TraceEntry,
    UndoApply,
    Unqueue,
    Unqueued,
    UserCommand,
    UserRequest,
)
from cwm_agent.observations import Mode
from cwm_agent.workspace.review import Review

_LOG = logging.getLogger(__name__)
NO_MODEL = "There is no world model: every action runs in the sandbox."


class Session:
    """One conversation about one repository.

    `recorded` are the events of the session that is taken up again, `lost` says what its record had lost.
    """

    def __init__(self, *, parts: SessionParts, mode: Mode, recorded: Sequence[AgentEvent] = (), lost: str = "") -> None:
        self._parts = parts
        self._mode = mode
        self._lost = lost
        self._resumed = bool(recorded)
        self._started = False
        self._prepared = parts.prepare is None
        self._closed = False
        self._early: list[Noticed] = []
        self._bus = Bus(parts.recorder, recorded)
        self._queue = Queue()
        self._approval = Approval(self._bus)
        checkpoints = Checkpoints(parts.files, parts.recorder, self._bus)
        self._patches = Patches(parts.workspace, checkpoints, self._bus)
        foresight = Foresight(parts, self._bus)
        hands = Hands(parts, foresight, self._bus)
        loop = Loop(
            parts.policy,
            hands,
            foresight,
            checkpoints,
            self._patches,
            self._bus,
            lambda: self._mode,
            doubts=parts.doubts,
        )
        self._turns = Turns(parts, self._bus, checkpoints, self._patches, loop, self._queue.stop)
        self._best_of = BestOf(parts, self._bus, checkpoints, self._patches, loop, self._queue.stop)
        hunks = HunkDreams(parts, foresight, self._patches, checkpoints, self._bus)
        pins = Pins(parts, self._bus, checkpoints, self._patches)
        self._wishes = Wishes(parts, foresight, hunks, pins, self._bus, self._queue.stop)
        self._foresight = foresight

    @property
    def identity(self) -> str:
        """The session's name, under which it is recorded."""
        return self._parts.identity

    @property
    def mode(self) -> Mode:
        """The mode from the next action on."""
        return self._mode

    @property
    def busy(self) -> bool:
        """Whether anything runs or is queued."""
        return self._queue.busy

    @property
    def closed(self) -> bool:
        """Whether it was closed, so that nobody answers any more."""
        return self._closed

    @property
    def history(self) -> tuple[AgentEvent, ...]:
        """Everything since the start."""
        return self._bus.history

    def events(self) -> AsyncIterator[AgentEvent]:
        """Everything so far, then what comes, until the session is closed; for any number of readers."""
        return self._bus.events()

    async def start(self) -> None:
        """Say that the session stands, mend what an earlier process left half done, and begin to work."""
        if self._resumed:
            await self._turns.resume(self._lost)
        else:
            self._bus.publish(self._opening())
        self._started = True
        for notice in self._early:
            self._bus.publish(notice)
        try:
            mended = await self._parts.workspace.recover()
        except (CwmAgentError, OSError) as error:
            self.notice("error", str(error))
        else:
            if mended:
                self.notice("info", mended)
        if self._note() or self._resumed:
            self._bus.publish(ModeChanged(self._mode, self._note()))
        if self._parts.trust is not None:
            await self._parts.trust(self)
        await self._prepare()
        self._queue.open()

    async def send(self, command: UserCommand) -> None:
        """Take a command; what it does is told by events. SessionError after the session was closed.

        UsageError where rollouts are asked for that cannot be made.
        """
        if self._closed:
            raise SessionError("The session is closed.")
        match command:
            case SubmitPrompt() | RunInSandbox():
                self._queue.put(self._job(command), command)
            case Unqueue():
                self._unqueue()
            case Compact():
                self._queue.put(self._wishes.compact)
            case TraceEntry() | ImagineOn() | ImagineHunk() | PinTrace():
                mode = self._mode
                self._queue.put(lambda: self._wishes.do(command, mode))
            case Interrupt():
                self._approval.refuse_all()
                self._queue.interrupt()
            case SetMode(mode=mode):
                await self._switch(mode)
            case ApplyPatch():
                order = self._patches.order(command)
                self._queue.beside(lambda: self._patches.apply(order))
            case UndoApply():
                self._queue.beside(self._patches.undo)
            case Rewind(checkpoint=number):
                self._queue.put_now(lambda: self._turns.rewind(number))
            case SettlePermission(permission=number, allowed=allowed):
                self._approval.settle(number, allowed=allowed)
            case _:
                assert_never(command)

    def _job(self, request: UserRequest) -> Job:
        if isinstance(request, RunInSandbox):
            return lambda: self._turns.command(request.command)
        text, count = request.text, request.best_of
        self._best_of.check(count, self._mode)
        if count == 1:
            return lambda: self._turns.prompt(text)
        return lambda: self._turns.turn(text, lambda: self._best_of.run(text, count, self._mode))

    def _unqueue(self) -> None:
        request = self._queue.take_back()
        if request is not None:
            self._bus.publish(Unqueued(request))
        else:
            remedy = "What has begun can only be stopped." if self.busy else ""
            self.notice("info", "Nothing was taken back: no request waits.", remedy)

    async def idle(self) -> Rested | None:
        """Wait until nothing runs or is queued; how the last request ended, None where there was none."""
        await self._queue.idle()
        return newest(self._bus.history, Rested)

    def review(self, checkpoint: int | None = None) -> Review | None:
        """What the snapshot has at a checkpoint (None: now) and the user's tree has not; None where that is nothing."""
        return self._patches.review(checkpoint)

    async def ask(self, question: str, detail: str) -> bool:
        """Whether the user allows it; `detail` shows exactly what would be done."""
        return await self._approval.ask(question, detail)

    def notice(self, level: Literal["info", "warning", "error"], text: str, remedy: str = "") -> None:
        """Tell the user something; what is said before the start follows the opening."""
        if not self._started:
            self._early.append(Noticed(level, text, remedy))
            return
        self._bus.publish(Noticed(level, text, remedy))

    async def aclose(self) -> None:
        """End what runs, say so, and give back the policy, the worlds and the record."""
        if self._closed:
            return
        self._closed = True
        self._approval.close()
        dropped = await self._queue.close()
        if dropped:
            self.notice("warning", f"Not begun, because the session was closed: {dropped} of your requests.")
        parts = self._parts
        await self._give_back(self._foresight.aclose)
        for part in (parts.policy, parts.imagined, parts.real):
            if part is not None:
                await self._give_back(part.aclose)
        self._bus.publish(SessionClosed())
        self._bus.close()
        try:
            parts.recorder.close()
        except OSError as error:
            _LOG.error("The record could not be closed", exc_info=error)

    async def _give_back(self, close: Callable[[], Awaitable[None]]) -> None:
        try:
            await close()
        except Exception as error:  # the rest must be given back all the same
            _LOG.error("Closing failed", exc_info=error)
            self.notice("warning", f"Not everything could be closed: {error}")

    async def _switch(self, mode: Mode) -> None:
        self._mode = mode
        self._bus.publish(ModeChanged(mode, self._note()))
        if mode is not Mode.VERIFY:
            await self._foresight.ahead.drop()
        if not self._prepared:
            self._queue.put(self._prepare)

    async def _prepare(self) -> None:
        """Once, and not before anything may run: preparing runs the project's own code."""
        prepare, imagined = self._parts.prepare, self._parts.imagined is not None and self._mode is Mode.IMAGINED
        if prepare is not None and not self._prepared and not imagined:
            self._prepared = True
            await prepare(self)

    def _opening(self) -> SessionOpened:
        parts = self._parts
        return SessionOpened(
            session=parts.identity,
            repository=parts.repository,
            branch=parts.workspace.branch,
            policy=parts.policy.name,
            mode=self._mode,
            world_model=parts.world_model,
            version=parts.version,
        )

    def _note(self) -> str:
        return NO_MODEL if self._parts.imagined is None and self._mode is not Mode.REAL else ""


__all__ = ["Session", "SessionParts"]
