"""A model that chats by a script. What it writes has other ids than the same text encoded, so that a text which was
tokenised again shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from cwm_agent.protocols import Sampling, Token
from cwm_agent.testing_models import ScriptedTraceModel
from cwm_agent.traces.grammar import Special, Vocabulary
from cwm_agent.traces.segments import Segment

WRITTEN = 1000

Script = str | Sequence[Segment] | Exception


class ChatModel:
    """Gives its replies one after the other, a few characters a token; `prompts` are what it was asked.

    A reply that begins with `…` never stops by itself.
    """

    def __init__(self, *replies: Script, context_tokens: int = 131_072, size: int = 5, delay: float = 0.0) -> None:
        self._replies = list(replies)
        self._size = size
        self._delay = delay
        self._texts: dict[str, int] = {}
        self._bytes = ScriptedTraceModel()
        self.context_tokens = context_tokens
        self.prompts: list[tuple[int, ...]] = []
        self.samplings: list[Sampling] = []
        self.wrote: list[tuple[int, ...]] = []
        self.closed = False

    name = "chatty"

    @property
    def vocabulary(self) -> Vocabulary:
        return self._bytes.vocabulary

    async def encode(self, text: str) -> tuple[int, ...]:
        return tuple(text.encode())

    async def complete(self, prompt_ids: Sequence[int], sampling: Sampling) -> AsyncIterator[Token]:
        assert len(prompt_ids) < self.context_tokens
        self.prompts.append(tuple(prompt_ids))
        self.samplings.append(sampling)
        self.wrote.append(())
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        for token in self._tokens([reply] if isinstance(reply, str) else reply)[: sampling.max_tokens]:
            await asyncio.sleep(self._delay)
            self.wrote[-1] += (token.id,)
            yield token

    async def aclose(self) -> None:
        self.closed = True

    def _tokens(self, reply: Sequence[Segment]) -> list[Token]:
        found = []
        for segment in reply:
            if isinstance(segment, Special):
                found.append(Token(self.vocabulary.id(segment), segment.value))
                continue
            text = segment * 100_000 if segment.startswith("…") else segment
            pieces = [text[at : at + self._size] for at in range(0, len(text), self._size)]
            found += [Token(self._texts.setdefault(each, WRITTEN + len(self._texts)), each) for each in pieces]
        return found

    def spelt(self, at: int = -1) -> str:
        """A prompt as text, separators as they are spelt."""
        texts = {number: text.encode() for text, number in self._texts.items()}
        texts |= {number: special.value.encode() for number, special in self.vocabulary.specials().items()}
        return b"".join(texts.get(number, bytes((number % 256,))) for number in self.prompts[at]).decode()

    def grew(self) -> bool:
        """Whether each prompt is the one before, the reply to it as it was written, and more."""
        before = zip(self.prompts, self.wrote, strict=True)
        return all(
            now[: len(prompt) + len(wrote)] == prompt + wrote
            for (prompt, wrote), now in zip(before, self.prompts[1:], strict=False)
        )


def call(tool: str, content: str, *, thought: str = "So.", text: str = "") -> str:
    """A reply with a call."""
    return f"{thought}\n</think>\n{text}\n<tool: {tool}>\n{content}\n</tool>"


def says(text: str, thought: str = "Done.") -> str:
    """A reply in words."""
    return f"{thought}\n</think>\n\n{text}"
