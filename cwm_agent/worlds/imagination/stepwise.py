"""Imagination frame by frame: the client writes what the source tells, and the model what only it can know."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import contextmanager

from cwm_agent.analysis.flow import Successor
from cwm_agent.traces.encode import value_text
from cwm_agent.traces.frames import Basis, Frame, FrameKind
from cwm_agent.traces.grammar import HAS_LOCALS, SPECIAL_OF_KIND, Special
from cwm_agent.worlds.imagination.blanks import Blanks
from cwm_agent.worlds.imagination.expect import Expectations, Slot
from cwm_agent.worlds.imagination.form import Fork, Gap, Rest, form
from cwm_agent.worlds.imagination.free import free_frame
from cwm_agent.worlds.imagination.pen import Pen
from cwm_agent.worlds.imagination.reader import Reader, Step

Successors = frozenset[Successor]


async def stepwise(reader: Reader, pen: Pen, then: FrameKind | None = None) -> AsyncGenerator[Step]:
    """The frames after those that the reader was given, to the end of the entry."""
    writer = _Writer(reader, pen)
    while not reader.over:
        yield await writer.frame(then)
        then = None


class _Writer:
    """Writes the frames of one trace."""

    def __init__(self, reader: Reader, pen: Pen) -> None:
        self._reader = reader
        self._pen = pen
        self._blanks = Blanks(pen)
        self._expect = Expectations(reader)
        self._basis: dict[str, Basis] = {}
        self._logprobs: dict[str, float] = {}

    async def frame(self, then: FrameKind | None) -> Frame:
        """The next frame; one of which the source tells too little is left to the model."""
        found = self._expect.next()
        allowed = found.successors
        if then is not None:
            allowed = frozenset(each for each in allowed if each.event is then)
            if then is FrameKind.RETURN and not allowed:
                allowed = self._expect.returns()
        if not allowed or (not found.certain and then is None):
            return await self._unbound(then)
        self._basis = {"<line>": Basis.FORCED}
        kind = await self._kind({each.event for each in allowed})
        allowed = frozenset(each for each in allowed if each.event is kind)
        return await (self._with_locals(kind, allowed) if kind in HAS_LOCALS else self._with_value(kind, allowed))

    async def _unbound(self, then: FrameKind | None) -> Frame:
        if then is not None:
            self._pen.force(SPECIAL_OF_KIND[then])
            self._reader.read([SPECIAL_OF_KIND[then]])
        return await free_frame(self._reader, self._pen)

    async def _kind(self, kinds: set[FrameKind]) -> FrameKind:
        if len(kinds) == 1:
            kind = kinds.pop()
            self._pen.force(SPECIAL_OF_KIND[kind])
            return kind
        self._basis["<line>"] = Basis.CHOSEN
        with self._weighed("<line>"):
            return await self._blanks.kind(kinds)

    async def _with_locals(self, kind: FrameKind, allowed: Successors) -> Frame:
        slots = self._slots(kind, allowed)
        self._basis |= {slot.name: Basis.FORCED for slot in slots or () if slot.sure}
        parts = form(slots)
        for number, part in enumerate(parts):
            if isinstance(part, str):
                self._pen.force(part)
            elif isinstance(part, Gap):
                follow = parts[number + 1]
                with self._weighed(part.name):
                    written = await self._blanks.string(" ", follow if isinstance(follow, str) else "")
                if isinstance(follow, str):
                    parts[number + 1] = follow[written:]
                self._basis[part.name] = Basis.FREE
            elif isinstance(part, Fork):
                texts = _sorted((part.closed, part.opened))
                if await self._blanks.choice(texts, "the locals go on as they cannot") == part.opened:
                    with self._weighed(part.name):
                        written = await self._blanks.string(" ", "}")
                    self._pen.force("}"[written:])
                    self._basis[part.name] = Basis.FREE
            else:
                await self._rest(part)
        if kind is FrameKind.LINE and len(allowed) > 1:
            allowed = self._expect.agreeing(allowed, self._blanks.locals())
        self._pen.force(Special.ACTION)
        line = await self._line(allowed)
        self._pen.force(Special.FRAME)
        return self._finish(line)

    def _slots(self, kind: FrameKind, allowed: Successors) -> list[Slot] | None:
        if kind is FrameKind.LINE:
            return self._expect.line(frozenset(each.line for each in allowed))
        if len(allowed) > 1:
            return None
        called = next(iter(allowed))
        return self._expect.call(called.function, called.line)

    async def _rest(self, rest: Rest) -> None:
        """The model writes the locals to their end: which of them there are is for it to say."""
        for name in await self._blanks.rest(rest):
            self._basis[name] = Basis.FREE

    async def _with_value(self, kind: FrameKind, allowed: Successors) -> Frame:
        self._pen.force(Special.ACTION)
        line = await self._line(allowed)
        self._pen.force(Special.ARGUMENT)
        told = self._expect.value(kind, line[1]) if line is not None else None
        self._basis["<value>"] = Basis.FREE if told is None else Basis.FORCED
        if told is None:
            with self._weighed("<value>"):
                await self._blanks.string("", "")
        else:
            self._pen.force(value_text(told))
        self._pen.force(Special.FRAME)
        return self._finish(line)

    async def _line(self, allowed: Successors) -> tuple[str, int] | None:
        """The line that the frame stands at: told, or chosen by the model; None where its text does not tell which."""
        texts = {each: self._reader.scene.source(each.line) + "\n" for each in allowed}
        if len(set(texts.values())) == 1:
            self._pen.force(next(iter(texts.values())))
            chosen = list(texts)
        else:
            self._basis["<line>"] = Basis.CHOSEN
            with self._weighed("<line>"):
                text = await self._blanks.choice(_sorted(texts.values()))
            chosen = [each for each in allowed if texts[each] == text]
        return (chosen[0].function, chosen[0].line) if len(chosen) == 1 else None

    def _finish(self, line: tuple[str, int] | None) -> Frame:
        frame = self._reader.finish(self._pen.finish_frame(), self._basis, line, self._logprobs)
        self._basis, self._logprobs = {}, {}
        return frame

    @contextmanager
    def _weighed(self, name: str) -> Iterator[None]:
        """Keep the log-probability of what the model writes meanwhile under a name; twice, it is that of both."""
        before = self._pen.logprob
        yield
        weight = self._pen.logprob - before + self._logprobs.get(name, 0.0)
        if not math.isnan(weight):
            self._logprobs[name] = weight


def _sorted(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(texts)))
