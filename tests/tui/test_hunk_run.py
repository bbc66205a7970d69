"""`i` in the review: the imagined run of the hunk in view, as a user presses through it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from cwm_agent.events import (
    AgentEvent,
    ApplyPatch,
    Decision,
    FramesReached,
    ImagineHunk,
    Interrupt,
    Noticed,
    PromptAccepted,
    TraceEnded,
)
from cwm_agent.observations import LimitReached, Origin
from cwm_agent.tui.screens.main import MainScreen
from cwm_agent.tui.screens.review import ReviewScreen
from cwm_agent.tui.widgets.bars import KeyBar
from cwm_agent.tui.widgets.hunk_run import HunkRunView
from tests.tui.hunk_story import BOTH, COMING, DREAMT, IMAGINED, NO_CALL, RAN, WITH_MODEL, ImaginingSession
from tests.tui.stories import READY, app_of, review, settled


@asynccontextmanager
async def imagining(
    answer: Sequence[AgentEvent] = IMAGINED,
    *,
    story: Sequence[AgentEvent] = WITH_MODEL,
    size: tuple[int, int] = (120, 36),
    press: bool = True,
) -> AsyncIterator[tuple[Pilot[None], ImaginingSession]]:
    session = ImaginingSession(story, review(), answer)
    async with app_of(session).run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+r", *(["i"] if press else []))
        await settled(pilot)
        assert isinstance(pilot.app.screen, ReviewScreen)
        yield pilot, session


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*keys)
    await settled(pilot)


def view(pilot: Pilot[None]) -> HunkRunView:
    return pilot.app.screen.query_one(HunkRunView)


def rows(pilot: Pilot[None]) -> list[str]:
    found = [view(pilot).row_at(y) for y in range(view(pilot).virtual_size.height)]
    return [row.content.plain.rstrip() for row in found if row is not None]


def shown(pilot: Pilot[None]) -> str:
    return "\n".join(rows(pilot))


def bar(pilot: Pilot[None]) -> str:
    return pilot.app.screen.query_one("#state").render().plain.strip()


def keys(pilot: Pilot[None]) -> str:
    return pilot.app.screen.query_one(KeyBar).render().plain


async def test_the_run_stands_below_the_hunk_with_its_model_its_call_and_its_value() -> None:
    async with imagining() as (pilot, session):
        assert session.told == [ImagineHunk(1, 0, 0)]
        text = shown(pilot)
        assert "◇ imagined by facebook/cwm  called by tests/test_refund.py::test_refund_keeps_the_cent" in text
        assert "refund([Decimal('1.005'), Decimal('2.000')])" in text
        assert "◇ IMAGINED  returned Decimal('3.01')" in text
        assert "before ◆ returns Decimal('3.00')  →  with this hunk ◇ returns Decimal('3.01')" in text
        assert view(pilot).region.height > 10
        assert "hunk 1 of 2" in screen_text(pilot), "the hunk itself is still to be read"


def screen_text(pilot: Pilot[None]) -> str:
    hunks = pilot.app.screen.query_one("HunkList")
    return "\n".join(hunks.render_line(y).text for y in range(hunks.size.height))


async def test_only_the_frames_in_the_lines_of_the_hunk_are_shown() -> None:
    async with imagining() as (pilot, _):
        numbers = [row.split()[1] for row in rows(pilot) if row.strip().startswith("◇ ") or row.startswith("▶◇")]
        assert {number.rstrip("•?°") for number in numbers if number[0].isdigit()} == {"12", "13"}
        assert "total° = Decimal('1.005')" in shown(pilot)


async def test_the_arrows_go_through_the_frames_of_the_hunk_and_tell_the_locals_there() -> None:
    async with imagining() as (pilot, _):
        assert "── refund, line 12 ─" in shown(pilot)
        assert "frame 4 of 9" in shown(pilot)
        await press(pilot, "right")
        assert "frame 6 of 9" in shown(pilot)
        await press(pilot, "right", "right", "right")
        assert "frame 9 of 9" in shown(pilot)
        assert "↩ Decimal('3.01')" in shown(pilot)
        await press(pilot, "left")
        assert "frame 8 of 9" in shown(pilot)
        assert pilot.app.screen.desk.place == (0, 0)


@pytest.mark.parametrize("key", ["i", "escape"])
async def test_it_is_closed_by_the_same_key_or_escape(key: str) -> None:
    async with imagining() as (pilot, session):
        await press(pilot, key)
        assert not view(pilot).display
        assert isinstance(pilot.app.screen, ReviewScreen)
        assert "imagine" in keys(pilot)
        await press(pilot, "i")
        assert view(pilot).display
        assert session.told == [ImagineHunk(1, 0, 0)] * 2


async def test_another_hunk_or_another_decision_closes_it() -> None:
    async with imagining() as (pilot, session):
        await press(pilot, "down")
        assert pilot.app.screen.desk.place == (0, 1)
        assert not view(pilot).display
        await press(pilot, "k", "i", "space")
        assert not view(pilot).display
        await press(pilot, "i")
        assert session.told[-1] == ImagineHunk(1, 0, 0, (Decision(0, 0, "accept"),))


async def test_while_it_comes_a_row_says_so_and_escape_stops_it() -> None:
    async with imagining(COMING) as (pilot, session):
        assert "◇ facebook/cwm is imagining" in shown(pilot)
        assert "4 frames" in rows(pilot)[0]
        assert "esc stops it" in rows(pilot)[0]
        assert keys(pilot).split()[:2] == ["Esc", "stop"]
        await press(pilot, "escape")
        assert session.told == [ImagineHunk(1, 0, 0), Interrupt()]
        assert view(pilot).display, "what was reached can be read"
        assert "cut short" in shown(pilot)
        assert "◇ imagined by" in rows(pilot)[0]
        await press(pilot, "escape")
        assert not view(pilot).display
        assert session.told == [ImagineHunk(1, 0, 0), Interrupt()]
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, MainScreen)


async def test_the_screen_is_free_while_it_comes() -> None:
    async with imagining(COMING) as (pilot, session):
        await press(pilot, "j")
        assert pilot.app.screen.desk.place == (0, 1)
        assert session.told[-1] == Interrupt(), "nobody looks at it any more"
        await press(pilot, "a", "enter", "enter")
        assert isinstance(session.told[-1], ApplyPatch)


async def test_where_the_call_really_ran_both_stand_beside_each_other_with_the_first_difference() -> None:
    async with imagining(BOTH, story=[*WITH_MODEL, *RAN], size=(160, 48)) as (pilot, _):
        text = shown(pilot)
        assert "◇ IMAGINED  returned Decimal('3.01')" in text
        assert "◆ RAN  returned Decimal('3.00')" in text
        assert "≠ " in text
        assert "the returned value was imagined as Decimal('3.01') and is Decimal('3.00')" in text
        assert "with this hunk ◇ returns Decimal('3.01'), ◆ returns Decimal('3.00')" in text
        assert text.count("◀ first divergence") == 1


async def test_where_no_call_is_known_one_sentence_says_how_to_trace_one() -> None:
    async with imagining(press=False) as (pilot, _):
        await press(pilot, "j", "i")
        assert bar(pilot) == NO_CALL
        assert not view(pilot).display


async def test_without_a_world_model_one_sentence_says_so_and_nobody_is_asked() -> None:
    async with imagining(story=READY) as (pilot, session):
        assert bar(pilot) == "There is no world model to imagine it. Name one: --model-url URL"
        assert session.told == []


async def test_while_the_agent_works_nothing_is_imagined_for_the_user() -> None:
    async with imagining(story=[*WITH_MODEL, PromptAccepted("and the fee")]) as (pilot, session):
        assert bar(pilot).startswith("The agent is at work")
        assert session.told == []


async def test_what_goes_wrong_on_the_way_is_told() -> None:
    lost = Noticed("error", "The model server at http://localhost:8000 does not answer.", "Start it: cwm-agent serve.")
    async with imagining([*COMING, *IMAGINED[3:], lost]) as (pilot, _):
        assert bar(pilot) == "The model server at http://localhost:8000 does not answer. Start it: cwm-agent serve."


async def test_a_run_that_leaves_the_hunk_out_says_so() -> None:
    elsewhere = [IMAGINED[0], IMAGINED[1], FramesReached(7, Origin.IMAGINED, DREAMT[:3]), IMAGINED[3]]
    async with imagining(elsewhere) as (pilot, _):
        assert "The imagined run does not come to these lines." in shown(pilot)


TOO_MUCH = LimitReached("tokens", "the code that it runs through has more than the 512 tokens that fit")


async def test_where_nothing_can_be_imagined_it_says_why() -> None:
    async with imagining([*IMAGINED[:2], TraceEnded(7, Origin.IMAGINED, TOO_MUCH)]) as (pilot, _):
        assert rows(pilot)[1] == " refund([Decimal('1.005'), Decimal('2.000')])"
        assert rows(pilot)[2].startswith(" ◇ nothing: stopped at its tokens limit: the code that it runs through has")
        assert "before" not in shown(pilot)
        await press(pilot, "right", "left", "escape")
        assert not view(pilot).display


async def test_where_nothing_can_be_imagined_what_ran_is_shown_alone() -> None:
    answer = [BOTH[0], BOTH[1], TraceEnded(7, Origin.IMAGINED, TOO_MUCH)]
    async with imagining(answer, story=[*WITH_MODEL, *RAN]) as (pilot, _):
        assert "◇ nothing: " in shown(pilot)
        assert "◆ RAN  returned Decimal('3.00')" in shown(pilot)
        assert "with this hunk ◆ returns Decimal('3.00')" in shown(pilot)
        assert "◇ IMAGINED" not in shown(pilot)


async def test_a_patch_that_was_applied_is_neither_applied_again_nor_imagined() -> None:
    async with imagining(press=False) as (pilot, session):
        await press(pilot, "a", "enter", "enter")
        told = list(session.told)
        for key in ("i", "enter"):
            await press(pilot, key)
            assert "^R shows what is left" in bar(pilot)
        await press(pilot, "enter", "enter")
        assert session.told == told, "what is left has other numbers"


async def test_in_a_small_terminal_the_frames_are_scrolled_to() -> None:
    async with imagining(size=(80, 24)) as (pilot, _):
        hunks = pilot.app.screen.query_one("HunkList")
        assert hunks.size.height >= 5
        await press(pilot, "right", "right", "right")
        top, height = view(pilot).scroll_offset.y, view(pilot).size.height
        at = next(y for y, row in enumerate(rows(pilot)) if row.startswith("▶"))
        assert top <= at < top + height
