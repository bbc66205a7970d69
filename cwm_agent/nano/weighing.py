"""How much each part of a trace counts in the loss: in full what only the model can know, little what is told.

Not nothing, for a model that runs free writes all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cwm_agent.nano.shards import WHOLE
from cwm_agent.traces.encode import frame_segments
from cwm_agent.traces.grammar import UNCHANGED, Special
from cwm_agent.traces.raw import RawFrame
from cwm_agent.traces.segments import Segment

TOLD = 20
"""Hundredths: of names, separators, and of lines that follow from the line before."""
_FORK = re.compile(r"\s*(if|elif|else|while|for|try|except|with|assert|match|case)\b|.*\bif\b")

Weighed = tuple[Segment, int]


def weighed(raws: Sequence[RawFrame]) -> Iterator[Weighed]:
    """The segments of the frames in order, each with its weight; a text is cut where its weight changes.

    The first frame counts nothing: it is the call of the entry, with arguments that are given and cannot be guessed.
    """
    forked = False
    for at, raw in enumerate(raws):
        if at == 0:
            yield from ((each, 0) for each in frame_segments(raw))
            continue
        follows = WHOLE if forked else TOLD
        for number, each in enumerate(frame_segments(raw)):
            if number == 0 or (isinstance(each, str) and each == raw.source):
                yield each, follows
            elif isinstance(each, str) and raw.value is None:
                yield from _locals(each)
            else:
                yield each, WHOLE if isinstance(each, str) else TOLD
        forked = raw.value is not None or _FORK.match(raw.source) is not None
    yield Special.END, WHOLE


_VALUE = re.compile(r'(?<=": )"(?:[^"\\]|\\.)*"')


def _locals(text: str) -> Iterator[Weighed]:
    """The text of the locals, its values in full but for those that stay."""
    at = 0
    for found in _VALUE.finditer(text):
        if found[0] != f'"{UNCHANGED}"':
            yield text[at : found.start()], TOLD
            yield found[0], WHOLE
            at = found.end()
    yield text[at:], TOLD
