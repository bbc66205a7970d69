"""A conversation that outgrows its room: folded, summed up, and the user's own words kept."""

from __future__ import annotations

import re

import pytest

from cwm_agent.events import Compact, Noticed, Progressed, Rested
from cwm_agent.policies.cwm.conversation import Conversation
from cwm_agent.policies.cwm.policy import CwmPolicy
from cwm_agent.settings import LimitSettings
from tests.unit.core.stage import Stage, opened
from tests.unit.policies.chat_model import ChatModel, Script, call, says

ROOM = 16_000
LONG = "one line of output\n" * 100


def staged(*replies: Script, tokens: int = ROOM) -> tuple[Stage, ChatModel]:
    model = ChatModel(*replies, context_tokens=tokens)
    limits = LimitSettings(tokens=tokens)
    policy = CwmPolicy(model, limits)
    stage = Stage(policy=policy, limits=limits, more={"compacting": policy})
    for number in range(40):
        stage.answer(f"print {number}", f"<{number}>\n{LONG}")
    return stage, model


async def test_old_outputs_are_folded_first() -> None:
    stage, model = staged(*[call("bash", f"print {number}") for number in range(10)], says("Read."))
    async with opened(stage):
        assert await stage.tell("read it all, MY WORDS") == Rested("answered")
    last = model.spelt()
    assert "[Folded to save room: 101 lines of output." in last
    assert "<0>" not in last
    assert f"<9>\n{LONG}" in last
    assert "MY WORDS" in last
    assert all(f"\nprint {number}\n</tool>" in last for number in range(10))
    assert all(len(prompt) <= 0.76 * ROOM for prompt in model.prompts)
    assert not any("replaced by a summary" in model.spelt(at) for at in range(len(model.prompts)))


async def test_after_folding_the_stream_grows_again() -> None:
    stage, model = staged(*[call("bash", f"print {number}") for number in range(12)], says("Read."))
    async with opened(stage):
        await stage.tell("read it all")
    grown = [
        now[: len(before) + len(wrote)] == before + wrote
        for before, wrote, now in zip(model.prompts, model.wrote, model.prompts[1:], strict=False)
    ]
    assert 1 <= grown.count(False) <= 3


def thinks(number: int) -> str:
    return call("bash", "true", thought=f"thought {number} " + "and so on, " * 900)


@pytest.mark.parametrize("summary", [says("I found THE CAUSE in a.py."), "no end of thought", says("")])
async def test_what_cannot_be_folded_is_summed_up(summary: str) -> None:
    stage, model = staged(*map(thinks, range(5)), summary, thinks(5), says("There."))
    stage.answer("true", "")
    async with opened(stage):
        assert await stage.tell("think, MY WORDS") == Rested("answered")
        assert [each.label for each in stage.all(Progressed) if each.label == "summing up"]
    last = model.spelt(6)
    assert "replaced by a summary" in model.spelt(5)
    assert "replaced by a summary" not in last
    assert "thought 0" not in last
    assert "thought 4" in last
    assert "MY WORDS" in last
    assert ("I found THE CAUSE in a.py." in last) == ("CAUSE" in summary)
    assert ("* bash: true" in last) == ("CAUSE" not in summary)
    assert last.startswith("<|begin_of_text|><|start_header_id|>system<|end_header_id|>")


async def test_the_next_requests_come_with_all_that_the_user_said() -> None:
    stage, model = staged(*map(thinks, range(5)), says("Summed."), says("One."), says("Two."))
    stage.answer("true", "")
    async with opened(stage):
        await stage.tell("FIRST WORDS")
        await stage.tell("SECOND WORDS")
    assert "FIRST WORDS" in model.spelt()
    assert "SECOND WORDS" in model.spelt()
    assert "Summed." in model.spelt()


async def test_the_user_can_have_it_made_shorter_before_it_is_full() -> None:
    scripts = [*[call("bash", f"print {number}") for number in range(3)], says("Read."), says("I FOUND IT in a.py.")]
    stage, model = staged(*scripts, says("There."), tokens=60_000)
    async with opened(stage):
        await stage.tell("read it all, MY WORDS", Compact(), "and now?")
        told = stage.last(Noticed).text
    after, before = (int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", told))
    last = model.spelt()
    assert after < before * 0.7, "the rules and what the user said stay"
    assert "I FOUND IT in a.py." in last
    assert "MY WORDS" in last
    assert "<0>" not in last
    assert "and now?" in last


async def test_a_request_that_fills_the_context_is_a_limit() -> None:
    stage, _ = staged(says("never"))
    async with opened(stage):
        rested = await stage.tell("x" * ROOM)
        assert rested is not None
        assert rested.status == "limit"
        assert "alone fill" in rested.message


async def test_an_output_without_end_is_cut_in_its_middle() -> None:
    stage, model = staged(call("bash", "flood"), says("Much."))
    stage.answer("flood", "BEGIN" + "é\n" * 40_000 + "END")
    async with opened(stage):
        assert await stage.tell("flood it") == Rested("answered")
    last = model.spelt()
    assert "<output>\nBEGINé" in last
    assert "END\n</output>\n\n<budget>" in last
    assert "characters left out" in last
    assert len(model.prompts[1]) - len(model.prompts[0]) < ROOM / 3


async def test_a_reply_that_does_not_end_is_left_out_and_said() -> None:
    stage, model = staged("…", says("Sorry."))
    async with opened(stage):
        assert await stage.tell("go") == Rested("answered")
    assert "FormatError: your reply was longer" in model.spelt()
    assert "…" not in model.spelt()
    assert len(model.prompts[0]) + model.samplings[0].max_tokens == ROOM


async def test_replies_that_broke_the_format_go_where_they_leave_no_room() -> None:
    stage, model = staged("x" * 25_000, "y" * 32_000, says("Short."))
    async with opened(stage):
        assert await stage.tell("go") == Rested("answered")
    assert "xxx" not in model.spelt()


async def test_lone_surrogates_are_no_fault() -> None:
    model = ChatModel(call("bash", "print"), says("ok"))
    stage = Stage(policy=CwmPolicy(model, LimitSettings()))
    stage.answer("print", "a\udcffb")
    async with opened(stage):
        assert await stage.tell("x\ud800y") == Rested("answered")


def test_a_conversation_begins_empty() -> None:
    policy = CwmPolicy(ChatModel(), LimitSettings())
    assert isinstance(policy._conversation, Conversation)
    assert len(policy._conversation) == 0
