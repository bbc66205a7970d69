"""A model behind a server of chat completions decides: it is told the history as messages, and calls tools by JSON."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path

from cwm_agent.core.interrupt import closing
from cwm_agent.errors import LimitError
from cwm_agent.events import AgentEvent, Progressed, TextWritten, ThoughtWritten, ToolCall
from cwm_agent.models.chat_messages import Ended, Message, Text, Thought
from cwm_agent.policies.chat.turn import ATTEMPTS, Turn
from cwm_agent.policies.chat.window import PER_TOKEN, Window
from cwm_agent.policies.chat.wording import Wording, joined
from cwm_agent.policies.conversation.following import Following
from cwm_agent.policies.conversation.keeping import Keeping
from cwm_agent.policies.conversation.prompts import Prompts
from cwm_agent.policies.conversation.reading import Answered, Entry
from cwm_agent.protocols import Act, Chat, Files, FinalAnswer, PolicyEvent
from cwm_agent.settings import LimitSettings

OUTPUT_TOKENS = 16_384
"""How much of one tool's answer the model is shown; never more than a quarter of its context."""


class ChatPolicy:
    """Any model that calls tools, at the wheel. The model belongs to whoever made it, and is not closed here.

    What it is told follows from the history, so that a rewind or a resumed session needs nothing else. Calls that it
    makes in one reply are carried out one after the other, each as an action of its own, as long as each succeeds and
    nothing else happens that it should know first; then it is asked again. `prompts` is a folder of the user's own
    templates, `guidance` gives what a trusted repository says to agents. In `files` of the sandbox stands whole what it
    is shown in part.
    """

    def __init__(
        self,
        model: Chat,
        limits: LimitSettings,
        *,
        prompts: Path | None = None,
        guidance: Callable[[], str] = str,
        command_seconds: float = 120.0,
        files: Files | None = None,
    ) -> None:
        room = min(model.context_tokens, limits.tokens)
        most = int(min(OUTPUT_TOKENS, room // 4) * PER_TOKEN)
        self._model = model
        self._wording = Wording(
            Prompts(prompts),
            limits,
            command_seconds=command_seconds,
            guidance=guidance,
            most=most,
            keeps=files is not None,
        )
        self._keeping = Keeping(files)
        self._offers = self._wording.offers()
        self._window = Window(self._wording, room)
        self._following = Following()
        self._made: ToolCall | None = None
        self._waiting: list[ToolCall] = []
        self._read = 0
        self._written = 0

    @property
    def name(self) -> str:
        """What the user calls it."""
        return "chat"

    async def aclose(self) -> None:
        """There is nothing to give back."""

    async def decide(self, history: Sequence[AgentEvent]) -> AsyncGenerator[PolicyEvent, None]:
        """Yield what the model thinks and says while it does, and end with its call or its answer."""
        entries = self._following.read(history)
        if self._goes_on(entries):
            yield self._act()
            return
        await self._keeping.renew()
        self._made, self._waiting = None, []
        turn = Turn(self._wording)
        while turn.attempts < ATTEMPTS:
            async with closing(self._attempt(turn, entries)) as pieces:
                async for piece in pieces:
                    yield piece
            if turn.withheld:
                yield FinalAnswer("The server withheld the model's reply. Ask in other words.", status="gave_up")
                return
            if not turn.flaw:
                self._waiting = turn.calls
                yield self._act() if turn.calls else FinalAnswer(turn.text)
                return
            yield Progressed("asking again", turn.attempts, ATTEMPTS, "replies", turn.flaw)
        yield FinalAnswer(
            f"The model's reply could not be used {ATTEMPTS} times in a row, so I stop here. Nothing of these "
            "replies was carried out. Ask again, or in other words.",
            status="gave_up",
        )

    async def compact(self, history: Sequence[AgentEvent]) -> tuple[int, int]:
        """Make the conversation shorter; how many tokens it had before, and has now, as far as they are known."""
        entries = self._following.look(history)
        before = self._window.tokens(joined(self._window.messages(entries)))
        self._window.compact(entries)
        return before, self._window.tokens(joined(self._window.messages(entries)))

    def _goes_on(self, entries: Sequence[Entry]) -> bool:
        """Whether the next call of the last reply comes now: the one before was made, went well, and that is all."""
        last = entries[-1] if entries else None
        if not self._waiting or not isinstance(last, Answered):
            return False
        return last.call == self._made and last.good and not (last.draft or last.notes)

    def _act(self) -> Act:
        self._made = self._waiting.pop(0)
        return Act(self._made)

    async def _attempt(self, turn: Turn, entries: Sequence[Entry]) -> AsyncGenerator[PolicyEvent, None]:
        """Ask for one reply, behind those of this turn that could not be used; once more where it is too much."""
        messages = joined([*self._window.messages(entries), *turn.messages])
        try:
            async with closing(self._reply(turn, messages, entries)) as pieces:
                async for piece in pieces:
                    yield piece
            return
        except LimitError:
            self._window.tighten(messages)
        messages = joined([*self._window.messages(entries), *turn.messages])
        async with closing(self._reply(turn, messages, entries)) as pieces:
            async for piece in pieces:
                yield piece

    async def _reply(
        self, turn: Turn, messages: Sequence[Message], entries: Sequence[Entry]
    ) -> AsyncGenerator[PolicyEvent, None]:
        for each in self._wording.shown_in_part(entries, self._window.folded):
            await self._keeping.keep(each.action, each.observation if isinstance(each, Answered) else each.output)
        turn.begin()
        async with closing(self._model.reply(messages, self._offers)) as pieces:
            async for piece in pieces:
                match piece:
                    case Thought(text=text):
                        yield ThoughtWritten(text)
                    case Text(text=text):
                        if shown := turn.say(text):
                            yield TextWritten(shown)
                    case Ended():
                        turn.end(piece)
                        yield self._progress(messages, piece)

    def _progress(self, messages: Sequence[Message], ended: Ended) -> Progressed:
        """How full the context is, and what all replies of this policy took together."""
        read, wrote = ended.prompt_tokens or 0, ended.reply_tokens or 0
        self._window.count(messages, read)
        self._read += read
        self._written += wrote
        used = read + wrote if read else self._window.tokens(messages)
        note = f"{self._read:,} tokens read and {self._written:,} written so far" if self._read else ""
        return Progressed("context", min(used, self._window.room), self._window.room, "tokens", note)
