"""Which tests and calls are worth a prediction."""

from __future__ import annotations

import pytest

from cwm_agent import events
from cwm_agent.core.subjects import calls_into, named_tests, subject, takes_nothing
from cwm_agent.core.touched import Touched
from cwm_agent.events import AgentEvent, ToolCall
from cwm_agent.observations import Origin
from cwm_agent.protocols import RecordedCall

FAILED: list[AgentEvent] = [
    events.TestsReported(1, Origin.REAL, "pytest", 1, 2, ("tests/test_a.py::test_x", "tests/test_b.py::test_y")),
    events.TestsReported(2, Origin.IMAGINED, "pytest", 1, 1, ("tests/test_c.py::test_dream",)),
]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pytest tests/test_z.py::test_named -q", ("tests/test_z.py::test_named",)),
        ("pytest -q", ("tests/test_a.py::test_x", "tests/test_b.py::test_y")),
        ("pytest tests/test_b.py", ("tests/test_b.py::test_y",)),
        ("pytest tests/test_q.py", ()),
        ("ls -l", ()),
        ("cat tests/test_a.py::test_x", ()),
    ],
)
def test_the_tests_of_a_command(command: str, expected: tuple[str, ...]) -> None:
    assert named_tests(ToolCall("bash", command), FAILED) == expected


def test_only_commands_run_tests() -> None:
    assert named_tests(ToolCall("edit", "tests/test_a.py"), FAILED) == ()


def test_a_test_is_the_call_that_its_body_is() -> None:
    plain, inner = subject("t/test_a.py::test_x"), subject("t/test_a.py::TestA::test_x")
    assert plain
    assert inner
    assert (plain.entry, inner.entry) == ("test_x()", "TestA().test_x()")
    assert plain.request("x = 1\n").path == "t/test_a.py"
    assert subject("t/test_a.py::test_x[3-4]") is None
    assert subject("t/test_a.py") is None


@pytest.mark.parametrize(
    ("source", "complete"),
    [
        ("def test_x(): pass", True),
        ("def test_x(tmp_path): pass", False),
        ("import pytest\n@pytest.mark.parametrize('a', [1])\ndef test_x(): pass", False),
        ("def test_y(): pass", False),
        ("def test_x(:", False),
    ],
)
def test_a_test_that_needs_something_cannot_be_called(source: str, complete: bool) -> None:
    found = subject("a.py::test_x")
    assert found
    assert takes_nothing(found, source) is complete


def test_a_method_needs_only_itself() -> None:
    found = subject("a.py::TestA::test_x")
    assert found
    assert takes_nothing(found, "class TestA:\n    def test_x(self): pass\n")
    assert not takes_nothing(found, "class TestA:\n    def test_x(self, capsys): pass\n")
    assert not takes_nothing(found, "def test_x(): pass\n")


def recorded(file: str, call: str | None) -> RecordedCall:
    return RecordedCall(
        file=file,
        function="f",
        module="m",
        qualname="f",
        line=1,
        depth=1,
        arguments={},
        expressions={},
        call=call,
    )


def test_calls_are_those_into_the_files_that_can_be_made_again() -> None:
    calls = [recorded(*each) for each in (("a.py", "f(1)"), ("a.py", "f(1)"), ("b.py", "g()"), ("a.py", None))]
    calls += [recorded("a.py", f"f({n})") for n in range(2, 9)]
    assert [call.call for call in calls_into(calls, {"a.py": Touched(None)}, 3)] == ["f(1)", "f(2)", "f(3)"]
