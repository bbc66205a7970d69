"""What is worth a prediction: the tests that a command will run, and the calls that a failing test makes."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from msgspec import Struct

from cwm_agent.core.report import runs_tests
from cwm_agent.events import AgentEvent, TestsReported, ToolCall
from cwm_agent.observations import Origin, TraceCall
from cwm_agent.protocols import RecordedCall

_ID = re.compile(r"[^\s'\"]+\.py::[^\s'\"]+")
_PATH = re.compile(r"[^\s'\":]+\.py\b")
_PLAIN = re.compile(r"(.+\.py)::(?:(\w+)::)?(\w+)")


class Subject(Struct, frozen=True):
    """A test, by its id and its file, and the call that its body is."""

    identity: str
    path: str
    owner: str
    function: str

    @property
    def entry(self) -> str:
        """The call expression that runs the test's body."""
        return f"{self.owner}().{self.function}()" if self.owner else f"{self.function}()"

    def request(self, source: str) -> TraceCall:
        """The trace of the test's body in a file that reads `source`."""
        return TraceCall(source, self.entry, self.path)


def named_tests(call: ToolCall, history: Sequence[AgentEvent]) -> tuple[str, ...]:
    """The ids of tests that a command is known to run: those it names, or those that failed before in its files."""
    if call.tool != "bash" or not runs_tests(call.content):
        return ()
    named = _ID.findall(call.content)
    if named:
        return tuple(dict.fromkeys(named))
    paths = set(_PATH.findall(call.content))
    failed = [identity for event in reversed(history) for identity in _failures(event)]
    return tuple(dict.fromkeys(one for one in failed if not paths or one.partition("::")[0] in paths))


def _failures(event: AgentEvent) -> tuple[str, ...]:
    return event.failures if isinstance(event, TestsReported) and event.origin is Origin.REAL else ()


def subject(identity: str) -> Subject | None:
    """The test as a call; None for one with parameters in its id, or whose id is of another form."""
    match = _PLAIN.fullmatch(identity)
    return Subject(identity, match[1], match[2] or "", match[3]) if match else None


def takes_nothing(subject: Subject, source: str) -> bool:
    """Whether the test's function stands in the source and needs no fixture, so that its call is complete."""
    try:
        body: list[ast.stmt] = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    if subject.owner:
        owners = [node for node in body if isinstance(node, ast.ClassDef) and node.name == subject.owner]
        body = owners[-1].body if owners else []
    found = [node for node in body if isinstance(node, ast.FunctionDef) and node.name == subject.function]
    if not found or found[-1].decorator_list:
        return False
    arguments = found[-1].args
    count = len(arguments.posonlyargs) + len(arguments.args) - bool(subject.owner)
    return count == 0 and not arguments.kwonlyargs


def calls_into(calls: Sequence[RecordedCall], paths: Sequence[str], most: int) -> tuple[RecordedCall, ...]:
    """The first different calls into the files at `paths` that can be made again by an expression."""
    found: dict[tuple[str, str], RecordedCall] = {}
    for call in calls:
        if call.call is not None and call.file in paths:
            found.setdefault((call.file, call.call), call)
    return tuple(found.values())[:most]
