from __future__ import annotations

import pytest

from cwm_agent.commands import COMMANDS, Call, Unknown, completions, parse, rollouts
from cwm_agent.events import SubmitPrompt


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


def test_a_slash_completes_to_every_command() -> None:
    assert [word for word, _ in completions("/")] == [f"/{each.name}" for each in COMMANDS]


def test_completion_prefers_what_begins_like_it() -> None:
    assert [word for word, _ in completions("/re")][:2] == ["/review", "/rewind"]
    assert [word for word, _ in completions("/mode i")] == ["/mode imagined"]
    assert completions("/theme dark") == ()
    assert completions("fix it") == ()
