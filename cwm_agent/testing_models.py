"""A public double of a model that writes traces: it knows one trace by heart, and continues whatever leads into it."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import chain, cycle

from msgspec.structs import replace

from cwm_agent.protocols import Sampling, Token
from cwm_agent.traces.encode import frame_segments, prompt_segments
from cwm_agent.traces.frames import Frame
from cwm_agent.traces.grammar import Special, Vocabulary
from cwm_agent.traces.locals import shorten
from cwm_agent.traces.segments import Segment

_BYTES = 256
_SPECIALS = {special: _BYTES + number for number, special in enumerate(Special)}
_MERGED = _BYTES + len(_SPECIALS)


def belief(
    context: str,
    frames: Iterable[Frame],
    *,
    wrong: dict[tuple[int, str], str] | None = None,
    until: int | None = None,
    garbage: Sequence[Segment] = (),
) -> list[Segment]:
    """The text that a model believes: a marked context and the frames of its entry, to their end.

    `wrong` replaces the value of a local in a frame, by (frame, name), or under "" the value of a return or an
    exception, without a change to the frames after it. From the frame `until` on, the model writes `garbage` instead.
    """
    segments = prompt_segments(context)
    for number, written in enumerate(shorten(frames)):
        if number == until:
            return [*segments, *garbage]
        raw = written
        for (frame, name), value in (wrong or {}).items():
            if frame == number:
                raw = replace(raw, locals=raw.locals | {name: value}) if name else replace(raw, value=value)
        segments += frame_segments(raw)
    return [*segments, Special.END]


class ScriptedTraceModel:
    """Continues any prompt that is the beginning of one of its beliefs, and is silent after every other.

    Its tokens are the bytes of UTF-8 (ids 0 to 255), the separators, and `merges`: strings that are one token where
    they fit, the longest first. `endless` is written for ever where a belief ends. A grammar is ignored. `requests` are
    what it was asked, `strayed` the texts after which it was silent, `streams` how many answers are open.
    """

    def __init__(
        self,
        *beliefs: Sequence[Segment],
        merges: Iterable[str] = (),
        endless: str = "",
        context_tokens: int = 131_072,
        delay: float = 0.0,
        error: Exception | None = None,
    ) -> None:
        self._merges = {
            tuple(text.encode()): _MERGED + number
            for number, text in enumerate(sorted(merges, key=lambda each: -len(each.encode())))
        }
        self._bytes_of = {number: text for text, number in self._merges.items()}
        self._beliefs = [tuple(self._units(segments)) for segments in beliefs]
        self._endless = tuple(endless.encode())
        self._context_tokens = context_tokens
        self._delay = delay
        self._error = error
        self.requests: list[tuple[tuple[int, ...], Sampling]] = []
        self.strayed: list[str] = []
        self.streams = 0
        self.closed = False

    @property
    def name(self) -> str:
        """What the user calls it."""
        return "scripted"

    @property
    def vocabulary(self) -> Vocabulary:
        """Every separator, after the 256 bytes."""
        return Vocabulary(_SPECIALS)

    @property
    def context_tokens(self) -> int:
        """What it was made with."""
        return self._context_tokens

    async def encode(self, text: str) -> tuple[int, ...]:
        """Bytes and merges, never a separator."""
        return tuple(self._tokens(tuple(text.encode())))

    async def complete(self, prompt_ids: Sequence[int], sampling: Sampling) -> AsyncIterator[Token]:
        """What it believes to come next, up to a stop token or `max_tokens`."""
        self.requests.append((tuple(prompt_ids), sampling))
        self.streams += 1
        characters = codecs.getincrementaldecoder("utf-8")("replace")
        try:
            if self._error is not None:
                raise self._error
            for count, number in enumerate(self._continuation(prompt_ids)):
                if count == sampling.max_tokens or number in sampling.stop:
                    return
                await asyncio.sleep(self._delay)
                yield Token(number, self._text(number, characters))
        finally:
            self.streams -= 1

    async def aclose(self) -> None:
        """Remember that it was closed."""
        self.closed = True

    def _continuation(self, prompt_ids: Sequence[int]) -> Iterator[int]:
        prompt = tuple(chain.from_iterable(self._bytes_of.get(number, (number,)) for number in prompt_ids))
        for each in self._beliefs:
            known = each
            if self._endless:
                known = known + self._endless * (len(prompt) // len(self._endless) + 1)
            if known[: len(prompt)] == prompt:
                return chain(self._tokens(known[len(prompt) :]), cycle(self._tokens(self._endless)))
        self.strayed.append(self._spelt(prompt))
        return iter(())

    def _units(self, segments: Sequence[Segment]) -> Iterator[int]:
        for segment in segments:
            yield from segment.encode() if isinstance(segment, str) else (_SPECIALS[segment],)

    def _tokens(self, units: tuple[int, ...]) -> Iterator[int]:
        at = 0
        while at < len(units):
            fitting = next((each for each in self._merges if units[at : at + len(each)] == each), ())
            yield self._merges[fitting] if fitting else units[at]
            at += len(fitting) or 1

    def _text(self, number: int, characters: codecs.IncrementalDecoder) -> str:
        special = self.vocabulary.specials().get(number)
        if special is not None:
            return special.value
        return characters.decode(bytes(self._bytes_of.get(number, (number,))))

    def _spelt(self, units: tuple[int, ...]) -> str:
        specials = self.vocabulary.specials()
        pieces = [specials[unit].value.encode() if unit in specials else bytes((unit,)) for unit in units]
        return b"".join(pieces).decode("utf-8", "replace")
