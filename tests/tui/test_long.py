"""Long sessions: what is not seen costs nothing. Times are of the processor, whatever else the machine does."""

from __future__ import annotations

import time

from cwm_agent.events import ActionOutput, AgentEvent, PromptAccepted, Rested, TextWritten, ThoughtWritten
from cwm_agent.observations import Origin
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


async def test_five_hundred_turns_open_fast_and_stay_responsive() -> None:
    session = ReplaySession(long_story(500))
    app = app_of(session)
    async with app.run_test(size=(120, 36)) as pilot:
        began = time.process_time()
        await settled(pilot)
        opened = time.process_time() - began
        conversation = app.screen.query_one(Conversation)
        assert len(app.picture.blocks) > 500 * 12, "all of it is there"
        assert conversation.virtual_size.height < WINDOW * 12, "only a window of it is laid out"
        times = []
        for letter in "a quick fox":
            began = time.process_time()
            await pilot.press(letter)
            app.screen.repaint()
            times.append(time.process_time() - began)
        assert app.screen.query_one(Prompt).text == "a quick fox"
    print(f"opened in {opened:.2f} s, a key in {sorted(times)[len(times) // 2] * 1000:.0f} ms")
    assert opened < 1.5
    assert sorted(times)[len(times) // 2] < 0.06


async def test_scrolling_to_the_top_brings_what_is_earlier() -> None:
    session = ReplaySession(long_story(100))
    app = app_of(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        conversation = app.screen.query_one(Conversation)
        before = conversation.virtual_size.height
        conversation.focus()
        await pilot.press("home")
        await pilot.pause(0.1)
        assert conversation.virtual_size.height > before * 1.5
        assert conversation.scroll_offset.y > 0, "what was in view stays in view"


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
