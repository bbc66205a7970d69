"""One reply of the model: asked for, read while it arrives, its ids kept as they came."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from typing import assert_never

from msgspec import Struct

from cwm_agent.core.interrupt import closing
from cwm_agent.events import TextWritten, ThoughtWritten, ToolCall
from cwm_agent.models.chat_format.reply import Ended, FormatBroken, ReplyEvent, ReplyReader, Text, Thought
from cwm_agent.policies.conversation.speech import Speech
from cwm_agent.protocols import Sampling, TraceModel

TEMPERATURE = 1.0
TOP_P = 0.95


class Reply(Struct, frozen=True):
    """A reply to its end: its ids, what was read in it, and what broke the format, if anything did."""

    ids: tuple[int, ...]
    thoughts: str
    text: str
    call: ToolCall | None
    broken: FormatBroken | None


async def replies(
    model: TraceModel, prompt: Sequence[int], tools: Collection[str], *, thinking: bool, most: int
) -> AsyncGenerator[ThoughtWritten | TextWritten | Reply, None]:
    """What the model thinks and says, piece by piece, and last the whole Reply.

    `most` is how many tokens it may have. A reply that breaks the format is not read further.
    """
    vocabulary = model.vocabulary
    specials = vocabulary.specials()
    sampling = Sampling(temperature=TEMPERATURE, top_p=TOP_P, max_tokens=most, stop=vocabulary.stop_ids())
    reader = ReplyReader(tools, thinking=thinking)
    gathered = _Gathered()
    ids: list[int] = []
    async with closing(model.complete(prompt, sampling)) as tokens:
        async for token in tokens:
            ids.append(token.id)
            for event in reader.feed(specials.get(token.id, token.text)):
                if piece := gathered.take(event):
                    yield piece
            if reader.broken:
                break
    for event in reader.close(cut_off=len(ids) >= most):
        if piece := gathered.take(event):
            yield piece
    yield Reply(tuple(ids), gathered.thoughts, gathered.text, gathered.call, gathered.broken)


class _Gathered:
    """What was read so far; of the text without the blanks around it."""

    def __init__(self) -> None:
        self.thoughts = ""
        self.call: ToolCall | None = None
        self.broken: FormatBroken | None = None
        self._speech = Speech()

    @property
    def text(self) -> str:
        return self._speech.text

    def take(self, event: ReplyEvent) -> ThoughtWritten | TextWritten | None:
        """The piece that can be shown now."""
        match event:
            case Thought(text=text):
                self.thoughts += text
                return ThoughtWritten(text)
            case Text(text=text):
                shown = self._speech.add(text)
                return TextWritten(shown) if shown else None
            case ToolCall():
                self.call = event
            case FormatBroken():
                self.broken = event
            case Ended():
                pass
            case _:
                assert_never(event)
        return None
