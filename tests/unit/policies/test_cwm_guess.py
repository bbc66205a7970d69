"""Outputs that are guessed: the model goes on in the role of the tool, behind the very ids that it wrote."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_agent.events import (
    ActionBegan,
    ActionEnded,
    ActionProposed,
    AgentEvent,
    PromptAccepted,
    SessionOpened,
    TextWritten,
    ThoughtWritten,
)
from cwm_agent.models.chat_format.output import OutputReader
from cwm_agent.observations import (
    Completed,
    Finished,
    LimitReached,
    Limits,
    Mode,
    Origin,
    Outcome,
    OutputWritten,
    Unreadable,
)
from cwm_agent.policies.cwm.policy import CwmPolicy
from cwm_agent.protocols import Act, Guesser
from cwm_agent.settings import LimitSettings
from cwm_agent.traces.grammar import Special
from tests.unit.policies.chat_model import ChatModel, Script, call

OPENED = SessionOpened("s", "/r", None, "cwm", Mode.IMAGINED, "chatty", "0")


async def decided(policy: CwmPolicy, history: list[AgentEvent]) -> Act:
    """The policy's next action; what it says goes into the history."""
    async for event in policy.decide(tuple(history)):
        if isinstance(event, ThoughtWritten | TextWritten):
            history.append(event)
        elif isinstance(event, Act):
            return event
    raise AssertionError("no action")


async def guessed(policy: CwmPolicy, history: Sequence[AgentEvent], act: Act, limits: Limits) -> tuple[str, Outcome]:
    text = ""
    async for event in policy.guess(tuple(history), act.call, limits):
        if isinstance(event, OutputWritten):
            text += event.text
        elif isinstance(event, Finished):
            return text, event.outcome
    raise AssertionError("no end")


async def one(*script: Script, limits: Limits | None = None, **more: float) -> tuple[ChatModel, str, Outcome]:
    """One command, and the guess at its output."""
    tokens = int(more.pop("guess_tokens", 8192))
    model = ChatModel(call("bash", "ls", text="I look."), *script, **more)  # type: ignore[arg-type]
    policy = CwmPolicy(model, LimitSettings(), guess_tokens=tokens)
    history: list[AgentEvent] = [OPENED, PromptAccepted("fix it")]
    act = await decided(policy, history)
    history += [ActionProposed(1, act.call), ActionBegan(1, Origin.IMAGINED, guessed=True)]
    text, outcome = await guessed(policy, history, act, limits or Limits())
    return model, text, outcome


async def test_the_model_goes_on_behind_its_own_ids_in_the_role_of_the_tool() -> None:
    model, text, outcome = await one("a.py\nb.py\n</output>\n\n<budget>ignored")
    assert (text, outcome) == ("a.py\nb.py\n", Completed(0))
    assert model.grew()
    header = "<|start_header_id|>tool: bash<|end_header_id|>\n\n<output>\n"
    assert model.spelt().endswith(f"</tool><|eot_id|>{header}")
    assert (model.samplings[-1].temperature, model.samplings[0].temperature) == (0.0, 1.0)


async def test_the_end_of_the_turn_is_the_end_of_the_output() -> None:
    _, text, outcome = await one("a.py\n</outp")
    assert (text, outcome) == ("a.py\n</outp", Completed(0))


async def test_a_separator_is_no_output() -> None:
    _, text, outcome = await one(["a.py\n", Special.HEADER, "user"])
    assert text == "a.py\n"
    assert isinstance(outcome, Unreadable)
    assert outcome.raw == "a.py\n"


async def test_an_output_without_an_end_is_cut() -> None:
    _, text, outcome = await one("…", guess_tokens=20)
    assert isinstance(outcome, LimitReached)
    assert (outcome.which, len(text)) == ("tokens", 100)
    _, _, outcome = await one("…", limits=Limits(seconds=0.1), delay=0.02)
    assert isinstance(outcome, LimitReached)
    assert outcome.which == "time"


async def test_the_conversation_goes_on_with_what_was_guessed_marked_as_that() -> None:
    model = ChatModel(call("bash", "ls"), "a.py\n</output>", call("bash", "cat a.py"))
    policy = CwmPolicy(model, LimitSettings())
    history: list[AgentEvent] = [OPENED, PromptAccepted("fix it")]
    act = await decided(policy, history)
    history += [ActionProposed(1, act.call), ActionBegan(1, Origin.IMAGINED, guessed=True)]
    text, outcome = await guessed(policy, history, act, Limits())
    history.append(ActionEnded(1, Origin.IMAGINED, outcome, text, 0.1))
    assert (await decided(policy, history)).call.content == "cat a.py"
    spelt = model.spelt()
    assert "the weakest kind of prediction" in spelt
    assert spelt.count("<output>\n[IMAGINED") == 1
    assert "a.py\n</output>" in spelt
    first, _, third = model.prompts
    assert third[: len(first) + len(model.wrote[0])] == first + model.wrote[0]


async def test_a_draft_is_told_as_one() -> None:
    model = ChatModel(call("bash", "ls"), call("bash", "ls"))
    policy = CwmPolicy(model, LimitSettings())
    history: list[AgentEvent] = [OPENED, PromptAccepted("fix it")]
    act = await decided(policy, history)
    history += [ActionProposed(1, act.call, draft=True), ActionBegan(1, Origin.IMAGINED)]
    history.append(ActionEnded(1, Origin.IMAGINED, Completed(0), "f(1): imagined, returns 3\n", 0.1))
    await decided(policy, history)
    assert "send the same call again" in model.spelt()


def test_the_policy_can_guess() -> None:
    assert isinstance(CwmPolicy(ChatModel(), LimitSettings()), Guesser)


@given(st.text(alphabet="<>/outp\nab", max_size=40), st.integers(1, 5), st.booleans())
def test_an_output_is_read_the_same_however_it_comes(text: str, size: int, closed: bool) -> None:
    whole = text + "</output>" if closed else text
    reader = OutputReader()
    found = "".join(reader.feed(whole[at : at + size]) for at in range(0, len(whole), size))
    found += reader.close()
    assert found == whole.partition("</output>")[0]
    assert reader.over == ("</output>" in whole)


@pytest.mark.parametrize("after", [0, 3])
async def test_closing_early_stops_the_model(after: int) -> None:
    model = ChatModel(call("bash", "ls"), "…", delay=0.0)
    policy = CwmPolicy(model, LimitSettings())
    history: list[AgentEvent] = [OPENED, PromptAccepted("fix it")]
    act = await decided(policy, history)
    history.append(ActionProposed(1, act.call))
    events = policy.guess(tuple(history), act.call, Limits())
    for _ in range(after):
        await anext(events)
    await events.aclose()
    wrote = len(model.wrote[-1])
    await asyncio.sleep(0.02)
    assert len(model.wrote[-1]) == wrote
