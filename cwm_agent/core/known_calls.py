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
from cwm_agent.traces.entry import source_lines
from cwm_agent.traces.frames import Basis, Frame, FrameKind, Trace

Inputs = Mapping[str, Sequence[RecordedCall]]
"""The calls that each test was recorded to make."""


class KnownCall(Struct, frozen=True):
    """A call in the file at `path`, or a test, by its id, whose body is the call; `title` is what its traces are of.

    `known` says where it is known from. Of a call that a test made, `function` and `arguments` (name → repr) tell it
    within a trace of that test.
    """

    title: str
    path: str
    known: str
    function: str = ""
    arguments: Mapping[str, str] = {}

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


def calls_reaching(path: str, source: str, what: Touched, inputs: Inputs, past: Sequence[Past]) -> Iterator[KnownCall]:
    """The calls that run through touched functions of the file at `path`, whose text is `source`.

    First those that tests make, as they were recorded or as a trace of the test shows them; then those that were traced
    themselves; then whole tests.
    """
    touched = {path: what}
    for identity, calls in inputs.items():
        for call in calls_into(calls, touched, len(calls)):
            yield KnownCall(call.call or "", call.file, f"called by {identity}", call.function, call.arguments)
    through = [each for each in reversed(past) if _through(each.trace, path, what)]
    plain = [name for name in plain_functions(source) if what.has(name)]
    for each in through:
        yield from _made_inside(each, path, plain)
    for each in through:
        if each.began.path and _is_call(each.began.subject):
            yield KnownCall(each.began.subject, each.began.path, "traced before")
    tests = [identity for identity, calls in inputs.items() if reaches(identity, calls, touched)]
    for identity in dict.fromkeys([*tests, *(each.began.subject for each in through)]):
        if test := subject(identity):
            yield KnownCall(identity, test.path, "a test through it")


def entered(call: KnownCall, source: str) -> Frame | None:
    """The first frame of a call that a test was seen to make, in a file that reads `source`.

    None where its arguments are not known, and where they are literals, of which every world makes that frame itself.
    """
    line = plain_functions(source).get(call.function)
    if line is None or all(map(_is_literal, call.arguments.values())):
        return None
    return Frame(
        event=FrameKind.CALL,
        file=call.path,
        function=call.function,
        line=line,
        depth=0,
        source=source_lines(source)[line - 1],
        locals=dict(call.arguments),
        basis=dict.fromkeys(["<line>", *call.arguments], Basis.FORCED),
    )


def plain_functions(source: str) -> dict[str, int]:
    """The functions at the top level of a text, with their lines, that can be called by the names of all parameters."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found = [node for node in body if isinstance(node, ast.FunctionDef) and not node.decorator_list]
    plain = [node for node in found if not (node.args.posonlyargs or node.args.vararg or node.args.kwarg)]
    return {node.name: node.lineno for node in plain}


def _made_inside(past: Past, path: str, plain: Sequence[str]) -> Iterator[KnownCall]:
    """The calls that a test made for real, where every argument is a literal."""
    if past.began.origin is not Origin.REAL or subject(past.began.subject) is None:
        return
    for frame in past.trace.frames:
        made = frame.event is FrameKind.CALL and frame.file == path and frame.function in plain
        if made and all(map(_is_literal, frame.locals.values())):
            given = ", ".join(f"{name}={value}" for name, value in frame.locals.items())
            known = f"called by {past.began.subject}"
            yield KnownCall(f"{frame.function}({given})", path, known, frame.function, frame.locals)


def _through(trace: Trace, path: str, what: Touched) -> bool:
    names = None if what.functions is None else {name.rpartition(".")[2] for name in what.functions}
    return any(frame.file == path and (names is None or frame.function in names) for frame in trace.frames)


def _is_call(text: str) -> bool:
    try:
        return isinstance(ast.parse(text, mode="eval").body, ast.Call)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return False
    return True


def is_of(began: TraceBegan, call: KnownCall) -> bool:
    """Whether a trace is of this call."""
    return (began.subject, began.path) == (call.title, call.path)


def ended(call: KnownCall, past: Past) -> str:
    """How a call ended in a trace that is of it, or has it inside, in words; empty where that trace does not tell."""
    trace = past.trace if is_of(past.began, call) else Trace(_inside(call, past.trace.frames))
    return ending(trace) if fate(trace) else ""


def _inside(call: KnownCall, frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """The frames of the first call of that function with these arguments, its own depth being 0."""
    wanted = {name: normalised(value) for name, value in call.arguments.items()}
    for start, first in enumerate(frames):
        if first.event is not FrameKind.CALL or (first.file, first.function) != (call.path, call.function):
            continue
        if {name: normalised(value) for name, value in first.locals.items()} == wanted:
            ends = (at for at in range(start, len(frames)) if _leaves(frames[at], first))
            last = next(ends, start - 1)
            return tuple(replace(each, depth=each.depth - first.depth) for each in frames[start : last + 1])
    return ()


def _leaves(frame: Frame, first: Frame) -> bool:
    return frame.event is FrameKind.RETURN and frame.depth == first.depth
