"""The language model decides: it is told the history in its own chat format, and its reply is the next action."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path

from cwm_agent.core.interrupt import closing
from cwm_agent.errors import RequestRefused
from cwm_agent.events import AgentEvent, Progressed, ToolCall
from cwm_agent.models.chat_format.messages import answering, check, end, opening
from cwm_agent.models.chat_format.reply import FormatBroken
from cwm_agent.observations import Limits, WorldEvent
from cwm_agent.policies.conversation.following import Following
from cwm_agent.policies.conversation.keeping import Keeping
from cwm_agent.policies.conversation.prompts import Prompts
from cwm_agent.policies.conversation.reading import Said
from cwm_agent.policies.cwm.conversation import Conversation
from cwm_agent.policies.cwm.guessing import guess
from cwm_agent.policies.cwm.replying import Reply, replies
from cwm_agent.policies.cwm.room import Housekeeper
from cwm_agent.policies.cwm.wording import TOOLS, Wording
from cwm_agent.protocols import Act, Files, FinalAnswer, PolicyEvent, TraceModel
from cwm_agent.settings import LimitSettings

ATTEMPTS = 3
LEAST = 1 / 8
"""A reply has at least this part of the room: what broke the format before is left out where it would leave less."""


class CwmPolicy:
    """The Code World Model at the wheel. The model belongs to whoever made it, and is not closed here.

    What it is told follows from the history, so that a rewind or a resumed session needs nothing else; the ids that
    the model wrote are kept besides, and the stream of a session only grows while it has room. `prompts` is a folder of
    the user's own templates, `guidance` gives what a trusted repository says to agents, `guess_tokens` how many tokens
    a guessed output may have. In `files` of the sandbox stands whole what it is shown in part.
    """

    def __init__(
        self,
        model: TraceModel,
        limits: LimitSettings,
        *,
        thinking: bool = True,
        prompts: Path | None = None,
        guidance: Callable[[], str] = str,
        command_seconds: float = 120.0,
        guess_tokens: int = 8_192,
        files: Files | None = None,
    ) -> None:
        check(model.vocabulary)
        self._model = model
        self._limits = limits
        self._thinking = thinking
        self._wording = Wording(
            Prompts(prompts), limits, thinking=thinking, command_seconds=command_seconds, guidance=guidance
        )
        self._keeping = Keeping(files)
        room = min(model.context_tokens, limits.tokens)
        self._conversation = Conversation(model, self._wording, self._keeping, room)
        self._housekeeper = Housekeeper(model, self._wording, self._keeping.diff)
        self._following = Following()
        self._guess_tokens = guess_tokens

    @property
    def name(self) -> str:
        """What the user calls it."""
        return "cwm"

    async def aclose(self) -> None:
        """There is nothing to give back."""

    async def decide(self, history: Sequence[AgentEvent]) -> AsyncGenerator[PolicyEvent, None]:
        """Yield what the model thinks and says while it does, and end with its call or its answer."""
        self._conversation.room = min(self._model.context_tokens, self._limits.tokens)
        try:
            async with closing(self._decide(history)) as events:
                async for event in events:
                    yield event
        except RequestRefused:
            self._conversation.forget()  # a sick server may have given ids that it does not take when it is well
            raise

    async def compact(self, history: Sequence[AgentEvent]) -> tuple[int, int]:
        """Make the conversation shorter; how many tokens it had before, and has now."""
        await self._keeping.renew()
        await self._conversation.follow(self._following.look(history))
        before = len(self._conversation)
        await self._housekeeper.compact(self._conversation)
        return before, len(self._conversation)

    async def guess(
        self, history: Sequence[AgentEvent], call: ToolCall, limits: Limits
    ) -> AsyncGenerator[WorldEvent, None]:
        """What the last call of the history would print, as the model takes it for likely; see protocols.Guesser."""
        await self._conversation.follow(self._following.look(history))
        start = await self._conversation.encode(answering(call.tool))
        prompt = [*self._conversation.ids, *start]
        most = min(self._guess_tokens, self._conversation.room - len(prompt))
        async with closing(guess(self._model, prompt, limits, most)) as events:
            async for event in events:
                yield event

    async def _decide(self, history: Sequence[AgentEvent]) -> AsyncGenerator[PolicyEvent, None]:
        await self._keeping.renew()
        await self._conversation.follow(self._following.read(history))
        async with closing(self._housekeeper.tidy(self._conversation)) as steps:
            async for step in steps:
                yield step
        turn = _Turn()
        while turn.attempts < ATTEMPTS:
            async with closing(self._attempt(turn)) as pieces:
                async for piece in pieces:
                    yield piece
            if turn.broken is None:
                self._conversation.keep(turn.said, turn.ids)
                yield self._progress()
                yield Act(turn.said.call) if turn.said.call else FinalAnswer(turn.text)
                return
            yield Progressed("asking again", turn.attempts, ATTEMPTS, "replies", turn.broken.flaw.replace("_", " "))
        yield FinalAnswer(
            f"The model's reply broke its format {ATTEMPTS} times in a row, so I stop here. Nothing of these "
            "replies was carried out. Ask again, or in other words.",
            status="gave_up",
        )

    async def _attempt(self, turn: _Turn) -> AsyncGenerator[PolicyEvent, None]:
        """Ask for one reply, behind those of this turn that broke the format."""
        start = await self._conversation.encode(opening(thinking=self._thinking))
        room = self._conversation.room - len(self._conversation) - len(start)
        if room - len(turn.ids) < self._conversation.room * LEAST:
            turn.ids = turn.error
        prompt = [*self._conversation.ids, *turn.ids, *start]
        most = room - len(turn.ids)
        async with closing(replies(self._model, prompt, TOOLS, thinking=self._thinking, most=most)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Reply):
                    await self._take(turn, piece, start)
                else:
                    yield piece

    async def _take(self, turn: _Turn, reply: Reply, start: tuple[int, ...]) -> None:
        """Add a reply to the turn, and where it breaks the format, what the model is told of that."""
        turn.attempts += 1
        turn.broken, turn.text = reply.broken, reply.text
        turn.said = Said(turn.said.thoughts + reply.thoughts, turn.said.text + reply.text, reply.call)
        cut_off = reply.broken is not None and reply.broken.flaw == "cut_off"
        if not cut_off:
            turn.ids = (*turn.ids, *start, *reply.ids, *await self._conversation.encode(end()))
        if reply.broken:
            turn.error = await self._conversation.encode(self._wording.format_error(reply.broken))
            turn.ids = (*turn.ids, *turn.error)

    def _progress(self) -> Progressed:
        return Progressed("context", len(self._conversation), self._conversation.room, "tokens")


class _Turn:
    """The replies to one question: their ids with what stands between, and what was said; `text` is the last one's."""

    def __init__(self) -> None:
        self.ids: tuple[int, ...] = ()
        self.error: tuple[int, ...] = ()
        self.said = Said("", "")
        self.text = ""
        self.broken: FormatBroken | None = None
        self.attempts = 0
