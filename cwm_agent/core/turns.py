"""One request from its acceptance to its rest: what goes wrong becomes words, and the session stays usable."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from cwm_agent.core.bus import Bus
from cwm_agent.core.checkpoints import Checkpoints
from cwm_agent.core.history import loose_ends
from cwm_agent.core.interrupt import Interrupted, Stop
from cwm_agent.core.limits import Budget
from cwm_agent.core.loop import Loop
from cwm_agent.core.parts import SessionParts
from cwm_agent.core.patches import Patches
from cwm_agent.errors import ContainerDied, CwmAgentError, LimitError
from cwm_agent.events import Noticed, PromptAccepted, Rested, Rewound, SessionResumed, ToolCall
from cwm_agent.observations import Mode

_LOG = logging.getLogger(__name__)


class Turns:
    """Does what was asked for, and says on the bus how it ended."""

    def __init__(
        self, parts: SessionParts, bus: Bus, checkpoints: Checkpoints, patches: Patches, loop: Loop, stop: Stop
    ) -> None:
        self._parts = parts
        self._bus = bus
        self._checkpoints = checkpoints
        self._patches = patches
        self._loop = loop
        self._stop = stop

    async def prompt(self, text: str) -> None:
        """Let the policy work on a request."""
        budget = Budget(self._parts.loop_limits)
        await self.turn(text, lambda: self._loop.run(budget, self._stop))

    async def command(self, line: str) -> None:
        """Run the user's own command, for real in every mode: a turn of one action, its prompt marked with `!`."""

        async def work() -> Rested:
            await self._loop.act(ToolCall("bash", line), Mode.REAL, self._stop, self._parts.loop_limits.seconds)
            self._loop.prove_again()
            return Rested("answered")

        await self.turn(f"!{line}", work)

    async def rewind(self, checkpoint: int) -> None:
        """Bring the snapshot and the conversation back to a checkpoint."""
        try:
            lost = await self._checkpoints.return_to(checkpoint)
        except (CwmAgentError, OSError) as error:
            self._notice(error)
            return
        self._bus.publish(Rewound(checkpoint))
        if lost:
            self._bus.publish(Noticed("warning", f"Your own version stays, for it changed in the same places: {lost}."))

    async def resume(self, lost: str) -> None:
        """Take a recorded session up again: close what was cut off, and bring the last checkpoint's files back."""
        for event in loose_ends(self._bus.history):
            self._bus.publish(event)
        missing = [lost] if lost else []
        try:
            names = await self._checkpoints.return_to(self._checkpoints.current)
            if names:
                missing.append(f"Your tree changed in the same places, and your version stays: {names}.")
        except (CwmAgentError, OSError) as error:
            missing.append(f"The files of the last checkpoint could not be brought back: {_words(error)[0]}")
        self._patches.take_up(self._bus.history)
        self._bus.publish(SessionResumed(self._parts.identity, " ".join(missing)))

    async def turn(self, text: str, work: Callable[[], Awaitable[Rested]]) -> None:
        """Accept a request, let `work` deal with it, and say how it ended, whatever went wrong."""
        self._bus.publish(PromptAccepted(text))
        try:
            rested = await work()
        except Interrupted as interrupted:
            if interrupted.stuck:
                self._bus.publish(Noticed("warning", "What was stopped did not end in time, and was left behind."))
            rested = Rested("interrupted")
        except LimitError as error:
            self._notice(error)
            rested = Rested("limit", error.message)
        except ContainerDied as error:
            self._notice(error)
            await self._recover()
            rested = Rested("error", error.message)
        except Exception as error:  # whatever it is, the user's session must outlive it
            self._notice(error)
            rested = Rested("error", _words(error)[0])
        self._bus.publish(rested)

    async def _recover(self) -> None:
        recover = self._parts.recover_sandbox
        if recover is None:
            return
        try:
            missing = await recover()
            text = "A new sandbox stands, with the same files."
            if missing:
                lost = await self._checkpoints.return_to(self._checkpoints.current)
                text = f"A new sandbox stands. {missing} The files are those of the last checkpoint."
                text += f" Your own version stays of: {lost}." if lost else ""
            await self._patches.on_new_snapshot()
            await self._checkpoints.note(self._loop.action)
            self._bus.publish(Noticed("warning", text))
        except (CwmAgentError, OSError) as error:
            self._notice(error)

    def _notice(self, error: Exception) -> None:
        if not isinstance(error, CwmAgentError | OSError):
            _LOG.error("A fault of our own", exc_info=error)
        text, remedy = _words(error)
        self._bus.publish(Noticed("error", text, remedy))


def _words(error: Exception) -> tuple[str, str]:
    if isinstance(error, CwmAgentError):
        return error.message, error.remedy
    if isinstance(error, OSError):
        return f"The sandbox's files: {error}.", ""
    return f"A fault of our own: {type(error).__name__}: {error}", "The session goes on; the traceback is in the log."
