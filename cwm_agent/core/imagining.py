"""What is imagined of an action, and by which means: traces of tests, a guess at its output, a draft of its edit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from msgspec import Struct

from cwm_agent.core.bus import Bus
from cwm_agent.core.foresight import Foresight
from cwm_agent.core.history import visible
from cwm_agent.core.interrupt import Stop, closing
from cwm_agent.core.parts import SessionParts
from cwm_agent.core.together import until
from cwm_agent.core.touched import touched
from cwm_agent.events import ToolCall
from cwm_agent.observations import Completed, Finished, Mode, Outcome, Unreadable, WorldEvent
from cwm_agent.protocols import Tool, World

CANNOT = "this world model imagines tests and calls, and no other commands; nothing was run"
_EDITS = ("edit", "create")


class Imagined(Struct, frozen=True):
    """How an action is imagined; the Stop gives the word that it is late. `guessed`: the weakest kind."""

    begin: Callable[[Stop], AsyncIterator[WorldEvent]]
    guessed: bool = False


class Imagining:
    """Chooses the strongest means that there is."""

    def __init__(self, parts: SessionParts, foresight: Foresight, bus: Bus) -> None:
        self._parts = parts
        self._foresight = foresight
        self._bus = bus

    async def of(self, tool: Tool, call: ToolCall, mode: Mode) -> Imagined | None:
        """What the imagined world says to an action that is done in this mode; None where it is not asked."""
        parts, world, guesser = self._parts, self._parts.imagined, self._parts.guesser
        if mode is Mode.REAL or not tool.executes or world is None:
            return None
        if parts.imagines_commands:
            return Imagined(lambda late: until(late, tool.run(call.content, world, parts.files, parts.action_limits)))
        foreseen = await self._foresight.foreseen(call, mode)
        if foreseen.tests:
            return Imagined(lambda late: self._foresight.answer(foreseen, late))
        if guesser is not None and (mode is Mode.IMAGINED or parts.world_limits.commands):
            limits = self._foresight.limits
            return Imagined(
                lambda late: until(late, guesser.guess(visible(self._bus.history), call, limits)), guessed=True
            )
        return Imagined(lambda _: _cannot()) if mode is Mode.IMAGINED else None

    async def of_draft(self, tool: Tool, call: ToolCall, mode: Mode) -> Imagined | None:
        """What is imagined of an action before anything is done, for a policy that can think again."""
        world, drafts = self._parts.imagined, self._parts.drafts
        if not self._parts.revises or world is None or mode is Mode.REAL:
            return None
        if tool.name in _EDITS and drafts is not None:
            return Imagined(lambda _: self._draft(tool, call, world))
        return await self.of(tool, call, mode) if mode is Mode.VERIFY else None

    async def _draft(self, tool: Tool, call: ToolCall, world: World) -> AsyncIterator[WorldEvent]:
        """The answer to an edit that is not made, and what the failing tests would do with it."""
        drafts = self._parts.drafts
        if drafts is None:
            return
        outcome: Outcome = Unreadable("", "the edit gave no answer")
        await self._foresight.ahead.make_room()
        try:
            async with closing(tool.run(call.content, world, drafts, self._parts.action_limits)) as events:
                async for event in events:
                    if isinstance(event, Finished):
                        outcome = event.outcome
                        break
                    yield event
            if outcome == Completed(0):
                what = touched((await drafts.changes()).changes)
                async with closing(self._foresight.of_draft(what, drafts)) as events:
                    async for event in events:
                        yield event
        finally:
            drafts.clear()
        yield Finished(outcome)


async def _cannot() -> AsyncIterator[WorldEvent]:
    yield Finished(Unreadable("", CANNOT))
