"""Texts as token ids, from a server that reads a separator wherever one is spelt: many texts in one question."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from itertools import pairwise

from cwm_agent.errors import ModelUnavailable

Tokenize = Callable[[str], Awaitable[list[int]]]
"""Asks the server for the ids of a text; a separator that is spelt becomes its own id."""
KEPT = 8192
"""Texts whose ids are remembered."""
_SPELLED = re.compile(r"<(?=\|)")
_PROBES = ("    a = ' b'\n", " c", "\n  d")


class Encoder:
    """Text stays text: each is cut behind the first character of what might be a separator.

    What is asked for in the same moment goes in one request, parted by a separator, over which no tokenizer of this
    family joins or trims; `check` makes sure of that.
    """

    def __init__(self, tokenize: Tokenize, parting: str, parting_id: int, *, joins: bool = True) -> None:
        self._tokenize = tokenize
        self._parting = parting
        self._parting_id = parting_id
        self._joins = joins
        self._known: OrderedDict[str, tuple[int, ...]] = OrderedDict()
        self._asked: dict[str, asyncio.Future[tuple[int, ...]]] = {}
        self._running: set[asyncio.Task[None]] = set()

    def afresh(self) -> Encoder:
        """The same, with no text known yet."""
        return Encoder(self._tokenize, self._parting, self._parting_id, joins=self._joins)

    async def encode(self, text: str) -> tuple[int, ...]:
        """The ids of a text."""
        if not text:
            return ()
        if text in self._known:
            self._known.move_to_end(text)
            return self._known[text]
        if text not in self._asked:
            loop = asyncio.get_running_loop()
            if not self._asked:
                loop.call_soon(self._send)
            self._asked[text] = loop.create_future()
        return await asyncio.shield(self._asked[text])

    def _send(self) -> None:
        """Ask for all that was wanted since the last time."""
        asked, self._asked = self._asked, {}
        task = asyncio.get_running_loop().create_task(self._answer(asked))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _answer(self, asked: dict[str, asyncio.Future[tuple[int, ...]]]) -> None:
        try:
            found = await self._together(asked)
        except BaseException as error:
            for future in asked.values():
                future.set_exception(error)
                future.exception()  # whoever waited may have gone
            if not isinstance(error, Exception):
                raise
            return
        for text, ids in found.items():
            self._keep(text, ids)
            asked[text].set_result(ids)

    async def _together(self, texts: Iterable[str]) -> dict[str, tuple[int, ...]]:
        pieces = {text: apart(text) for text in texts}
        flat = [piece for each in pieces.values() for piece in each]
        if self._joins and len(flat) > 1:
            parts = split(await self._tokenize(self._parting.join(flat)), self._parting_id)
        else:
            parts = [await self._tokenize(piece) for piece in flat]
        if len(parts) != len(flat):
            raise ModelUnavailable(
                f"The model server makes {len(parts)} texts of {len(flat)}.", remedy="Its tokenizer is not CWM's."
            )
        ids = iter(parts)
        return {text: tuple([number for _ in each for number in next(ids)]) for text, each in pieces.items()}

    def _keep(self, text: str, ids: tuple[int, ...]) -> None:
        self._known[text] = ids
        if len(self._known) > KEPT:
            self._known.popitem(last=False)

    async def check(self) -> None:
        """Find out whether texts can go together; where they cannot, each is asked for by itself."""
        alone = [await self._tokenize(each) for each in _PROBES]
        self._joins = split(await self._tokenize(self._parting.join(_PROBES)), self._parting_id) == alone


def apart(text: str) -> list[str]:
    """The text in pieces of which none spells a separator."""
    cuts = [0, *(match.end() for match in _SPELLED.finditer(text)), len(text)]
    return [text[start:end] for start, end in pairwise(cuts) if start < end]


def split(ids: Iterable[int], at: int) -> list[list[int]]:
    """The ids between the partings."""
    found: list[list[int]] = [[]]
    for number in ids:
        if number == at:
            found.append([])
        else:
            found[-1].append(number)
    return found
