"""Where an imagined trace first differs from the real one, and that in one sentence for a person."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from cwm_agent.text import printable_line
from cwm_agent.traces.frames import Frame, FrameKind

SHOWN = 60
"""Characters of a value in a sentence."""


class Difference(StrEnum):
    """In what two traces first differ."""

    EVENT = "event"
    LINE = "line"
    LOCALS = "locals"
    VALUE = "value"
    MISSING = "missing"
    EXTRA = "extra"


class Divergence(Struct, frozen=True, kw_only=True):
    """The first difference. `frame` counts from 0 and is the same in both traces, which agree before it.

    `line` is the real line of that frame, or the imagined one of an extra frame. `cause` is the line of the same
    function that ran before it, and so made the state that differs. `imagined` and `real` are what differs: reprs, for
    a line its source, for an event a description; None where one side has nothing. `variable` names the local.
    """

    kind: Difference
    frame: int
    line: int | None
    imagined: str | None
    real: str | None
    cause: int | None = None
    variable: str | None = None


def describe(frame: Frame) -> str:
    """A frame in a few words: `line 3`, `a call of f`, `the return of 3 at line 4`."""
    at = f"line {frame.line}" if frame.line else f"`{cut(frame.source.strip())}`"
    match frame.event:
        case FrameKind.CALL:
            return f"a call of {printable_line(frame.function)}" if frame.function else f"a call at {at}"
        case FrameKind.LINE:
            return at
        case FrameKind.RETURN:
            return f"the return of {cut(frame.value or 'None')} at {at}"
        case FrameKind.EXCEPTION:
            return f"{cut(frame.value or 'an exception')} at {at}"


def cut(value: str, other: str = "") -> str:
    """The value in at most SHOWN safe characters; of a long one the part around where it begins to differ."""
    if len(value) <= SHOWN:
        return printable_line(value)
    shared = next((at for at, (a, b) in enumerate(zip(value, other, strict=False)) if a != b), 0)
    start = min(max(0, shared - SHOWN // 3), len(value) - SHOWN + 2)
    start = start if start > 1 else 0
    end = start + SHOWN - 1 - (start > 0)
    return printable_line(("…" if start else "") + value[start:end] + ("…" if end < len(value) else ""))


def agreement(frames: int) -> str:
    """The start of the sentence."""
    if not frames:
        return "Differs from the first frame on"
    return f"Agrees for {frames} {'frame' if frames == 1 else 'frames'}"


def sentence(found: Divergence, imagined: Frame | None, real: Frame | None) -> str:
    """What differs, in one sentence; the frames are those at the divergence."""
    return f"{agreement(found.frame)}; {_what(found, imagined, real)}."


def _what(found: Divergence, imagined: Frame | None, real: Frame | None) -> str:
    if imagined is None or real is None:
        goes_on = imagined or real
        on = f" with {describe(goes_on)}" if goes_on else ""
        if found.kind is Difference.MISSING:
            return f"there the imagined run ends, and the real one goes on{on}"
        return f"there the real run ends, and the imagined one goes on{on}"
    match found.kind:
        case Difference.LOCALS:
            return _of_local(found)
        case Difference.VALUE:
            at = f"at line {found.line} " if found.line else ""
            what = "the exception" if real.event is FrameKind.EXCEPTION else "the returned value"
            return f"{at}{what} was imagined as {_both(found)}"
        case _:
            expected, fact = describe(imagined), describe(real)
            if expected == fact:
                expected, fact = f"`{cut(imagined.source.strip())}`", f"`{cut(real.source.strip())}`"
            return f"then {expected} was imagined, and in fact came {fact}"


def _of_local(found: Divergence) -> str:
    name = f"`{printable_line(found.variable or '')}`"
    where = f"after line {found.cause}" if found.cause else f"at line {found.line}" if found.line else "there"
    if found.imagined is None:
        return f"{where} {name} was not imagined and is {cut(found.real or '')}"
    if found.real is None:
        return f"{where} {name} was imagined as {cut(found.imagined)} and does not exist"
    return f"{where} {name} was imagined as {_both(found)}"


def _both(found: Divergence) -> str:
    imagined, real = found.imagined or "", found.real or ""
    return f"{cut(imagined, real)} and is {cut(real, imagined)}"
