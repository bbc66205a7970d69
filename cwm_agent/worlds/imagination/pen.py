"""The text of one trace as token ids: what the client forces, and what the model writes, kept as it came."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, MutableMapping
from contextlib import asynccontextmanager

from msgspec import Struct

from cwm_agent.core.interrupt import closing
from cwm_agent.observations import LimitReached, Outcome, Unreadable
from cwm_agent.protocols import Sampling, Token, TraceModel
from cwm_agent.traces.segments import Segment, as_text

FRAME_TOKENS = 4096
"""Tokens that a model may write in one frame: more is no frame."""
_KEPT = 4096  # encodings of forced text that are remembered
_KEPT_LENGTH = 400

Encodings = MutableMapping[str, tuple[int, ...]]


class Cut(Exception):
    """The imagination ends here, with this outcome. The world catches it: outside it is a value."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class Allowance(Struct, frozen=True, kw_only=True):
    """What one imagination may use: seconds, tokens that the model writes, and tokens of them in one frame."""

    seconds: float
    tokens: int
    frame_tokens: int = FRAME_TOKENS


class Usage(Struct, frozen=True, kw_only=True):
    """What imagination has cost. `prompt_tokens` are contexts and frames that were given, each once.

    `forced_tokens` were written by the client between the model's, `generated_tokens` by the model, those that were
    not used included.
    """

    requests: int = 0
    prompt_tokens: int = 0
    forced_tokens: int = 0
    generated_tokens: int = 0
    seconds: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            requests=self.requests + other.requests,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            forced_tokens=self.forced_tokens + other.forced_tokens,
            generated_tokens=self.generated_tokens + other.generated_tokens,
            seconds=self.seconds + other.seconds,
        )


class Pen:
    """Writes one trace, by turns with the model. `frame` is what was written of the frame that is begun.

    `logprob` is the log-probability of all that was used of what the model wrote, NaN where the model does not tell it.
    """

    def __init__(self, model: TraceModel, allowance: Allowance, encodings: Encodings | None = None) -> None:
        self._model = model
        self._specials = model.vocabulary.specials()
        self._allowance = allowance
        self._encodings: Encodings = {} if encodings is None else encodings
        self._began = asyncio.get_running_loop().time()
        self._ids: list[int] = []
        self._waiting: list[Segment] = []
        self._prompt_tokens = 0
        self._requests = self._generated = self._frame_generated = 0
        self._forced = 0
        self.frame: list[Segment] = []
        self.logprob = 0.0
        self._number = 1

    @property
    def usage(self) -> Usage:
        """What was used so far."""
        return Usage(
            requests=self._requests,
            prompt_tokens=self._prompt_tokens,
            forced_tokens=self._forced,
            generated_tokens=self._generated,
            seconds=asyncio.get_running_loop().time() - self._began,
        )

    async def begin(self, segments: Iterable[Segment], frames: int) -> None:
        """The context and so many frames that are given: no part of the frame to come."""
        self._waiting += segments
        self._number = frames + 1
        await self._settle()
        self._prompt_tokens, self._forced = self._forced, 0

    def force(self, *segments: Segment) -> None:
        """The client writes; texts that follow each other are encoded as one, before the model is asked again."""
        self._waiting += segments
        self.frame += segments

    def take(self, token: Token) -> Segment:
        """Keep a token that the model wrote, under the id that it wrote."""
        segment = self.segment(token)
        self._ids.append(token.id)
        self.frame.append(segment)
        self.weigh(token)
        return segment

    def weigh(self, token: Token) -> None:
        """Count a token's log-probability, of which the text is used and not the id."""
        self.logprob += math.nan if token.logprob is None else token.logprob

    def segment(self, token: Token) -> Segment:
        """The token as text or separator."""
        return self._specials.get(token.id, token.text)

    def finish_frame(self) -> list[Segment]:
        """The segments of the frame that is complete; the next one is begun."""
        segments, self.frame = self.frame, []
        self._frame_generated = 0
        self._number += 1
        return segments

    def unreadable(self, reason: str) -> Cut:
        """What is raised where the model writes what the format does not have."""
        return Cut(Unreadable(as_text(self.frame), f"Frame {self._number}: {reason}."))

    async def ask(
        self, tokens: int | None = None, *, stop: tuple[int, ...] = (), grammar: str | None = None
    ) -> AsyncGenerator[Token]:
        """What the model writes, at most so many tokens; nothing is kept that is not taken.

        Raises Cut where a limit ends it. Closing the generator ends the request.
        """
        await self._settle()
        allowance = self._allowance
        room = min(allowance.tokens - self._generated, self._model.context_tokens - len(self._ids))
        if room <= 0:
            raise Cut(self._spent())
        wanted = room if tokens is None else min(room, tokens)
        self._requests += 1
        count = 0
        answer = self._model.complete(tuple(self._ids), Sampling(max_tokens=wanted, stop=stop, grammar=grammar))
        async with closing(answer) as stream:
            while True:
                token = await self._next(stream)
                if token is None:
                    break
                count += 1
                self._generated += 1
                self._frame_generated += 1
                yield token
                if self._frame_generated > allowance.frame_tokens:
                    raise self.unreadable(f"after {allowance.frame_tokens:,} tokens it has no end")
        if count >= wanted and wanted == room:
            raise Cut(self._spent())

    def _spent(self) -> LimitReached:
        if self._generated >= self._allowance.tokens:
            return LimitReached("tokens", f"{self._allowance.tokens:,} tokens written by the model")
        return LimitReached("tokens", f"{self._model.context_tokens:,} tokens, the model's whole context")

    async def _next(self, stream: AsyncIterator[Token]) -> Token | None:
        async with self._in_time():
            return await anext(stream, None)

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        limit = self._allowance.seconds
        try:
            async with asyncio.timeout_at(self._began + limit) as scope:
                yield
        except TimeoutError as error:
            if not scope.expired():
                raise
            raise Cut(LimitReached("time", f"{limit:g} s")) from error

    async def _settle(self) -> None:
        """Encode what was forced: each text between two separators in one piece, all of them at once."""
        waiting, self._waiting = self._waiting, []
        parts: list[Segment] = []
        for segment in waiting:
            if isinstance(segment, str) and parts and isinstance(parts[-1], str):
                parts[-1] += segment
            else:
                parts.append(segment)
        texts = [each for each in parts if isinstance(each, str) and each]
        encoded = dict(zip(texts, await asyncio.gather(*map(self.encoded, texts)), strict=True))
        before = len(self._ids)
        for part in parts:
            self._ids += encoded.get(part, ()) if isinstance(part, str) else (self._model.vocabulary.id(part),)
        self._forced += len(self._ids) - before

    async def encoded(self, text: str) -> tuple[int, ...]:
        """The ids of a text that is no separator; Cut where the time is up."""
        if text not in self._encodings:
            async with self._in_time():
                ids = await self._model.encode(text)
            if len(text) > _KEPT_LENGTH:
                return ids
            if len(self._encodings) >= _KEPT:
                self._encodings.clear()
            self._encodings[text] = ids
        return self._encodings[text]
