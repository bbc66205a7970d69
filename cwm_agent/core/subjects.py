"""What is worth a prediction: the tests that a command will run, and the calls that a failing test makes."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from cwm_agent.core.report import runs_tests
from cwm_agent.core.touched import Touched
from cwm_agent.events import AgentEvent, TestsReported, ToolCall
from cwm_agent.observations import Origin, TraceCall
from cwm_agent.protocols import RecordedCall, Sources

_ID = re.compile(r"[^\s'\"]+\.py::[^\s'\"]+")
_PATH = re.compile(r"[^\s'\":]+\.py\b")
_TEST_FILE = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test)\.py$")
_PICKS = re.compile(r"(?:^|\s)(?:-k|-m(?! (?:pytest|unittest)\b)|--deselect|--lf|--ff|--last-failed|--ignore)")
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


def named_tests(
    call: ToolCall, history: Sequence[AgentEvent], origins: Collection[Origin] = (Origin.REAL,)
) -> tuple[str, ...]:
    """The ids of tests that a command is known to run: those it names, or those that failed before in its files.

    `origins` are those of the runs that are believed.
    """
    if call.tool != "bash" or not runs_tests(call.content):
        return ()
    named = _ID.findall(call.content)
    if named:
        return tuple(dict.fromkeys(named))
    paths = set(_PATH.findall(call.content))
    reports = [event for event in reversed(history) if isinstance(event, TestsReported) and event.origin in origins]
    failed = [identity for report in reports for identity in report.failures]
    return tuple(dict.fromkeys(one for one in failed if not paths or one.partition("::")[0] in paths))


def named_files(call: ToolCall) -> tuple[str, ...]:
    """The test files of which a command is known to run every test."""
    if call.tool != "bash" or not runs_tests(call.content) or _ID.search(call.content) or _PICKS.search(call.content):
        return ()
    return tuple(dict.fromkeys(path for path in _PATH.findall(call.content) if _TEST_FILE.search(path)))


def tests_of(source: str, path: str) -> tuple[str, ...]:
    """The ids of the tests that stand in a file, as pytest finds them by their names."""
    found = []
    for node in _body(source):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            found.append(f"{path}::{node.name}")
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            inner = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name.startswith("test")]
            found += [f"{path}::{node.name}::{each.name}" for each in inner]
    return tuple(found)


def subject(identity: str) -> Subject | None:
    """The test as a call; None for one with parameters in its id, or whose id is of another form."""
    match = _PLAIN.fullmatch(identity)
    return Subject(identity, match[1], match[2] or "", match[3]) if match else None


def takes_nothing(subject: Subject, source: str) -> bool:
    """Whether the test's function stands in the source and needs no fixture, so that its call is complete."""
    body = _body(source)
    if subject.owner:
        owners = [node for node in body if isinstance(node, ast.ClassDef) and node.name == subject.owner]
        body = owners[-1].body if owners else []
    found = [node for node in body if isinstance(node, ast.FunctionDef) and node.name == subject.function]
    if not found or found[-1].decorator_list:
        return False
    arguments = found[-1].args
    count = len(arguments.posonlyargs) + len(arguments.args) - bool(subject.owner)
    return count == 0 and not arguments.kwonlyargs


def _body(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def reaches(identity: str, calls: Sequence[RecordedCall], touched: Mapping[str, Touched]) -> bool:
    """Whether a test was touched itself, or made a call into what was."""
    path, _, name = identity.partition("::")
    if path in touched and touched[path].has(name.replace("::", ".")):
        return True
    return any(call.file in touched and touched[call.file].has(call.qualname) for call in calls)


def calls_into(calls: Sequence[RecordedCall], touched: Mapping[str, Touched], most: int) -> tuple[RecordedCall, ...]:
    """The first different calls into what was touched that can be made again by an expression."""
    found: dict[tuple[str, str], RecordedCall] = {}
    for call in calls:
        if call.call is not None and call.file in touched and touched[call.file].has(call.qualname):
            found.setdefault((call.file, call.call), call)
    return tuple(found.values())[:most]


async def source_of(files: Sources, path: str) -> str | None:
    """The text of a file; None where there is none, or it is not UTF-8."""
    try:
        return (await files.read(path.encode())).content.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


class Runnable(Struct, frozen=True):
    """A test that can be imagined: its id, and the trace of its body."""

    title: str
    request: TraceCall


async def runnable(files: Sources, identity: str) -> Runnable | None:
    """The test as a call that is complete; None where its file or form does not allow that."""
    test = subject(identity)
    source = await source_of(files, test.path) if test else None
    if test is None or source is None or not takes_nothing(test, source):
        return None
    return Runnable(identity, test.request(source))
