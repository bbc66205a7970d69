"""The keys of the main screen, pressed by a user who has not read a manual."""

from __future__ import annotations

import asyncio

import pytest
from textual.pilot import Pilot

from cwm_agent.errors import UsageError
from cwm_agent.events import (
    ActionBegan,
    CheckpointMade,
    Interrupt,
    PermissionAsked,
    PromptAccepted,
    Rested,
    Rewind,
    RunInSandbox,
    SessionClosed,
    SessionResumed,
    SetMode,
    SettlePermission,
    SubmitPrompt,
    UndoApply,
)
from cwm_agent.observations import Mode, Origin
from cwm_agent.tui.screens.confirm import ConfirmScreen
from cwm_agent.tui.screens.help import HelpScreen
from cwm_agent.tui.screens.main import MainScreen
from cwm_agent.tui.screens.review import ReviewScreen
from cwm_agent.tui.screens.rewind import RewindScreen
from cwm_agent.tui.widgets.bars import KeyBar, Queue
from cwm_agent.tui.widgets.completions import Completions
from cwm_agent.tui.widgets.conversation import Conversation
from cwm_agent.tui.widgets.panel import Panel
from cwm_agent.tui.widgets.prompt import SETTLES, Prompt
from tests.tui.stories import (
    ASKED,
    ASKING,
    FAILED,
    OPENED,
    READY,
    SEARCHING,
    STREAMING,
    Clock,
    ReplaySession,
    app_of,
    review,
    settled,
)


def text_of(pilot: Pilot) -> str:
    return pilot.app.screen.query_one(Prompt).text


def hint_of(pilot: Pilot) -> str:
    return pilot.app.screen.query_one(KeyBar).render().plain.strip()


def conversation_of(pilot: Pilot) -> list[str]:
    return [row.content.plain for row in pilot.app.screen.query_one(Conversation)._rows]


async def test_best_of_asks_for_so_many_rollouts() -> None:
    session = ReplaySession([OPENED])
    async with app_of(session).run_test() as pilot:
        await settled(pilot)
        await pilot.press(*"/best-of 3 fix it", "enter")
        await settled(pilot)
        assert session.told == [SubmitPrompt("fix it", 3)]
        await pilot.press(*"/best-of x", "enter")
        await settled(pilot)
        assert "takes a number and a request" in hint_of(pilot)
        assert session.told == [SubmitPrompt("fix it", 3)]


async def test_enter_sends_and_empties_the_input() -> None:
    session = ReplaySession([OPENED])
    async with app_of(session).run_test() as pilot:
        await settled(pilot)
        await pilot.press(*"fix it", "enter")
        await settled(pilot)
        assert session.told == [SubmitPrompt("fix it")]
        assert text_of(pilot) == ""


@pytest.mark.parametrize("key", ["ctrl+j", "shift+enter", "alt+enter"])
async def test_a_new_line_is_not_sent(key: str) -> None:
    session = ReplaySession([OPENED])
    async with app_of(session).run_test() as pilot:
        await settled(pilot)
        await pilot.press("a", key, "b")
        assert text_of(pilot) == "a\nb"
        await pilot.press("enter")
        await settled(pilot)
        assert session.told == [SubmitPrompt("a\nb")]


async def test_nothing_is_sent_before_the_session_is_open() -> None:
    session = ReplaySession([])
    async with app_of(session, prompt="fix it").run_test() as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert session.told == []
        assert text_of(pilot) == "fix it"
        assert "still being opened" in hint_of(pilot)
        await session.say(OPENED)
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert session.told == [SubmitPrompt("fix it")]


async def test_up_brings_back_what_was_sent_but_never_overwrites_a_draft() -> None:
    async with app_of(ReplaySession([OPENED])).run_test() as pilot:
        await settled(pilot)
        for words in ("one", "two"):
            await pilot.press(*words, "enter")
        await pilot.press("up")
        assert text_of(pilot) == "two"
        await pilot.press("up")
        assert text_of(pilot) == "one"
        await pilot.press("down", "down")
        assert text_of(pilot) == ""
        await pilot.press(*"draft", "up")
        assert text_of(pilot) == "draft"


