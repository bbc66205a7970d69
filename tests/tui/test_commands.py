from __future__ import annotations

import pytest

from cwm_agent import cli
from cwm_agent.commands import COMMANDS, Call, Unknown, as_typed, completions, debugging, named_call, parse, rollouts
from cwm_agent.errors import UsageError
from cwm_agent.events import RunInSandbox, SubmitPrompt, TraceEntry
from cwm_agent.observations import Mode


def test_a_command_is_read_with_its_argument() -> None:
    call = parse("/mode imagined")
    assert isinstance(call, Call)
    assert (call.command.name, call.argument) == ("mode", "imagined")


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("/reveiw", "There is no /reveiw. Did you mean /review?"),
        ("/zzzz", "There is no /zzzz. F1 lists the commands."),
        ("/", "There is no /. F1 lists the commands."),
        ("/mode dream", "/mode takes real, verify, imagined."),
        ("/undo all", "/undo takes no argument."),
        ("/best-of four fix it", "/best-of takes a number and a request: /best-of 4 fix the failing test"),
        ("/best-of 4", "/best-of takes a number and a request: /best-of 4 fix the failing test"),
    ],
)
def test_what_is_no_command_gets_one_line_with_the_nearest(typed: str, hint: str) -> None:
    assert parse(typed) == Unknown(hint)


def test_best_of_takes_a_number_and_a_request() -> None:
    assert rollouts("4 fix it, please") == SubmitPrompt("fix it, please", 4)
    assert [rollouts(text) for text in ("", "4", "4 ", "-4 fix", "x fix", "٤ fix", "1234567 fix")] == [None] * 7


def test_a_request_that_is_typed_again_is_the_same() -> None:
    assert as_typed(SubmitPrompt("fix it\nplease")) == "fix it\nplease"
    assert as_typed(RunInSandbox("ls -l")) == "!ls -l"
    call = parse(as_typed(SubmitPrompt("fix it", 4)))
    assert isinstance(call, Call)
    assert rollouts(call.argument) == SubmitPrompt("fix it", 4)


def test_a_call_is_named_with_its_file() -> None:
    assert named_call("trace", " a/b.py :: f('::', 2) ") == TraceEntry("a/b.py", "f('::', 2)")


@pytest.mark.parametrize("argument", ["", "a.py", "a.py::", "::f(1)", "f('a.py::g')"])
def test_what_names_no_call_of_a_file_is_refused_with_the_form(argument: str) -> None:
    with pytest.raises(UsageError, match="what to debug") as caught:
        named_call("debug", argument)
    assert caught.value.remedy == "Name a call of a file: /debug path.py::f(1, 2)"


@pytest.mark.parametrize("entry", ["f(1, 'two')", "-f(2)"])
def test_the_debugger_is_started_with_the_call_as_it_was_typed(entry: str) -> None:
    read = cli._parser().parse_args(debugging(f"a.py::{entry}", Mode.REAL)[3:])
    assert (str(read.file), read.call, read.mode) == ("a.py", entry, "real")


def test_a_slash_completes_to_every_command() -> None:
    assert [word for word, _ in completions("/")] == [f"/{each.name}" for each in COMMANDS]


def test_completion_prefers_what_begins_like_it() -> None:
    assert [word for word, _ in completions("/re")][:2] == ["/review", "/rewind"]
    assert [word for word, _ in completions("/mode i")] == ["/mode imagined"]
    assert completions("/theme dark") == ()
    assert completions("fix it") == ()
