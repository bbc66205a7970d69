"""A conversation that outgrows its room: folded, then left out; the user's own words and the last step stay."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from msgspec import structs

from cwm_agent.errors import LimitError
from cwm_agent.events import ToolCall
from cwm_agent.policies.chat.window import FULL, Window
from cwm_agent.policies.chat.wording import Wording
from cwm_agent.policies.conversation.prompts import Prompts
from cwm_agent.policies.conversation.reading import Answered, Asked, Entry, Note, Said
from cwm_agent.settings import LimitSettings
from tests.unit.policies.chat_double import check

ROOM = 8_000
LONG = "one line of output\n" * 80


def window(room: int = ROOM, most: int = 6_000) -> Window:
    return Window(Wording(Prompts(), LimitSettings(), command_seconds=120, guidance=str, most=most), room)


def step(number: int, output: str = LONG, text: str = "") -> list[Entry]:
    call = ToolCall("bash", f"print {number}")
    observation = f"<{number}>\n{output}"
    answered = Answered(call=call, action=number, observation=observation, imagined=False, good=True, turns=number)
    return [Said("", text, call), answered]


def asked(text: str = "MY WORDS", *, first: bool = True) -> Asked:
    return Asked(text, first)


def said(window: Window, entries: list[Entry]) -> str:
    messages = window.messages(entries)
    check([*messages] if messages[-1].role != "assistant" else messages[:-1])
    return "\n".join(f"{each.text}{''.join(wish.arguments for wish in each.wishes)}" for each in messages)


def test_what_fits_is_told_whole() -> None:
    text = said(window(), [asked(), *step(1), *step(2)])
    assert "<1>" in text
    assert "<2>" in text
    assert "Folded" not in text


def test_old_outputs_are_folded_first_and_stay_so() -> None:
    held, entries, texts = window(), [asked()], []
    for number in range(16):
        entries += step(number)
        texts.append(said(held, entries))
        assert held.tokens(held.messages(entries)) <= FULL * ROOM
        assert f"<{number}>\n{LONG}" in texts[-1]
    assert "[Folded to save room: 81 lines of output." in texts[-1]
    assert "<0>" not in texts[-1]
    assert "MY WORDS" in texts[-1]
    assert all(f"print {number}" in texts[-1] for number in range(16))
    grew = [now.startswith(before) for before, now in pairwise(texts)]
    assert 1 <= grew.count(False) <= 4


def test_then_whole_steps_are_left_out() -> None:
    held, entries = window(), [asked(), *step(0, "short\n")]
    for number in range(1, 30):
        entries += step(number, "short\n", text="I say much. " * 80)
    entries += [Said("", "There."), asked("MORE WORDS", first=False), *step(30)]
    text = said(held, entries)
    assert "left out to save room" in text
    assert "* bash: print 1" in text
    assert "MY WORDS" in text
    assert "MORE WORDS" in text
    assert f"<30>\n{LONG}" in text
    assert held.tokens(held.messages(entries)) <= FULL * ROOM


def test_a_request_that_fills_the_room_is_a_limit() -> None:
    with pytest.raises(LimitError, match="alone fill"):
        window().messages([asked("x" * 4 * ROOM)])


def test_the_servers_count_is_believed() -> None:
    entries: list[Entry] = [asked(), *[each for number in range(7) for each in step(number)]]
    thrifty, costly = window(), window()
    messages = thrifty.messages(entries)
    assert "Folded" not in messages[3].text
    thrifty.count(messages, 2_000)
    costly.count(messages, 9_000)
    assert "Folded" not in said(thrifty, entries)
    assert "Folded" in said(costly, entries)


def test_another_conversation_begins_whole() -> None:
    held = window()
    assert "Folded" in said(held, [asked(), *[each for number in range(14) for each in step(number)]])
    assert "Folded" not in said(held, [asked("OTHER"), *step(1), *step(2)])


@pytest.mark.parametrize("seed", range(20))
def test_any_conversation_is_told_in_the_order_that_servers_take(seed: int) -> None:
    dice = random.Random(seed)
    held, entries = window(), [asked()]
    for number in range(dice.randrange(60)):
        kind = dice.random()
        if kind < 0.7:
            entries += step(number, LONG * dice.randrange(3), dice.choice(("", "So. " * 50)))
        elif kind < 0.8:
            entries.append(Said("", "", ToolCall("bash", "stopped")))
        elif kind < 0.9:
            entries.append(Said("thought", ""))
        entries += [asked(f"request {number}", first=False)] if kind > 0.65 else []
        text = said(held, entries)
        assert "MY WORDS" in text
        if isinstance(entries[-1], Answered):
            assert f"<{number}>" in text


def test_both_ends_of_a_long_output_are_shown_and_where_the_rest_is() -> None:
    wording = Wording(Prompts(), LimitSettings(), command_seconds=120, guidance=str, most=100, keeps=True)
    text = wording.cut("BEGIN" + "é" * 5_000 + "END", "")
    assert text.startswith("BEGIN")
    assert text.endswith("END")
    assert "[… 4908 characters left out …]" in text
    assert wording.cut("as it is", "/tmp/x") == "as it is"
    assert "; /tmp/x has all of it" in wording.cut("x" * 101, "/tmp/x")


def test_what_is_shown_in_part_is_kept_but_nothing_imagined() -> None:
    wording = Wording(Prompts(), LimitSettings(), command_seconds=120, guidance=str, most=100, keeps=True)
    long, short = step(1)[1], step(2, "short")[1]
    assert isinstance(long, Answered)
    dream = structs.replace(long, imagined=True)
    note = Note("ran", "ls", "x" * 101, 7)
    entries = [Asked("go", first=True, notes=(note,)), long, short, dream]
    assert wording.shown_in_part(entries, 0) == [long, note]
    assert wording.shown_in_part(entries, 3) == [long, short, note]
    text = "\n".join(each.text for each in wording.messages(entries))
    assert "/tmp/cwm-agent-output-1.txt has all of it" in text
    assert "/tmp/cwm-agent-output-7.txt has all of it" in text
