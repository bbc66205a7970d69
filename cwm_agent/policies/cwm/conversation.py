"""The conversation as token ids: a stream that only grows, as long as it has room."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import groupby

from msgspec import Struct

from cwm_agent.models.chat_format.messages import SYSTEM, begin, message
from cwm_agent.policies.conversation.reading import Answered, Asked, Entry, Said, Told
from cwm_agent.policies.cwm.wording import Wording
from cwm_agent.protocols import TraceModel
from cwm_agent.tools.call import sound
from cwm_agent.traces.segments import Segment, as_ids, as_text

OUTPUT_TOKENS = 16_384
"""How much of one tool's answer the model is shown; never more than a quarter of its context."""


class Block(Struct, frozen=True):
    """One entry as ids; `budget` is what it says of what is left, `folded` that its output was left out."""

    entry: Entry
    ids: tuple[int, ...]
    budget: str = ""
    folded: bool = False


class Conversation:
    """The stream that the model reads: the rules, what stands for a part that was left out, and blocks.

    `room` is how many tokens it may have with the next reply. The ids of what the model wrote are those that it wrote;
    they are made from text only where they are not known. `covered` are the entries that were left out.
    """

    def __init__(self, model: TraceModel, wording: Wording, room: int) -> None:
        self._model = model
        self._wording = wording
        self.room = room
        self._rules: tuple[int, ...] = ()
        self._words: tuple[int, ...] = ()
        self._summary: tuple[int, ...] = ()
        self.covered: tuple[Entry, ...] = ()
        self.blocks: list[Block] = []

    @property
    def ids(self) -> list[int]:
        """All of it."""
        written = (number for block in self.blocks for number in block.ids)
        return [*self._rules, *self._words, *self._summary, *written]

    def __len__(self) -> int:
        start = len(self._rules) + len(self._words) + len(self._summary)
        return start + sum(len(block.ids) for block in self.blocks)

    async def follow(self, entries: Sequence[Entry]) -> None:
        """Become the conversation of these entries: what is the same stays, what is new is written behind it."""
        if not self._rules:
            rules = self._wording.rules(self.room)
            self._rules = await self.encode([*begin(), *message(SYSTEM, rules)])
        if tuple(entries[: len(self.covered)]) != self.covered:
            self._words = self._summary = self.covered = ()
            self.blocks.clear()
        rest = entries[len(self.covered) :]
        same = 0
        for block, entry in zip(self.blocks, rest, strict=False):
            if block.entry != entry:
                break
            same += 1
        del self.blocks[same:]
        for entry in rest[same:]:
            self.blocks.append(await self._block(entry))

    def forget(self) -> None:
        """Begin anew with what comes next: nothing is left out, and all ids are made from texts."""
        self._rules = self._words = self._summary = self.covered = ()
        self.blocks.clear()

    def keep(self, said: Said, ids: Sequence[int]) -> None:
        """A turn of the model, as it wrote it."""
        self.blocks.append(Block(said, tuple(ids)))

    async def fold(self, at: int) -> None:
        """Leave the output of an answer out, where that gains anything."""
        block = self.blocks[at]
        if isinstance(block.entry, Answered):
            ids = await self.encode(self._wording.folded(block.entry, block.budget))
            ids = ids if len(ids) < len(block.ids) else block.ids
            self.blocks[at] = Block(block.entry, ids, block.budget, folded=True)

    async def leave_out(self, count: int, summary: str) -> None:
        """Put a summary in the place of the first blocks and of what was left out before; the user's words stay."""
        gone, self.blocks = self.blocks[:count], self.blocks[count:]
        self.covered += tuple(block.entry for block in gone)
        self._words += tuple(number for block in gone if isinstance(block.entry, Asked) for number in block.ids)
        self._summary = await self.encode(self._wording.summarised(summary, self.covered))

    async def encode(self, segments: Sequence[Segment]) -> tuple[int, ...]:
        """Segments as ids; texts that follow each other are one."""
        segments = [sound(each) if isinstance(each, str) else each for each in segments]
        grouped = groupby(segments, key=lambda segment: isinstance(segment, str))
        texts = [as_text(group) for is_text, group in grouped if is_text]
        encoded = await asyncio.gather(*map(self._model.encode, texts))
        known = {text: list(ids) for text, ids in zip(texts, encoded, strict=True)}
        return tuple(as_ids(segments, self._model.vocabulary, known.__getitem__))

    async def _block(self, entry: Entry) -> Block:
        match entry:
            case Asked():
                return Block(entry, await self.encode(self._wording.asked(entry)))
            case Said():
                return Block(entry, await self.encode(self._wording.said(entry)))
            case Told():
                return Block(entry, await self.encode(self._wording.told(entry)))
            case Answered():
                output = await self._cut(sound(entry.observation))
                budget = self._wording.budget(entry.turns, 0)
                size = len(await self.encode(self._wording.answered(entry, output, budget)))
                budget = self._wording.budget(entry.turns, self.room - len(self) - size)
                return Block(entry, await self.encode(self._wording.answered(entry, output, budget)), budget)

    async def _cut(self, output: str) -> str:
        """Both ends of an output that is too long."""
        most = min(OUTPUT_TOKENS, self.room // 4)
        whole, keep = output, len(output)
        while (size := len(await self._model.encode(output))) > most and keep > 1:
            keep = min(keep * most // size, keep - 1)
            head, tail = whole[: keep - keep // 2], whole[len(whole) - keep // 2 :]
            output = f"{head}\n[… {len(whole) - keep} characters left out …]\n{tail}"
        return output
