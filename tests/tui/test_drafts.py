"""Drafts and guesses wear what they are, wherever they are shown."""

from __future__ import annotations

from io import StringIO

from cwm_agent.core.export import markdown
from cwm_agent.events import ActionBegan, ActionEnded, ActionOutput, ActionProposed, AgentEvent, ToolCall
from cwm_agent.observations import Completed, Origin
from cwm_agent.transcript import Transcript
from cwm_agent.tui.bridge import show
from cwm_agent.tui.picture import Acted, Picture
from cwm_agent.tui.render.action import action_rows

EDIT = ToolCall("edit", "a.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE")
DRAFT: list[AgentEvent] = [
    ActionProposed(1, EDIT, draft=True),
    ActionBegan(1, Origin.IMAGINED),
    ActionOutput(1, Origin.IMAGINED, "f(1): imagined, returns 3\n"),
    ActionEnded(1, Origin.IMAGINED, Completed(0), "f(1): imagined, returns 3\n", 0.2),
]
GUESS: list[AgentEvent] = [
    ActionProposed(1, ToolCall("bash", "ls")),
    ActionBegan(1, Origin.IMAGINED, guessed=True),
    ActionOutput(1, Origin.IMAGINED, "a.py\n"),
    ActionEnded(1, Origin.IMAGINED, Completed(0), "a.py\n", 0.2),
]


def on_screen(events: list[AgentEvent]) -> str:
    picture = Picture("project", "main", lambda: "12:00")
    for event in events:
        show(picture, event)
    (acted,) = [block for block in picture.blocks if isinstance(block, Acted)]
    return "\n".join(row.content.plain for row in action_rows(acted, 100))


def as_lines(events: list[AgentEvent]) -> str:
    out = StringIO()
    transcript = Transcript(out)
    for event in events:
        transcript.write(event)
    return out.getvalue()


def test_a_draft_is_not_shown_as_an_edit_that_was_made() -> None:
    shown = on_screen(DRAFT)
    assert "◇ imagined" in shown
    assert "a draft: nothing of it is done" in shown
    assert "edited" not in shown
    assert "a draft: nothing of it is done" in as_lines(DRAFT)
    assert "a draft: nothing of it was done" in markdown(DRAFT)


def test_a_guess_is_called_one() -> None:
    assert "◇ guessed" in on_screen(GUESS)
    assert "the weakest kind of prediction" in as_lines(GUESS)
    assert "the weakest kind of prediction" in markdown(GUESS)
    assert "guess" not in as_lines(DRAFT)
