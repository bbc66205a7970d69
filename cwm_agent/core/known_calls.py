"""Calls that a session knows: those that tests were recorded to make, those that the user traced, and the tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from cwm_agent.core.subjects import calls_into, reaches, subject
from cwm_agent.core.touched import Touched
from cwm_agent.core.tracing import INTERRUPTED, ending
from cwm_agent.events import (
    AgentEvent,
    CheckpointMade,
    FramesReached,
    Rewound,
    SessionResumed,
    TraceBegan,
    TraceEnded,
)
from cwm_agent.observations import Completed, Origin
from cwm_agent.protocols import RecordedCall
from cwm_agent.traces.compare import fate, normalised
from cwm_agent.traces.frames import Frame, FrameKind, Trace

Inputs = Mapping[str, Sequence[RecordedCall]]
"""The calls that each test was recorded to make."""


class KnownCall(Struct, frozen=True):
    """A call in the file at `path`, or a test, by its id, whose body is the call; `title` is what its traces are of.

    `known` says where it is known from. `recorded` is the record of a test that makes the call.
    """

    title: str
    path: str
    known: str
    recorded: RecordedCall | None = None

    @property
    def is_test(self) -> bool:
        """Whether `title` is the id of a test."""
        return subject(self.title) is not None


class Past(Struct, frozen=True):
    """A trace of the history; `checkpoint` numbers the files that it is of, None where they are not known any more."""

    began: TraceBegan
    trace: Trace
    checkpoint: int | None


def past_traces(history: Sequence[AgentEvent]) -> list[Past]:
    """All traces that are over. What was traced before a session was taken up again was of files of its own."""
    open_: dict[tuple[int, Origin], tuple[TraceBegan, list[Frame], int]] = {}
    found: list[Past] = []
    checkpoint = 0
    for event in history:
        match event:
            case CheckpointMade() | Rewound():
                checkpoint = event.checkpoint
            case SessionResumed():
                found = [replace(each, checkpoint=None) for each in found]
            case TraceBegan():
                open_[event.trace, event.origin] = (event, [], checkpoint)
            case FramesReached():
                open_[event.trace, event.origin][1].extend(event.frames)
            case TraceEnded():
                began, frames, at = open_.pop((event.trace, event.origin))
                whole = isinstance(event.outcome, Completed) and event.outcome.exit_code != INTERRUPTED
                found.append(Past(began, Trace(tuple(frames), complete=whole), at))
    return found


def calls_reaching(path: str, what: Touched, inputs: Inputs, past: Sequence[Past]) -> Iterator[KnownCall]:
    """The calls that run through touched functions of a file: recorded ones, then traced ones, then whole tests."""
    touched = {path: what}
    for identity, calls in inputs.items():
        for call in calls_into(calls, touched, len(calls)):
            yield KnownCall(call.call or "", call.file, f"called by {identity}", call)
    through = [each.began for each in reversed(past) if _through(each.trace, path, what)]
    for began in through:
        if began.path and _is_call(began.subject):
            yield KnownCall(began.subject, began.path, "traced before")
    tests = [identity for identity, calls in inputs.items() if reaches(identity, calls, touched)]
    for identity in dict.fromkeys([*tests, *(began.subject for began in through)]):
        if test := subject(identity):
            yield KnownCall(identity, test.path, "a test through it")


def _through(trace: Trace, path: str, what: Touched) -> bool:
    names = None if what.functions is None else {name.rpartition(".")[2] for name in what.functions}
    return any(frame.file == path and (names is None or frame.function in names) for frame in trace.frames)


def _is_call(text: str) -> bool:
    try:
        return isinstance(ast.parse(text, mode="eval").body, ast.Call)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def is_of(began: TraceBegan, call: KnownCall) -> bool:
    """Whether a trace is of this call."""
    return (began.subject, began.path) == (call.title, call.path)


def ended(call: KnownCall, past: Past) -> str:
    """How a call ended in a trace that is of it, or has it inside, in words; empty where that trace does not tell."""
    if is_of(past.began, call):
        trace = past.trace
    else:
        trace = Trace(_inside(call.recorded, past.trace.frames) if call.recorded else ())
    return ending(trace) if fate(trace) else ""


def _inside(call: RecordedCall, frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """The frames of the first call with the arguments of a recorded one, its own depth being 0."""
    wanted = {name: normalised(value) for name, value in call.arguments.items()}
    for start, first in enumerate(frames):
        if first.event is not FrameKind.CALL or (first.file, first.function) != (call.file, call.function):
            continue
        if {name: normalised(value) for name, value in first.locals.items()} == wanted:
            ends = (at for at in range(start, len(frames)) if _leaves(frames[at], first))
            last = next(ends, start - 1)
            return tuple(replace(each, depth=each.depth - first.depth) for each in frames[start : last + 1])
    return ()


def _leaves(frame: Frame, first: Frame) -> bool:
    return frame.event is FrameKind.RETURN and frame.depth == first.depth
