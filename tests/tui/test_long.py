"""Long sessions: what is not seen costs nothing. How long it takes is measured in `benchmarks/tui.py`."""

from __future__ import annotations

import time

import pytest

from cwm_agent.events import ActionOutput, AgentEvent, PromptAccepted, Rested, TextWritten, ThoughtWritten
from cwm_agent.observations import Origin
from cwm_agent.tui.blocks import AnyBlock
from cwm_agent.tui.render.blocks import rows
from cwm_agent.tui.render.growing import Growing
from cwm_agent.tui.render.rows import Row
from cwm_agent.tui.widgets import conversation
from cwm_agent.tui.widgets.conversation import WINDOW, Conversation
from cwm_agent.tui.widgets.prompt import Prompt
from tests.tui.stories import OPENED, ReplaySession, app_of, ran, settled


def long_story(turns: int) -> list[AgentEvent]:
    output = "a line of output that a tool wrote, about as long as they are\n" * 160
    story: list[AgentEvent] = [OPENED]
    for turn in range(turns):
        story += [PromptAccepted(f"request {turn}"), ThoughtWritten(f"thinking about {turn}\nand more")]
        for action in range(10):
            story += ran(turn * 10 + action + 1, f"command {turn}.{action}", output)
        story += [TextWritten(f"answer {turn}"), Rested("answered")]
    return story


async def test_of_five_hundred_turns_only_a_window_is_laid_out_and_nothing_of_it_for_a_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    laid: list[AnyBlock] = []

    def counted(block: AnyBlock, width: int, growing: Growing | None = None) -> list[Row]:
        laid.append(block)
        return rows(block, width, growing)

    monkeypatch.setattr(conversation, "rows", counted)
    session = ReplaySession(long_story(500))
    app = app_of(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        view = app.screen.query_one(Conversation)
        assert len(app.picture.blocks) > 500 * 12, "all of it is there"
        assert view.virtual_size.height < WINDOW * 12, "only a window of it is laid out"
        laid.clear()
        for letter in "a quick fox":
            await pilot.press(letter)
            app.screen.repaint()
        assert app.screen.query_one(Prompt).text == "a quick fox"
        assert laid == []
        await session.say(TextWritten("one more"))
        await settled(pilot)
        assert len(laid) == 1


async def test_scrolling_to_the_top_brings_what_is_earlier() -> None:
    session = ReplaySession(long_story(100))
    app = app_of(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        view = app.screen.query_one(Conversation)
        before = view.virtual_size.height
        view.focus()
        await pilot.press("home")
        await pilot.pause(0.1)
        assert view.virtual_size.height > before * 1.5
        assert view.scroll_offset.y > 0, "what was in view stays in view"


async def test_a_flood_of_output_is_painted_a_few_times_a_second() -> None:
    session = ReplaySession([OPENED, PromptAccepted("go"), *ran(1, "yes", "")[:2]])
    app = app_of(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        painted = 0
        paint = app.screen.repaint

        def counted() -> None:
            nonlocal painted
            painted += 1
            paint()

        app.screen.repaint = counted
        began = time.perf_counter()
        for _ in range(200):
            await session.say(*(ActionOutput(1, Origin.REAL, "y\n" * 50) for _ in range(10)))
        await pilot.pause(0.1)
        took = time.perf_counter() - began
        assert painted <= took * 20 + 2
        assert "y" in "".join(app.screen.query_one(Conversation).render_line(y).text for y in range(30))
