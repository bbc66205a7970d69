"""Keeping the conversation within the model's context: old outputs are folded first, then a summary is asked for."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable

from cwm_agent.core.interrupt import closing
from cwm_agent.errors import LimitError
from cwm_agent.events import Progressed
from cwm_agent.models.chat_format.messages import opening
from cwm_agent.policies.conversation.reading import Answered, Asked
from cwm_agent.policies.cwm.conversation import Conversation
from cwm_agent.policies.cwm.replying import Reply, replies
from cwm_agent.policies.cwm.wording import Wording
from cwm_agent.protocols import TraceModel

FULL = 0.75
"""The part of the room from which on something has to go; the rest is for the next reply."""
FOLDED = 0.5
"""The part to which folding goes down, so that it is not needed again at once."""
TIGHT = 0.6
"""The part from which on folding did not help enough: it would soon be needed again, each time with a new prefix."""
SUMMARY_TOKENS = 8_192


class Housekeeper:
    """Makes room in a conversation. The rules and the user's own words stay as they are, whatever goes.

    `diff` tells how the files differ from the user's now, which stands behind each summary.
    """

    def __init__(self, model: TraceModel, wording: Wording, diff: Callable[[], Awaitable[str]]) -> None:
        self._model = model
        self._wording = wording
        self._diff = diff

    async def compact(self, conversation: Conversation) -> None:
        """Make it as short as it can be while the work goes on."""
        answers = [at for at, block in enumerate(conversation.blocks) if isinstance(block.entry, Answered)]
        await self._fold(conversation, answers[:-1], 0)
        count = _behind_which_work_goes_on(conversation)
        if count:
            summary = await self._summary(conversation)
            await conversation.leave_out(count, summary, await self._diff(), int(TIGHT * conversation.room))

    async def tidy(self, conversation: Conversation) -> AsyncGenerator[Progressed, None]:
        """Make room, where it is needed, and say so where that takes long; LimitError where there is none to be had."""
        full = FULL * conversation.room
        if len(conversation) <= full:
            return
        answers = [at for at, block in enumerate(conversation.blocks) if isinstance(block.entry, Answered)]
        await self._fold(conversation, answers[:-1], FOLDED * conversation.room)
        if len(conversation) <= TIGHT * conversation.room:
            return
        count = _behind_which_work_goes_on(conversation)
        if count:
            yield Progressed("summing up", len(conversation), conversation.room, "tokens")
            summary = await self._summary(conversation)
            await conversation.leave_out(count, summary, await self._diff(), int(TIGHT * conversation.room))
        answers = [at for at, block in enumerate(conversation.blocks) if isinstance(block.entry, Answered)]
        await self._fold(conversation, answers, full)
        if len(conversation) > full:
            raise LimitError(
                f"Your requests and the last step alone fill the model's context of {conversation.room} tokens.",
                remedy="Begin a new session with a shorter request, or raise limits.tokens where the model has more.",
            )

    async def _fold(self, conversation: Conversation, answers: list[int], down_to: float) -> None:
        for at in answers:
            if len(conversation) <= down_to:
                return
            if not conversation.blocks[at].folded:
                await conversation.fold(at)

    async def _summary(self, conversation: Conversation) -> str:
        """The model's own, or empty where it gives none."""
        thinking = self._wording.thinking
        wanted = [*self._wording.summary_wanted(), *opening(thinking=thinking)]
        prompt = [*conversation.ids, *await conversation.encode(wanted)]
        most = min(SUMMARY_TOKENS, conversation.room - len(prompt))
        if most < 1:
            return ""
        async with closing(replies(self._model, prompt, (), thinking=thinking, most=most)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Reply) and piece.broken is None:
                    return piece.text
        return ""


def _behind_which_work_goes_on(conversation: Conversation) -> int:
    """How many blocks can go: all but the current request's last step, or the request itself where it has none."""
    blocks = conversation.blocks
    if blocks and isinstance(blocks[-1].entry, Asked):
        return len(blocks) - 1
    return max(0, len(blocks) - 2)
