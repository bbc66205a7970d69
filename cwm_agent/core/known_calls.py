"""Calls that a session knows: those that tests were recorded to make, those that the user traced, and the tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from cwm_agent.core.past_traces import Past, call_inside, entries
from cwm_agent.core.subjects import calls_into, reaches, subject
from cwm_agent.core.touched import Touched
from cwm_agent.core.tracing import ending
from cwm_agent.events import TraceBegan
from cwm_agent.observations import Origin
from cwm_agent.protocols import RecordedCall
from cwm_agent.traces.compare import fate
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
    for each in through:
        yield from _made_inside(each, path, source, what)
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
    node = _plain(source).get(call.function)
    if node is None or _names(node) != call.arguments.keys() or all(map(_is_literal, call.arguments.values())):
        return None
    return Frame(
        event=FrameKind.CALL,
        file=call.path,
        function=call.function,
        line=node.lineno,
        depth=0,
        source=source_lines(source)[node.lineno - 1],
        locals=dict(call.arguments),
        basis=dict.fromkeys(["<line>", *call.arguments], Basis.FORCED),
    )


def _plain(source: str) -> dict[str, ast.FunctionDef]:
    """The functions at the top level of a text that can be called by the names of all their parameters."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found = [node for node in body if isinstance(node, ast.FunctionDef) and not node.decorator_list]
    return {node.name: node for node in found if not (node.args.posonlyargs or node.args.vararg or node.args.kwarg)}


def _names(node: ast.FunctionDef) -> set[str]:
    return {each.arg for each in (*node.args.args, *node.args.kwonlyargs)}


def _made_inside(past: Past, path: str, source: str, what: Touched) -> Iterator[KnownCall]:
    """The calls that a test made for real, where every argument is a literal."""
    if past.began.origin is not Origin.REAL or subject(past.began.subject) is None:
        return
    plain = _plain(source)
    for _, frame in entries(past.trace.frames, path):
        node, given = plain.get(frame.function), frame.locals
        if node is None or not what.has(frame.function) or _names(node) != given.keys():
            continue
        if all(map(_is_literal, given.values())):
            title = f"{frame.function}({', '.join(f'{name}={value}' for name, value in given.items())})"
            yield KnownCall(title, path, f"called by {past.began.subject}", frame.function, given)


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
    trace = past.trace
    if not is_of(past.began, call):
        trace = Trace(call_inside(trace.frames, call.path, call.function, call.arguments))
    return ending(trace) if fate(trace) else ""