async def test_a_mark_runs_a_command_in_the_sandbox() -> None:
    session = ReplaySession([OPENED])
    async with app_of(session).run_test() as pilot:
        await settled(pilot)
        await pilot.press(*"!ls -l", "enter")
        await settled(pilot)
        assert session.told == [RunInSandbox("ls -l")]


async def test_mode_key_goes_round_and_the_chip_follows() -> None:
    session = ReplaySession([OPENED])
    async with app_of(session).run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        for _ in range(3):
            await pilot.press("ctrl+t")
            await settled(pilot)
        assert session.told == [SetMode(Mode.IMAGINED), SetMode(Mode.REAL), SetMode(Mode.VERIFY)]
        assert "◐ VERIFY → real, no world model" in header_of(pilot)


def header_of(pilot: Pilot) -> str:
    return pilot.app.screen.query_one("Header").render().plain


async def test_panel_key_hides_and_shows() -> None:
    async with app_of(ReplaySession(FAILED)).run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        panel = pilot.app.screen.query_one(Panel)
        assert panel.display
        await pilot.press("ctrl+o")
        assert not panel.display
        await pilot.press("ctrl+o")
        assert panel.display
        assert panel.tab == "tests"


async def test_below_a_hundred_columns_the_panel_takes_the_place_of_the_conversation() -> None:
    async with app_of(ReplaySession(FAILED)).run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        conversation = pilot.app.screen.query_one(Conversation)
        assert conversation.size.width > 70
        await pilot.press("ctrl+o")
        await settled(pilot)
        assert not conversation.display
        assert pilot.app.screen.query_one(Panel).size.width > 70
        await pilot.press("ctrl+o")
        await settled(pilot)
        assert conversation.display


async def test_the_panel_follows_until_a_tab_is_chosen() -> None:
    session = ReplaySession(FAILED)
    async with app_of(session).run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        panel = pilot.app.screen.query_one(Panel)
        assert panel.tab == "tests"
        await pilot.press(*"/shell", "enter")
        await settled(pilot)
        assert (panel.tab, panel.pinned) == ("shell", True)
        await session.say(*READY[len(FAILED) :])
        await settled(pilot)
        assert panel.tab == "shell"


