"""An imagined trace beside the real one: where they first differ, and how much of it came true."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from cwm_agent.traces.align import Pair, align
from cwm_agent.traces.divergence import Difference, Divergence, agreement, cut, describe, sentence
from cwm_agent.traces.entry import without_marker
from cwm_agent.traces.frames import Frame, FrameKind, Trace
from cwm_agent.traces.grammar import HAS_LOCALS

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F…]+")


def normalised(value: str) -> str:
    """A repr without what differs from run to run: the one place where the comparison is tolerant.

    Addresses, as after `at` in `<object at 0x7f…>`, become `0x…`. Everything else counts as it is written.
    """
    return _ADDRESS.sub("0x…", value) if "0x" in value else value


class Comparison(Struct, frozen=True, kw_only=True):
    """What became of a prediction.

    `exact`: both traces are complete and agree in every frame. `state_accuracy` is the share of the real call and line
    frames whose locals were all right, `line_accuracy` the share of all real frames whose event and line were right,
    both after alignment and from 0 to 1; what lies past the cut of an imagined trace does not count. `pairs` are
    the aligned frames by index, (imagined, real).
    """

    exact: bool
    frames_before_divergence: int
    state_accuracy: float
    line_accuracy: float
    return_exact: bool
    first_divergence: Divergence | None
    sentence: str
    pairs: tuple[Pair, ...] = ()


def compare(imagined: Trace, real: Trace) -> Comparison:
    """Lay the two beside each other."""
    found = first_divergence(imagined, real)
    shorter = min(len(imagined.frames), len(real.frames))
    before = found.frame if found else shorter
    pairs = align(_keys(imagined.frames), _keys(real.frames))
    lines, states = _accuracy(imagined, real, pairs)
    fates = fate(imagined), fate(real)
    return Comparison(
        exact=found is None and imagined.complete and real.complete,
        frames_before_divergence=before,
        state_accuracy=states,
        line_accuracy=lines,
        return_exact=fates[0] is not None and fates[0] == fates[1],
        first_divergence=found,
        sentence=_sentence(imagined, real, found),
        pairs=tuple(pairs),
    )


def first_divergence(imagined: Trace, real: Trace) -> Divergence | None:
    """The first frame that differs; None too where one trace was cut short before any difference."""
    for number, (guess, fact) in enumerate(zip(imagined.frames, real.frames, strict=False)):
        found = _difference(guess, fact, number, real.frames)
        if found:
            return found
    shorter = min(len(imagined.frames), len(real.frames))
    if len(real.frames) > shorter and imagined.complete:
        line = real.frames[shorter].line
        return Divergence(
            kind=Difference.MISSING, frame=shorter, line=line, imagined=None, real=describe(real.frames[shorter])
        )
    if len(imagined.frames) > shorter and real.complete:
        extra = imagined.frames[shorter]
        return Divergence(kind=Difference.EXTRA, frame=shorter, line=extra.line, imagined=describe(extra), real=None)
    return None


def _difference(guess: Frame, fact: Frame, number: int, frames: Sequence[Frame]) -> Divergence | None:
    if guess.event is not fact.event:
        return Divergence(
            kind=Difference.EVENT, frame=number, line=fact.line, imagined=describe(guess), real=describe(fact)
        )
    if not same_line(guess, fact):
        return Divergence(
            kind=Difference.LINE,
            frame=number,
            line=fact.line,
            imagined=guess.source,
            real=fact.source,
            cause=_cause(frames, number),
        )
    if fact.event not in HAS_LOCALS:
        said, was = guess.value or "", fact.value or ""
        if normalised(said) == normalised(was):
            return None
        return Divergence(kind=Difference.VALUE, frame=number, line=fact.line, imagined=guess.value, real=fact.value)
    name = _wrong_local(guess.locals, fact.locals)
    if name is None:
        return None
    return Divergence(
        kind=Difference.LOCALS,
        frame=number,
        line=fact.line,
        cause=_cause(frames, number),
        variable=name,
        imagined=guess.locals.get(name),
        real=fact.locals.get(name),
    )


def same_line(guess: Frame, fact: Frame) -> bool:
    """Whether both stand at one line: by number where both are placed, else by what the line reads."""
    if guess.line is not None and fact.line is not None:
        return guess.line == fact.line
    return without_marker(guess.source) == without_marker(fact.source)


def same_locals(guess: Frame, fact: Frame) -> bool:
    """Whether both have the same names with the same values; their order does not count."""
    return _wrong_local(guess.locals, fact.locals) is None


def _wrong_local(guess: dict[str, str], fact: dict[str, str]) -> str | None:
    """The first name, in the real order and then the imagined one, whose values differ."""
    for name, value in fact.items():
        if name not in guess or (guess[name] != value and normalised(guess[name]) != normalised(value)):
            return name
    return next((name for name in guess if name not in fact), None)


def _cause(frames: Sequence[Frame], number: int) -> int | None:
    """The line of the same function call that ran before this frame; None in its first frames."""
    depth = frames[number].depth
    for frame in reversed(frames[:number]):
        if frame.depth < depth or (frame.depth == depth and frame.event is FrameKind.CALL):
            return None
        if frame.depth == depth and frame.event is FrameKind.LINE:
            return frame.line
    return None


def fate(trace: Trace) -> tuple[FrameKind, str] | None:
    """How the entry was left, by a return or an exception, and with what; None where the trace was cut before that."""
    if not trace.complete or not trace.frames or trace.frames[-1].depth:
        return None
    last = trace.frames[-1]
    if last.event is FrameKind.RETURN and len(trace.frames) > 1:
        raised = trace.frames[-2]
        if raised.event is FrameKind.EXCEPTION and raised.depth == 0 and last.value in (None, "None"):
            last = raised
    return None if last.event in HAS_LOCALS else (last.event, normalised(last.value or ""))


def _keys(frames: Sequence[Frame]) -> list[tuple[FrameKind, int, str]]:
    return [(frame.event, frame.depth, without_marker(frame.source)) for frame in frames]


def _accuracy(imagined: Trace, real: Trace, pairs: Sequence[Pair]) -> tuple[float, float]:
    """The shares of real frames whose line, and of those with locals whose state was right."""
    if not imagined.complete:
        end = max((at for at, (guess, _) in enumerate(pairs) if guess is not None), default=-1)
        pairs = pairs[: end + 1]
    lines = states = frames = stated = 0
    for at, other in pairs:
        if other is None:
            continue
        fact, guess = real.frames[other], None if at is None else imagined.frames[at]
        met = guess is not None and guess.event is fact.event
        frames += 1
        lines += met and guess is not None and same_line(guess, fact)
        if fact.event in HAS_LOCALS:
            stated += 1
            states += met and guess is not None and same_locals(guess, fact)
    return lines / frames if frames else 0.0, states / stated if stated else 0.0


def _sentence(imagined: Trace, real: Trace, found: Divergence | None) -> str:
    if found:
        at = found.frame
        guess = imagined.frames[at] if at < len(imagined.frames) else None
        return sentence(found, guess, real.frames[at] if at < len(real.frames) else None)
    shorter = min(len(imagined.frames), len(real.frames))
    if not shorter:
        which = "imagined" if not imagined.frames else "real"
        return f"There is nothing to compare: the {which} run has no frames."
    for which, trace in (("imagined", imagined), ("real", real)):
        if not trace.complete and len(trace.frames) == shorter:
            return f"{agreement(shorter)}; then the {which} run was cut short."
    end = fate(real)
    verb = "raise" if end and end[0] is FrameKind.EXCEPTION else "return"
    both = f": both {verb} {cut(end[1])}" if end else ""
    return f"Agrees in all {shorter} frames{both}." if shorter > 1 else f"Agrees in its only frame{both}."
