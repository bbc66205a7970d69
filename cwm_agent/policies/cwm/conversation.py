"""The conversation as token ids: a stream that only grows, as long as it has room."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import groupby

from msgspec import Struct, structs

from cwm_agent.models.chat_format.messages import SYSTEM, begin, message
from cwm_agent.policies.conversation.keeping import Keeping
from cwm_agent.policies.conversation.reading import Answered, Asked, Entry, Note, Said, Told
from cwm_agent.policies.cwm.wording import Wording
from cwm_agent.protocols import TraceModel
from cwm_agent.tools.call import sound
from cwm_agent.traces.segments import Segment, as_ids, as_text

OUTPUT_TOKENS = 16_384
"""How much of one tool's answer the model is shown; never more than a quarter of its context."""

FOLD_LEAST = 256
"""Characters of an output from which on it is worth leaving out."""
DIFF_PART, DIFF_LEAST = 8, 64
"""The diff behind a summary has at most this part of the room, and at least that part."""
NOTE_PART = 16
"""What the user's own command printed has at most this part: it stays with the user's words."""


class Block(Struct, frozen=True):
    """One entry as ids; `budget` is what it says of what is left, `folded` that its output was left out."""

    entry: Entry
    ids: tuple[int, ...]
    budget: str = ""
    folded: bool = False


class Conversation:
    """The stream that the model reads: the rules, what stands for a part that was left out, and blocks.

    `room` is how many tokens it may have with the next reply. The ids of what the model wrote are those that it wrote;
    they are made from text only where they are not known. `covered` are the entries that were left out. What is shown
    in part or not at all is kept whole by `keeping`.
    """

    def __init__(self, model: TraceModel, wording: Wording, keeping: Keeping, room: int) -> None:
        self._model = model
        self._wording = wording
        self._keeping = keeping
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
        entry, budget, ids = (block := self.blocks[at]).entry, block.budget, block.ids
        if isinstance(entry, Answered) and len(entry.observation) > FOLD_LEAST:
            folded = structs.replace(entry, notes=await self._cut_notes(entry.notes))
            shorter = await self.encode(self._wording.folded(folded, await self._keep(entry), budget))
            ids = min(shorter, ids, key=len)
        self.blocks[at] = Block(entry, ids, budget, folded=True)

    async def leave_out(self, count: int, summary: str, diff: str, most: int) -> None:
        """Put a summary in the place of the first blocks and of what was left out before; the user's words stay.

        With it stands the diff as it is now, as much of it as `most` tokens in all leave room for.
        """
        gone, self.blocks = self.blocks[:count], self.blocks[count:]
        self.covered += tuple(block.entry for block in gone)
        self._words += tuple(number for block in gone if isinstance(block.entry, Asked) for number in block.ids)
        self._summary = await self.encode(self._wording.summarised(summary, self.covered, ""))
        if diff:
            room = min(OUTPUT_TOKENS, self.room // DIFF_PART, most - len(self))
            diff = await self._cut(diff, _nowhere, max(room, self.room // DIFF_LEAST))
            self._summary = await self.encode(self._wording.summarised(summary, self.covered, diff))

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
                asked = structs.replace(entry, notes=await self._cut_notes(entry.notes))
                return Block(entry, await self.encode(self._wording.asked(asked)))
            case Said():
                return Block(entry, await self.encode(self._wording.said(entry)))
            case Told():
                return Block(entry, await self.encode(self._wording.told(entry)))
            case Answered():
                answered = structs.replace(
                    entry,
                    observation=await self._cut(entry.observation, partial(self._keep, entry)),
                    notes=await self._cut_notes(entry.notes),
                )
                budget = self._wording.budget(entry.turns, 0)
                size = len(await self.encode(self._wording.answered(answered, budget)))
                budget = self._wording.budget(entry.turns, self.room - len(self) - size)
                return Block(entry, await self.encode(self._wording.answered(answered, budget)), budget)

    async def _cut_notes(self, notes: Sequence[Note]) -> tuple[Note, ...]:
        """The same with as much of each output as there is room for."""
        most = self.room // NOTE_PART
        outputs = [await self._cut(note.output, partial(self._keep, note), most) for note in notes]
        return tuple(structs.replace(note, output=output) for note, output in zip(notes, outputs, strict=True))

    async def _keep(self, entry: Answered | Note) -> str:
        """Where the whole output can be read; of an imagined one nothing is kept, it would look like a real one."""
        if isinstance(entry, Note):
            return await self._keeping.keep(entry.action, entry.output) if entry.action else ""
        return "" if entry.imagined else await self._keeping.keep(entry.action, entry.observation)

    async def _cut(self, output: str, keep: Callable[[], Awaitable[str]], most: int | None = None) -> str:
        """Both ends of an output that is longer than `most` tokens; between them, where `keep` put all of it."""
        whole = output = sound(output)
        most, length, where = most or min(OUTPUT_TOKENS, self.room // 4), len(whole), ""
        while (size := len(await self._model.encode(output))) > most and length > 1:
            where = where or await keep()
            length = min(length * most // size, length - 1)
            head, tail = whole[: length - length // 2], whole[len(whole) - length // 2 :]
            output = f"{head}\n{self._wording.cut(len(whole) - length, where)}\n{tail}"
        return output


async def _nowhere() -> str:
    return ""
