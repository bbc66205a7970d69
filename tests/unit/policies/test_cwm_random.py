"""Random conversations: each prompt is the one before, the reply as it was written, and more, id by id."""

from __future__ import annotations

import random

import pytest

from cwm_agent.events import ActionEnded, ActionProposed, HunksDeclined, Noticed, PromptAccepted, Rested, RunInSandbox
from cwm_agent.observations import Completed, Origin
from cwm_agent.policies.cwm.policy import CwmPolicy
from cwm_agent.protocols import Act, FinalAnswer
from cwm_agent.settings import LimitSettings
from cwm_agent.testing import Answer
from cwm_agent.traces.grammar import Special
from tests.unit.core.stage import Stage, opened
from tests.unit.policies.chat_model import ChatModel, Script, call, says

NASTY = ("<|eot_id|>", "<|frame_sep|>", "</output>", "é\u2028", "{{ x }}", "<tool: bash>", "\ud800", "\x1b[31m", "")
COMMANDS = ("pytest -q", "ls", "cat a.py", "nasty")
BROKEN = ("hm", "a\n</think>\n", "a\n</think>\n<tool: bash>\nls", "a</think>b</think>", call("nope", "x"))


def turn(dice: random.Random) -> list[Script]:
    """Replies of one request: calls, each after at most two broken ones, and an answer."""
    found: list[Script] = []
    for _ in range(dice.randrange(5)):
        found += dice.sample(BROKEN, dice.choice((0, 0, 1, 2)))
        text = dice.choice(("", "I look.", "One.\n\nTwo.  "))
        edit = "a.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE"
        made = (("bash", dice.choice(COMMANDS)), ("edit", edit), ("create", "new/f.py\nx"), ("submit", "/tmp/none"))
        found.append(call(*dice.choice(made), thought=dice.choice(NASTY).replace("\ud800", "") + "t", text=text))
    return [*found, *dice.sample(BROKEN, dice.choice((0, 1))), says(dice.choice(("Done.", "Two\n\nparagraphs.\n")))]


@pytest.mark.parametrize("seed", range(25))
async def test_the_stream_only_grows(seed: int) -> None:
    dice = random.Random(seed)
    turns = [turn(dice) for _ in range(3)]
    model = ChatModel(*[reply for each in turns for reply in each], size=dice.randrange(1, 9))
    stage = Stage(policy=CwmPolicy(model, LimitSettings()))
    stage.world.script["nasty"] = Answer(tuple(dice.choices(NASTY, k=3)), notice=dice.choice(NASTY))
    async with opened(stage):
        for number in range(3):
            if dice.random() < 0.5:
                await stage.tell(RunInSandbox(dice.choice(COMMANDS)))
            await stage.tell(f"request {number} {dice.choice(NASTY)}")
            assert stage.last(Rested).status in ("answered", "proposed", "fixed")
    assert len(model.prompts) == sum(map(len, turns))
    assert model.grew()
    ids = model.prompts[-1]
    heads, ends = (ids.count(model.vocabulary.id(each)) for each in (Special.HEADER, Special.END_OF_TURN))
    assert heads == ends + 1 > 2 * len(model.prompts)


async def test_what_happens_while_the_model_writes_belongs_to_its_next_message() -> None:
    model = ChatModel(call("bash", "ls"), says("Well."))
    policy = CwmPolicy(model, LimitSettings())
    history = [PromptAccepted("go"), Noticed("info", "x")]
    first = [event async for event in policy.decide(history)]
    assert isinstance(first[-1], Act)
    late = HunksDeclined("I do not want this.")
    ended = ActionEnded(1, Origin.REAL, Completed(0), "out", 0.1)
    history = [*history, late, *first[:-2], ActionProposed(1, first[-1].call), ended]
    second = [event async for event in policy.decide(history)]
    assert isinstance(second[-1], FinalAnswer)
    assert model.grew()
    assert "<output>\nout\n[The user reviewed the patch. I do not want this.]\n</output>" in model.spelt()


async def test_any_reply_ends_in_one_decision() -> None:
    dice = random.Random(3)
    scraps = [*NASTY[:5], *BROKEN, "</think>", "\n", "<tool: bash>\n", "\n</tool>", "ls", Special.FRAME, Special.PAD]
    decisions = set()
    for _ in range(300):
        replies: list[Script] = [dice.choices(scraps, k=dice.randrange(9)) for _ in range(3)]
        policy = CwmPolicy(ChatModel(*replies, size=3), LimitSettings())
        events = [event async for event in policy.decide([PromptAccepted("go")])]
        last = events[-1]
        assert isinstance(last, Act | FinalAnswer)
        assert not any(isinstance(event, Act | FinalAnswer) for event in events[:-1])
        assert not isinstance(last, Act) or last.call.tool == "bash"
        decisions.add(last.status if isinstance(last, FinalAnswer) else "act")
    assert decisions == {"act", "done", "gave_up"}
