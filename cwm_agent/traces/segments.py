"""Text and separators kept apart: what prompts are made of, and what a stream from a model is cut into."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Sequence

from cwm_agent.traces.grammar import Special, Vocabulary

Segment = str | Special
"""A `str` is plain text, even where it spells a separator."""

_SPELLED = re.compile("|".join(re.escape(special.value) for special in Special))
_LONGEST = max(len(special.value) for special in Special)
_PREFIXES = frozenset(special.value[:length] for special in Special for length in range(1, len(special.value)))


def as_text(segments: Iterable[Segment]) -> str:
    """The segments as one string; text that spells a separator cannot be told from it any more."""
    return "".join(segment if isinstance(segment, str) else segment.value for segment in segments)


def as_ids(segments: Iterable[Segment], vocabulary: Vocabulary, encode_text: Callable[[str], list[int]]) -> list[int]:
    """The segments as token ids; `encode_text` must have special tokens disabled. Neighbouring texts are joined."""
    ids: list[int] = []
    text: list[str] = []
    for segment in segments:
        if isinstance(segment, str):
            text.append(segment)
            continue
        if joined := "".join(text):
            ids += encode_text(joined)
        text.clear()
        ids.append(vocabulary.id(segment))
    if joined := "".join(text):
        ids += encode_text(joined)
    return ids


class TextSplitter:
    """Cuts streamed text at the separators it spells, wherever the stream was split."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> list[Segment]:
        """The segments that are now certain; the start of what may become a separator is held back."""
        text = self._held + text
        found: list[Segment] = []
        start = 0
        for match in _SPELLED.finditer(text):
            if match.start() > start:
                found.append(text[start : match.start()])
            found.append(Special(match[0]))
            start = match.end()
        held = _prefix_at_end(text, start)
        if held > start:
            found.append(text[start:held])
        self._held = text[held:]
        return found

    def close(self) -> list[Segment]:
        """What was held back was text after all."""
        held, self._held = self._held, ""
        return [held] if held else []


def _prefix_at_end(text: str, start: int) -> int:
    """Where the unfinished separator at the end of `text` begins, or the end."""
    at = text.rfind("<", max(start, len(text) - _LONGEST + 1))
    return at if at >= 0 and text[at:] in _PREFIXES else len(text)


class IdSplitter:
    """Cuts a stream of token ids at the separators; text that spells one stays text.

    `bytes_of` gives the bytes of any other token. A character may be spread over several of them.
    """

    def __init__(self, vocabulary: Vocabulary, bytes_of: Callable[[int], bytes]) -> None:
        self._specials = vocabulary.specials()
        self._bytes_of = bytes_of
        self._characters = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, ids: Sequence[int]) -> list[Segment]:
        """The segments of these tokens."""
        found: list[Segment] = []
        for number in ids:
            special = self._specials.get(number)
            text = self._characters.decode(b"" if special else self._bytes_of(number), final=special is not None)
            if text:
                found.append(text)
            if special:
                found.append(special)
        return found

    def close(self) -> list[Segment]:
        """The character that the stream left unfinished."""
        text = self._characters.decode(b"", final=True)
        return [text] if text else []
