"""What the debugger's prompt completes."""

from __future__ import annotations

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from cwm_agent.core.debugger import moves
from cwm_agent.repl.debugger_desk import Desk
from cwm_agent.repl.debugger_screen import Words
from tests.unit.core.debugger.stage import PATH, debugging


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("unt", {"until"}),
        ("wh", {"where"}),
        ("p ", {"xs", "t"}),
        ("print t + x", {"xs"}),
        ("set t", {"t"}),
        ("goto 1", {"1", "10", "17", "18", "19"}),
        ("b tot", {"total"}),
        ("delete ", {"1", "2"}),
        ("unwatch ", {"t + 1"}),
        ("help rn", {"rnext"}),
        ("step ", set()),
        ("nonsense ", set()),
    ],
)
async def test_what_is_offered(typed: str, offered: set[str]) -> None:
    debugger = await debugging("total([1, 2])")
    await moves.goto_line(debugger.cursor, debugger.text, 8)
    debugger.breakpoints.add(file=PATH, line=9)
    debugger.breakpoints.add(function="double")
    debugger.breakpoints.watched.append("t + 1")
    found = Words(Desk(debugger)).get_completions(Document(typed), CompleteEvent(completion_requested=True))
    assert {each.text for each in found} == offered