async def test_escape_stops_what_is_under_way() -> None:
    session = ReplaySession(SEARCHING)
    async with app_of(session).run_test() as pilot:
        await settled(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert session.told == [Interrupt()]


async def test_escape_does_nothing_when_nothing_is_under_way() -> None:
    session = ReplaySession(READY)
    async with app_of(session).run_test() as pilot:
        await settled(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert session.told == []
        assert isinstance(pilot.app.screen, MainScreen)


async def test_escape_twice_goes_back_to_a_checkpoint() -> None:
    session = ReplaySession(READY)
    async with app_of(session).run_test() as pilot:
        await settled(pilot)
        await pilot.press("escape", "escape")
        await settled(pilot)
        assert isinstance(pilot.app.screen, RewindScreen)
        await pilot.press("up", "enter")
        await settled(pilot)
        assert session.told == [Rewind(0)]


async def test_two_escapes_far_apart_are_not_one() -> None:
    clock = Clock()
    async with app_of(ReplaySession(READY), clock=clock).run_test() as pilot:
        await settled(pilot)
        await pilot.press("escape")
        clock.at += 0.7
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(pilot.app.screen, MainScreen)


async def test_help_opens_and_closes() -> None:
    async with app_of(ReplaySession([OPENED])).run_test() as pilot:
        await settled(pilot)
        await pilot.press("f1")
        await settled(pilot)
        assert isinstance(pilot.app.screen, HelpScreen)
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(pilot.app.screen, MainScreen)


async def test_the_palette_carries_out_our_commands() -> None:
    async with app_of(ReplaySession(READY, review())).run_test() as pilot:
        await settled(pilot)
        await pilot.press("ctrl+p")
        await pilot.pause(0.2)
        await pilot.press(*"review")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await pilot.pause(0.2)
        assert isinstance(pilot.app.screen, ReviewScreen)


async def test_slash_offers_completions_and_tab_takes_one() -> None:
    async with app_of(ReplaySession([OPENED])).run_test() as pilot:
        await settled(pilot)
        await pilot.press(*"/th")
        assert pilot.app.screen.query_one(Completions).picked == "/theme"
        await pilot.press("tab")
        assert text_of(pilot) == "/theme "
        await pilot.press("down", "tab", "backspace", "enter")
        await settled(pilot)
        assert pilot.app.theme == "cwm-light"


async def test_an_unknown_command_stays_to_be_corrected() -> None:
    async with app_of(ReplaySession([OPENED])).run_test() as pilot:
        await settled(pilot)
        await pilot.press(*"/reveiw", "enter")
        assert hint_of(pilot) == "There is no /reveiw. Did you mean /review?"
        assert text_of(pilot) == "/reveiw"
        await pilot.press("backspace")
        assert "Did you mean" not in hint_of(pilot)


async def test_undo_by_command() -> None:
    session = ReplaySession(READY)
    async with app_of(session).run_test() as pilot:
        await settled(pilot)
        await pilot.press(*"/undo", "enter")
        await settled(pilot)
        assert session.told == [UndoApply()]


async def test_copy_takes_the_last_answer() -> None:
    async with app_of(ReplaySession(READY)).run_test() as pilot:
        await settled(pilot)
        await pilot.press("ctrl+y")
        assert pilot.app.clipboard.startswith("refunds.py rounded every amount")


async def test_control_c_clears_the_input_then_stops_and_never_leaves() -> None:
    session = ReplaySession(SEARCHING)
    async with app_of(session).run_test() as pilot:
        await settled(pilot)
        await pilot.press(*"abc", "ctrl+c")
        assert text_of(pilot) == ""
        await pilot.press("ctrl+c")
        await settled(pilot)
        assert session.told == [Interrupt()]
        assert pilot.app.is_running


async def test_an_item_of_the_conversation_is_opened_with_the_keyboard() -> None:
    async with app_of(ReplaySession(FAILED)).run_test(size=(90, 40)) as pilot:
        await settled(pilot)
        conversation = pilot.app.screen.query_one(Conversation)
        before = conversation.virtual_size.height
        conversation.focus()
        await pilot.press("up", "enter")
        await settled(pilot)
        assert conversation.virtual_size.height > before + 10
        await pilot.press("enter")
        await settled(pilot)
        assert conversation.virtual_size.height == before


async def test_leaving_asks_while_a_patch_is_not_reviewed() -> None:
    clock = Clock()
    session = ReplaySession(READY)
    app = app_of(session, clock=clock)
    async with app.run_test() as pilot:
        await settled(pilot)
        await pilot.press("ctrl+q")
        await settled(pilot)
        assert isinstance(app.screen, ConfirmScreen)
        await pilot.press("y")
        await settled(pilot)
        assert isinstance(app.screen, ConfirmScreen), "a key within half a second is no answer"
        clock.at += 1
        await pilot.press("n")
        await settled(pilot)
        assert isinstance(app.screen, MainScreen)
        await pilot.press("ctrl+q")
        await settled(pilot)
        clock.at += 1
        await pilot.press("y")
        await settled(pilot)
    assert session.closed
    assert app.return_code == 0


async def test_quit_leaves_at_once_when_nothing_is_open() -> None:
    session = ReplaySession([*FAILED, Rested("no_patch")])
    app = app_of(session)
    async with app.run_test() as pilot:
        await settled(pilot)
        await pilot.press(*"/quit", "enter")
        await settled(pilot)
    assert session.closed
    assert app.return_code == 1


async def test_an_answer_needs_half_a_second_and_an_empty_input() -> None:
    clock = Clock()
    session = ReplaySession(ASKING)
    async with app_of(session, clock=clock).run_test() as pilot:
        await settled(pilot)
        await pilot.press("y")
        assert (text_of(pilot), session.told) == ("y", []), "too early: it is typing"
        clock.at += 1
        await pilot.press("n")
        assert (text_of(pilot), session.told) == ("yn", []), "something stands in the input"
        await pilot.press("backspace", "backspace", "y")
        assert (text_of(pilot), session.told) == ("y", []), "the user is typing"
        await pilot.press("backspace")
        clock.at += 1
        await pilot.press("y")
        await pilot.pause(2 * SETTLES)
        await settled(pilot)
        assert (text_of(pilot), session.told) == ("", [SettlePermission(1, allowed=True)])


async def test_a_word_that_begins_like_an_answer_is_none_and_loses_no_letter() -> None:
    clock = Clock()
    session = ReplaySession(ASKING)
    async with app_of(session, clock=clock).run_test() as pilot:
        await settled(pilot)
        clock.at += 60
        await pilot.press(*"naturalsize")
        await pilot.pause(2 * SETTLES)
        assert (text_of(pilot), session.told) == ("naturalsize", [])
        await pilot.press("ctrl+c")
        clock.at += 60
        await pilot.press("n", "enter")
        await settled(pilot)
        assert (text_of(pilot), session.told) == ("", [SettlePermission(1, allowed=False)]), "enter says that it is all"


async def test_a_question_in_the_middle_of_a_word_steals_no_letter() -> None:
    clock = Clock()
    session = ReplaySession(ASKED)
    async with app_of(session, clock=clock).run_test() as pilot:
        await settled(pilot)
        await pilot.press(*"wh")
        await session.say(PermissionAsked(1, "May I?", "pip install x"))
        await settled(pilot)
        clock.at += 5
        await pilot.press(*"y not")
        assert text_of(pilot) == "why not"
        assert session.told == []


async def test_live_output_is_shown_while_it_is_written() -> None:
    session = ReplaySession(STREAMING)
    async with app_of(session).run_test(size=(90, 40)) as pilot:
        await settled(pilot)
        await session.say(ActionBegan(3, Origin.REAL))
        await settled(pilot)
        assert "◆ running" in screen_text(pilot)


def screen_text(pilot: Pilot) -> str:
    conversation = pilot.app.screen.query_one(Conversation)
    return "\n".join(conversation.render_line(y).text for y in range(conversation.size.height))


FILES = ("README.md", "tally/ledger.py", "tally/statement.py", "tests/test_statement.py")


async def test_a_file_is_named_by_some_of_its_letters_wherever_it_stands_in_the_request() -> None:
    session = ReplaySession([OPENED])
    async with app_of(session, files=lambda: FILES).run_test() as pilot:
        await settled(pilot)
        await pilot.press(*"look at @tlystat")
        while pilot.app.screen.query_one(Completions).picked is None:  # a thread lists the files
            await pilot.pause(0.01)
        assert pilot.app.screen.query_one(Completions).picked == "@tally/statement.py"
        await pilot.press("enter")
        assert text_of(pilot) == "look at @tally/statement.py "
        assert session.told == []
        await pilot.press(*"and fix it", "enter")
        await settled(pilot)
    assert session.told == [SubmitPrompt("look at @tally/statement.py and fix it")]


async def test_an_at_sign_within_a_word_names_no_file() -> None:
    session = ReplaySession([OPENED])
    async with app_of(session, files=lambda: FILES).run_test() as pilot:
        await settled(pilot)
        await pilot.press(*"mail me@ledger", "enter")
        await settled(pilot)
    assert session.told == [SubmitPrompt("mail me@ledger")]


async def test_a_command_that_a_text_answers_is_answered_in_the_conversation() -> None:
    asked: list[tuple[str, str]] = []

    async def consult(session: object, name: str, argument: str) -> str:
        asked.append((name, argument))
        if argument == "bad":
            raise UsageError("It does not say where to.", remedy="Name a file.")
        return "84 % of 51\nsecond line"

    session = ReplaySession([OPENED])
    async with app_of(session, consult=consult).run_test() as pilot:
        await settled(pilot)
        await pilot.press(*"/ledger", "enter")
        await settled(pilot)
        shown = "\n".join(conversation_of(pilot))
        assert "84 % of 51" in shown
        assert "second line" in shown
        await pilot.press(*"/export bad", "enter")
        await settled(pilot)
        await settled(pilot)
        shown = "\n".join(conversation_of(pilot))
        assert "It does not say where to." in shown
        assert "Name a file." in shown
    assert asked == [("ledger", ""), ("export", "bad")]


async def test_a_session_that_is_taken_up_is_shown_before_its_sandbox_is_open() -> None:
    opening: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    recorded = [*READY, SessionClosed()]
    session = ReplaySession([*recorded, SessionResumed("s1")])
    async with (app := app_of(session, recorded=recorded, opening=opening)).run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        assert any("A patch is ready" in row for row in conversation_of(pilot))
        assert app.picture.box == "starting"
        await pilot.press(*"more", "enter")
        await settled(pilot)
        assert text_of(pilot) == "more"
        assert "still being opened" in hint_of(pilot)
        blocks = len(app.picture.blocks)
        opening.set_result(None)
        await settled(pilot)
        assert app.picture.box == "ready"
        assert len(app.picture.blocks) == blocks + 1, "nothing is shown twice"
        await pilot.press("enter")
        await settled(pilot)
    assert session.told == [SubmitPrompt("more")]


async def test_a_long_list_of_checkpoints_is_walked_with_the_arrows() -> None:
    many = [CheckpointMade(number, 0, ()) for number in range(1, 60)]
    session = ReplaySession([OPENED, *many])
    async with app_of(session).run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "escape")
        await settled(pilot)
        rows = pilot.app.screen.query_one("_List")
        for key in ("up", "up", "up", "down"):
            await pilot.press(key)
            await settled(pilot)
            assert rows.scroll_offset.y <= rows.at < rows.scroll_offset.y + rows.size.height, "the picked one is seen"
        await pilot.press("enter")
        await settled(pilot)
    assert session.told == [Rewind(57)]


async def test_what_is_sent_during_work_stands_in_a_queue_until_it_is_begun() -> None:
    session = ReplaySession(SEARCHING)
    async with app_of(session).run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        for words in ("one", "!two", "three", "four"):
            await pilot.press(*words, "enter")
        await settled(pilot)
        queue = pilot.app.screen.query_one(Queue)
        assert queue.render().plain == "⋯ next  one\n⋯ next  !two\n⋯ next  three\n⋯ and 1 more"
        assert queue.region.height == 4
        await session.say(Rested("no_patch"), PromptAccepted("one"))
        await settled(pilot)
        assert queue.render().plain == "⋯ next  !two\n⋯ next  three\n⋯ next  four"
        for words in ("!two", "three", "four"):
            await session.say(Rested("answered"), PromptAccepted(words))
        await settled(pilot)
        assert not queue.display


@pytest.mark.parametrize(
    ("seconds", "focused", "alert", "rung"),
    [
        (9, False, "bell", 0),
        (11, False, "bell", 1),
        (11, True, "bell", 0),
        (61, True, "bell", 1),
        (99, False, "off", 0),
    ],
)
async def test_who_looks_elsewhere_is_called_when_long_work_is_over(
    seconds: float, focused: bool, alert: str, rung: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, session = Clock(), ReplaySession([OPENED])
    app = app_of(session, clock=clock, alert=alert)
    bells: list[int] = []
    monkeypatch.setattr(app, "bell", lambda: bells.append(1))
    async with app.run_test() as pilot:
        await settled(pilot)
        app.app_focus = focused
        await session.say(PromptAccepted("go"))
        await settled(pilot)
        clock.at += seconds
        await session.say(Rested("answered"))
        await settled(pilot)
    assert len(bells) == rung
