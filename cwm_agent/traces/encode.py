"""Frames as the text that a world model reads and writes, in segments that keep text apart from separators."""

from __future__ import annotations

import json
from collections.abc import Iterable

from cwm_agent.traces.frames import Frame
from cwm_agent.traces.grammar import HAS_LOCALS, SPECIAL_OF_KIND, Special
from cwm_agent.traces.locals import shorten
from cwm_agent.traces.raw import RawFrame
from cwm_agent.traces.segments import Segment


def locals_text(shorthand: dict[str, str]) -> str:
    """LOCALS: one JSON object, in the order of the locals, every value a string that holds a repr."""
    return json.dumps(shorthand)


def value_text(value: str) -> str:
    """VALUE: a JSON string that holds a repr, or `Name: text` of an exception."""
    return json.dumps(value)


def frame_segments(raw: RawFrame) -> list[Segment]:
    """One frame, from the separator of its event to the one that ends it."""
    kind = SPECIAL_OF_KIND[raw.event]
    if raw.event in HAS_LOCALS:
        return [kind, locals_text(raw.locals), Special.ACTION, raw.source, Special.FRAME]
    value = "None" if raw.value is None else raw.value
    return [kind, Special.ACTION, raw.source, Special.ARGUMENT, value_text(value), Special.FRAME]


def prompt_segments(context: str) -> list[Segment]:
    """What comes before the first frame: the context with its marked entry, and the separator that starts the trace."""
    return [Special.BEGIN, Special.CONTEXT, context, Special.FRAME]


def trace_segments(frames: Iterable[Frame], *, complete: bool = True) -> list[Segment]:
    """The frames of a trace, and its end where it is `complete`."""
    segments = [segment for raw in shorten(frames) for segment in frame_segments(raw)]
    return [*segments, Special.END] if complete else segments
