"""A traced call as a pytest test: what it returned or raised, as the trace tells it."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Sequence

from msgspec import Struct

from cwm_agent.core.debugger.expressions import Opaque, read
from cwm_agent.core.debugger.words import left
from cwm_agent.core.pins import calls
from cwm_agent.errors import UsageError
from cwm_agent.observations import Origin, Outcome
from cwm_agent.traces.entry import parse
from cwm_agent.traces.frames import Frame, FrameKind, Trace

CUT = 3990
"""Characters from which on the tracer may have left out the middle of a repr."""
_NOT_FINITE = ("inf", "-inf")


class Test(Struct, frozen=True):
    """A test function and the imports that it needs: module → names, an empty tuple for a plain import."""

    __test__ = False  # not one of ours, for pytest

    name: str
    imports: tuple[tuple[str, tuple[str, ...]], ...]
    body: str


class TracedCall(Struct, frozen=True, kw_only=True):
    """A call, and what one world's trace of it shows.

    `source` is the text of the file at `path`, in which `entry` was evaluated; `outcome` is None while the trace goes
    on. `model` is who imagined it, where that is known.
    """

    source: str
    path: str
    entry: str
    trace: Trace
    outcome: Outcome | None
    origin: Origin
    model: str = ""


def expected(traced: TracedCall, *, unfinished: str) -> Test:
    """The test that holds what the trace shows; UsageError says why there is none.

    `unfinished` is what the user can do where the trace does not show how the call ends.
    """
    call = calls.call_of(traced.entry)
    found = left(traced.trace, traced.outcome)
    if found is None:
        raise UsageError(f"The trace does not show how {traced.entry} ends.", remedy=unfinished)
    kind, frames, source = found[0], traced.trace.frames, traced.source
    calls.check_shown(call, frames, source)
    names, module = calls.needed(call, source), calls.module_of(traced.path)
    imports: list[tuple[str, tuple[str, ...]]] = []
    value = _last_value(frames, kind)
    if kind is FrameKind.RETURN:
        check = f"    assert {_comparison(ast.unparse(call), value)}\n"
    else:
        name, check = _raising(ast.unparse(call), value, source)
        imports.append(("pytest", ()))
        names |= set() if hasattr(builtins, name) else {_defined(name, source)}
    if names:
        imports.append((module, tuple(sorted(names))))
    return Test(_name(call, kind, traced.origin), tuple(imports), _docstring(traced) + check)


def _name(call: ast.Call, kind: FrameKind, origin: Origin) -> str:
    verb = "raises" if kind is FrameKind.EXCEPTION else "returns"
    words = re.sub(r"\W+", "_", ", ".join(map(ast.unparse, call.args))).strip("_").lower()[:40].strip("_")
    imagined = "as_imagined" if origin is Origin.IMAGINED else ""
    return "_".join(part for part in ("test", calls.called(call), words, verb, imagined) if part)


def _docstring(traced: TracedCall) -> str:
    """Nothing for a fact; of what was imagined, by whom."""
    if traced.origin is Origin.REAL:
        return ""
    model = re.sub(r"[^\w ./:+-]", "_", traced.model) or "a world model"
    return f'    """The expectation was imagined by {model}; the call never ran."""\n'


def _last_value(frames: Sequence[Frame], kind: FrameKind) -> str:
    """What the entry returned, or `Name: text` of what it raised."""
    found = next(frame for frame in reversed(frames) if frame.event is kind and frame.depth == 0)
    return found.value or "None"


def _comparison(call: str, value: str) -> str:
    """`call == value`; UsageError where the repr is no literal that comes back equal."""
    literal = read(value)
    if isinstance(literal, Opaque) or literal != read(repr(literal)):
        raise UsageError(f"The value is no literal that a test could compare: {value[:80]}")
    if len(value) >= CUT and "..." in value:
        raise UsageError("The value is so long that its middle was left out, so no test can compare it.")
    if value in _NOT_FINITE:
        return f"{call} == float({value!r})"
    shown = repr(literal)
    return f"{call} is {shown}" if shown in ("None", "True", "False") else f"{call} == {shown}"


def _raising(call: str, value: str, source: str) -> tuple[str, str]:
    """The exception's name, and the lines that expect it: with its text, where that is sure to be what `str` gives."""
    name, _, text = value.partition(": ")
    lines = f"    with pytest.raises({name}) as raised:\n        {call}\n"
    if text and "..." not in text and "0x…" not in text and (hasattr(builtins, name) or _is_plain(name, source)):
        return name, f"{lines}    assert str(raised.value) == {text!r}\n"
    return name, lines.replace(" as raised", "", 1)


def _is_plain(name: str, source: str) -> bool:
    """Whether it is an exception class of the file that does not say itself what its text is."""
    for node in parse(source).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            inner = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
            bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
            return "__str__" not in inner and all(hasattr(builtins, base) for base in bases)
    return False


def _defined(name: str, source: str) -> str:
    if name not in calls.top_level(source):
        raise UsageError(f"{name} is neither a built-in exception nor a name of the file, so no test can expect it.")
    return name
