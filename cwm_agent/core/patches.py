"""From the snapshot's changes to the user's tree: propose, review, apply, take back."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from cwm_agent.core.applied import Applied
from cwm_agent.core.bus import Bus
from cwm_agent.core.checkpoints import Checkpoints
from cwm_agent.errors import CwmAgentError, SessionError
from cwm_agent.events import (
    AgentEvent,
    ApplyPatch,
    Decision,
    HunksDeclined,
    Noticed,
    PatchApplied,
    PatchProposed,
    PatchRefused,
    PatchUndone,
)
from cwm_agent.protocols import Receipt, Workspace
from cwm_agent.text import printable_name
from cwm_agent.workspace.changes import ChangeSet
from cwm_agent.workspace.diff import stats
from cwm_agent.workspace.review import Review


class Order(Struct, frozen=True):
    """An ApplyPatch with the review that it was decided on, and which state of the user's tree that one showed."""

    checkpoint: int
    decisions: tuple[Decision, ...]
    review: Review | None
    generation: int


class Patches:
    """What the user sees of the snapshot's changes, and takes. `stack` are the applied patches that still stand."""

    def __init__(self, workspace: Workspace, checkpoints: Checkpoints, bus: Bus) -> None:
        self._workspace = workspace
        self._checkpoints = checkpoints
        self._bus = bus
        self._shown: dict[int, Review] = {}
        self._generation = 0
        self._count = sum(isinstance(event, PatchApplied) for event in bus.history)
        self._stack: list[tuple[str, ChangeSet]] = []
        self._applied = Applied()

    def take_up(self, history: Sequence[AgentEvent]) -> None:
        """Know again, in a resumed session, which applied patches still stand.

        The snapshot of a resumed session is of the tree that has them: they change nothing in what is left to review.
        """
        count = 0
        for event in history:
            if isinstance(event, PatchApplied):
                count += 1
                try:
                    self._stack.append((event.receipt, self._checkpoints.read_applied(count)))
                except (SessionError, OSError):
                    self._stack.clear()
            elif isinstance(event, PatchUndone):
                self._stack = [each for each in self._stack if each[0] != event.receipt]

    def remaining(self) -> ChangeSet:
        """What the snapshot has now and the user's tree has not."""
        return self._applied.remaining(self._checkpoints.changes)

    def propose(self, *, verified: bool, summary: str) -> None:
        """Offer what remains for review."""
        self._bus.publish(PatchProposed(self._checkpoints.current, stats(self.remaining()), verified, summary))

    def review(self, checkpoint: int | None) -> Review | None:
        """A checkpoint's changes (None: those of now) without what the user's tree has; None where nothing is left."""
        number = self._checkpoints.current if checkpoint is None else checkpoint
        try:
            remaining = self._applied.remaining(self._checkpoints.read(number))
        except (SessionError, OSError):
            return None
        shown = self._shown.get(number)
        if shown is None or shown.changes != remaining:
            shown = self._shown[number] = Review(remaining)
        return shown if remaining else None

    def order(self, command: ApplyPatch) -> Order:
        """Bind a command, when it is given, to what the user saw."""
        review = self._shown.get(command.checkpoint) or self.review(command.checkpoint)
        return Order(command.checkpoint, command.decisions, review, self._generation)

    async def apply(self, order: Order) -> None:
        """Write the accepted hunks; PatchRefused says why nothing was written."""
        if order.generation != self._generation or not order.review or not order.review.changes:
            reason = "Your files changed since this patch was shown." if order.review else "There is nothing to apply."
            self._bus.publish(PatchRefused(order.checkpoint, f"{reason} Open the review again."))
            return
        try:
            taken = order.review.accepted(order.decisions)
            notes = order.review.notes(order.decisions)
            if taken:
                await self._write(order.checkpoint, taken)
        except (CwmAgentError, OSError) as error:
            paths: tuple[bytes, ...] = getattr(error, "paths", ())
            reason = str(error).replace("\n", " ")
            self._bus.publish(PatchRefused(order.checkpoint, reason, tuple(printable_name(path) for path in paths)))
            return
        if notes:
            self._bus.publish(HunksDeclined(notes))

    async def _write(self, checkpoint: int, taken: ChangeSet) -> None:
        receipt = await self._workspace.apply(taken)
        self._generation += 1
        self._shown.clear()
        self._count += 1
        self._applied = self._applied.applied(taken)
        self._stack.append((receipt.identity, taken))
        await self._checkpoints.keep_applied(self._count, taken)
        self._bus.publish(PatchApplied(checkpoint, receipt.identity, _names(receipt.paths), _names(receipt.merged)))

    async def undo(self) -> None:
        """Take the last applied patch back; a notice says why not."""
        try:
            receipt = await self._workspace.undo()
        except (CwmAgentError, OSError) as error:
            remedy = error.remedy if isinstance(error, CwmAgentError) else ""
            text = error.message if isinstance(error, CwmAgentError) else str(error)
            self._bus.publish(Noticed("warning", text, remedy))
            return
        self._generation += 1
        self._shown.clear()
        self._bus.publish(PatchUndone(self._taken_back(receipt), _names(receipt.paths)))

    def _taken_back(self, receipt: Receipt) -> str:
        """The name of the patch that was undone, and what follows for what is left to review."""
        for at in range(len(self._stack) - 1, -1, -1):
            identity, taken = self._stack[at]
            if receipt.undoes in ("", identity):
                del self._stack[at]
                self._applied = self._applied.undone(taken)
                return identity
        return receipt.undoes or receipt.identity

    async def on_new_snapshot(self) -> None:
        """After the snapshot was made anew: count from the tree that it was made from."""
        paths = tuple(self._applied.moved)
        self._applied = self._applied.on(await self._checkpoints.bases(paths))


def _names(paths: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(printable_name(path) for path in paths)
