"""A model that calls tools, at the wheel of a session: whole conversations, and what is made of bad replies."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from cwm_agent.errors import LimitError, ModelUnavailable, UsageError
from cwm_agent.events import (
    ActionEnded,
    ActionProposed,
    AgentEvent,
    HunksDeclined,
    PatchProposed,
    Progressed,
    PromptAccepted,
    Rested,
    Rewind,
    RunInSandbox,
    TextWritten,
    ThoughtWritten,
    ToolCall,
)
from cwm_agent.models.chat_messages import Ended, Text, Thought
from cwm_agent.observations import Completed, Mode, Origin
from cwm_agent.policies.chat.policy import ChatPolicy
from cwm_agent.protocols import Act, Chat, FinalAnswer, Policy
from cwm_agent.settings import LimitSettings
from tests.unit.core.stage import Stage, opened
from tests.unit.policies.chat_double import Script, ScriptedChat, bash, calls, says

DIFF = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"
EDIT = calls(("edit", {"path": "a.py", "search": "x = 1", "replace": "x = 2"}))
WRITE = "git diff > /tmp/patch.diff"
FIX = (
    bash("pytest -q", text="I run the tests."),
    EDIT,
    bash("pytest -q"),
    bash(WRITE),
    calls(("submit", {"path": "/tmp/patch.diff"})),
    says("x was 1; it is 2 now, ", "and the tests pass."),
)
BAD: dict[str, Script] = {
    "no JSON": calls(("bash", '{"command": "ls')),
    "no object": calls(("bash", '["ls"]')),
    "no arguments": calls(("bash", "")),
    "a missing argument": calls(("edit", {"path": "a.py", "search": "x = 1"})),
    "an argument of another kind": calls(("bash", {"command": 7})),
    "an argument that the tool does not have": calls(("bash", {"command": "ls", "cwd": "/"})),
    "no such tool": calls(("python", {"code": "1"})),
    "a name that is none": calls(("", {})),
    "a path of two lines": calls(("create", {"path": "a\nb", "content": ""})),
    "no path": calls(("submit", {"path": " "})),
    "a mark of the tool": calls(("edit", {"path": "a.py", "search": "=======\n", "replace": ""})),
    "two of which the first is bad": calls(("bash", "{"), ("bash", {"command": "ls"})),
    "nothing": [Thought("hm"), Ended(how="complete")],
    "blanks": says("\n\n "),
    "cut off": [Text("I will now"), Ended(how="cut_off")],
}


def staged(*replies: Script, limits: LimitSettings | None = None, **more: Any) -> tuple[Stage, ScriptedChat]:
    known = ("context_tokens", "counts")
    model = ScriptedChat(*replies, **{key: more.pop(key) for key in known if key in more})
    limits = limits or LimitSettings()
    stage = Stage(policy=ChatPolicy(model, limits), limits=limits, **more)
    passes = "3 passed in 0.10s\n"
    stage.answer("pytest -q", "FAILED t.py::t\n1 failed in 0.1s\n", effect=lambda: stage.answer("pytest -q", passes))
    stage.writes(WRITE, "/tmp/patch.diff", DIFF)
    return stage, model


async def test_it_satisfies_the_seam() -> None:
    model: Chat = ScriptedChat()
    policy: Policy = ChatPolicy(model, LimitSettings())
    assert policy.name == "chat"
    await policy.aclose()
    assert not model.closed  # type: ignore[attr-defined]


async def test_a_bug_is_fixed() -> None:
    stage, model = staged(*FIX)
    async with opened(stage):
        assert await stage.tell("test_x fails, please fix it") == Rested("fixed")
        assert stage.last(PatchProposed).verified
        assert [each.call.tool for each in stage.all(ActionProposed)] == ["bash", "edit", "bash", "bash", "submit"]
        assert stage.all(ActionProposed)[1].call == ToolCall(
            "edit", "a.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE"
        )
        assert "".join(each.text for each in stage.all(TextWritten)) == (
            "I run the tests.x was 1; it is 2 now, and the tests pass."
        )
        assert stage.all(ThoughtWritten)
        progress = stage.last(Progressed)
        assert (progress.label, progress.unit, progress.total) == ("context", "tokens", 100_000)
        assert "60 written" in progress.note
    for before, now in zip(model.asked, model.asked[1:], strict=False):
        assert now[: len(before)] == before, "what was told stays told, word by word"
    rules, request, *steps = model.asked[-1]
    assert "IMAGINED" in rules.text
    assert "<tool:" not in rules.text
    assert "test_x fails, please fix it" in request.text
    assert [each.role for each in steps] == ["assistant", "tool"] * 5
    assert (steps[0].text, steps[0].wishes[0].tool) == ("I run the tests.", "bash")
    assert steps[1].text == "FAILED t.py::t\n1 failed in 0.1s\n"
    assert json.loads(steps[2].wishes[0].arguments) == {"path": "a.py", "search": "x = 1\n", "replace": "x = 2\n"}
    assert "Before you answer:" in steps[-1].text
    assert "So." not in "".join(each.text for each in model.asked[-1])


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("at", [0, 3, 5])
async def test_a_bad_reply_is_answered_and_nothing_of_it_is_done(kind: str, at: int) -> None:
    stage, model = staged(*FIX[:at], BAD[kind], *FIX[at:])
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("fixed")
        assert len(stage.all(ActionProposed)) == 5
    told = model.asked[at + 1][-1]
    if kind in ("nothing", "blanks"):
        assert told.text.endswith("Your reply was empty. Call a tool, or give your final answer to the user.")
    elif kind == "cut off":
        assert "longer than there is room for" in told.text
    else:
        assert told.role == "tool"
        assert "not carried out" in told.text
    if at < 5:
        assert len(model.asked[-1]) == 12, "what was put right is no part of the conversation"


async def test_what_could_not_be_read_is_quoted() -> None:
    stage, model = staged(BAD["no JSON"], says("Well."))
    async with opened(stage):
        await stage.tell("go")
    wish = model.asked[1][-2].wishes[0]
    assert json.loads(wish.arguments) == {"unreadable": '{"command": "ls'}
    assert "This call was not carried out: its arguments cannot be read (" in model.asked[1][-1].text


@pytest.mark.parametrize("kind", BAD)
async def test_three_bad_replies_in_a_row_are_the_end(kind: str) -> None:
    stage, model = staged(FIX[0], *[BAD[kind]] * 3)
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("no_patch")
        assert "3 times in a row" in stage.last(TextWritten).text
        assert len([each for each in stage.all(Progressed) if each.unit == "replies"]) == 3
    assert len(model.asked) == 4


async def test_a_reply_that_is_withheld_is_the_end() -> None:
    stage, _ = staged([Ended(how="withheld")])
    async with opened(stage):
        assert await stage.tell("go") == Rested("no_patch")
        assert "withheld" in stage.last(TextWritten).text


def commands(stage: Stage) -> list[str]:
    return [each.call.content for each in stage.all(ActionProposed)]


SEVERAL = calls(*(("bash", {"command": each}) for each in ("one", "two", "three")), text="All of it.")


async def test_calls_of_one_reply_are_carried_out_in_order() -> None:
    stage, model = staged(SEVERAL, says("Done."))
    for each in ("one", "two", "three"):
        stage.answer(each, f"<{each}>\n")
    async with opened(stage):
        assert await stage.tell("go") == Rested("answered")
        assert commands(stage) == ["one", "two", "three"]
    assert len(model.asked) == 2
    assert [each.text for each in model.asked[1][2:]] == [
        "All of it.", "<one>\n", "", "<two>\n", "", "<three>\n"
    ]  # fmt: skip


@pytest.mark.parametrize("at", [0, 1])
async def test_one_that_fails_is_the_last_of_them(at: int) -> None:
    stage, model = staged(SEVERAL, bash("four"), says("Done."))
    for number, each in enumerate(("one", "two", "three", "four")):
        stage.answer(each, f"<{each}>\n", outcome=Completed(int(number == at)))
    async with opened(stage):
        assert await stage.tell("go") == Rested("answered")
        assert commands(stage) == [*("one", "two", "three")[: at + 1], "four"]
    assert "three" not in model.text(1)


async def test_a_bad_call_behind_good_ones_is_left_out() -> None:
    stage, model = staged(calls(("bash", {"command": "one"}), ("bash", "{"), ("bash", {"command": "no"})), says("Ok."))
    stage.answer("one", "<one>\n")
    async with opened(stage):
        assert await stage.tell("go") == Rested("answered")
        assert commands(stage) == ["one"]
    assert len(model.asked) == 2


async def test_the_next_call_waits_where_something_else_happened() -> None:
    model = ScriptedChat(SEVERAL, says("I see."))
    policy = ChatPolicy(model, LimitSettings())
    history: list[AgentEvent] = [PromptAccepted("go")]
    first = [event async for event in policy.decide(history)]
    assert first[-1] == Act(ToolCall("bash", "one"))
    ended = ActionEnded(1, Origin.REAL, Completed(0), "ok", 0.1)
    history = [*history, ActionProposed(1, first[-1].call), ended]  # type: ignore[union-attr]
    assert [event async for event in policy.decide(history)] == [Act(ToolCall("bash", "two"))]
    history = [*history, ActionProposed(2, ToolCall("bash", "two")), ended, HunksDeclined("Not so.")]
    assert (await _last(policy, history)) == FinalAnswer("I see.")
    assert "[The user reviewed the patch. Not so.]" in model.text()


async def _last(policy: ChatPolicy, history: list[AgentEvent]) -> object:
    return [event async for event in policy.decide(history)][-1]


async def test_a_question_is_answered_without_a_tool() -> None:
    stage, model = staged(says("\n\nIt is 1.\n"), says("As I said."))
    async with opened(stage):
        assert await stage.tell("What is x?") == Rested("answered")
        assert await stage.tell("Really?") == Rested("answered")
        assert "".join(each.text for each in stage.all(TextWritten)) == "It is 1.As I said."
    assert [each.text for each in model.asked[1][2:]] == ["It is 1.", "Really?"]


async def test_an_imagined_answer_wears_its_mark() -> None:
    stage, model = staged(bash("pytest -q"), says("It may pass."), imagined={"pytest -q": "1 passed in 0.1s\n"})
    async with opened(stage):
        await stage.session.send(_mode(Mode.IMAGINED))
        await stage.tell("does it pass?")
    assert model.asked[1][-1].text.startswith("[IMAGINED: nothing was run.")


def _mode(mode: Mode) -> Any:
    from cwm_agent.events import SetMode

    return SetMode(mode)


async def test_commands_of_the_user_and_a_rewind_are_told() -> None:
    stage, model = staged(*FIX, says("Yes."))
    stage.answer("ls", "a.py\n")
    async with opened(stage):
        await stage.tell("fix it")
        await stage.tell(Rewind(0), RunInSandbox("ls"), "is it back?")
    assert "fix it" not in model.text()
    assert "[The user went back to an earlier state" in model.text()
    assert "[The user ran a command in the sandbox: ls]\na.py" in model.text()


async def test_a_resumed_session_goes_on_with_the_same_words() -> None:
    stage, model = staged(*FIX)
    async with opened(stage):
        await stage.tell("fix it")
        recorded = list(stage.session.history)
    again, later = staged(says("As before."), recorded=recorded)
    async with opened(again):
        await again.tell("and?")
    assert later.asked[0][: len(model.asked[-1])] == model.asked[-1]
    assert later.asked[0][-2].text == "x was 1; it is 2 now, and the tests pass."


async def test_a_session_of_another_policy_is_understood() -> None:
    recorded: list[AgentEvent] = [
        PromptAccepted("fix it"),
        ActionProposed(1, ToolCall("edit", "no edit at all")),
        ActionEnded(1, Origin.REAL, Completed(2), "An edit is written like this", 0.1),
        ActionProposed(2, ToolCall("dance", "now")),
        ActionEnded(2, Origin.REAL, Completed(2), "There is no tool", 0.1),
        ActionProposed(3, ToolCall("bash", "x\ud800")),
        Rested("interrupted"),
        PromptAccepted("and \udcff now?"),
    ]
    model = ScriptedChat(says("Now."))
    assert await _last(ChatPolicy(model, LimitSettings()), recorded) == FinalAnswer("Now.")
    assert json.dumps([each.text for each in model.asked[0]], ensure_ascii=False).encode()


async def test_what_was_stopped_is_told_and_not_repeated() -> None:
    slow = asyncio.Event()

    class Slow(ScriptedChat):
        async def reply(self, messages: Any, offers: Any) -> Any:
            if len(self.asked) == 0:
                self.asked.append(list(messages))
                yield Text("I begin")
                slow.set()
                await asyncio.sleep(60)
            async for piece in super().reply(messages, offers):
                yield piece

    model = Slow(says("Here."))
    stage = Stage(policy=ChatPolicy(model, LimitSettings()))
    async with opened(stage):
        from cwm_agent.events import Interrupt, SubmitPrompt

        await stage.session.send(SubmitPrompt("go"))
        await slow.wait()
        await stage.session.send(Interrupt())
        assert (await stage.session.idle()) == Rested("interrupted")
        assert await stage.tell("and now?") == Rested("answered")
    assert "I begin" not in model.text()
    assert "[Your work on the last request was stopped: interrupted]\nand now?" in model.text()


async def test_a_server_that_is_gone_ends_the_request_and_not_the_session() -> None:
    stage, model = staged(FIX[0], ModelUnavailable("It is gone."), says("Here again."))
    async with opened(stage):
        assert await stage.tell("go") == Rested("error", "It is gone.")
        assert await stage.tell("again") == Rested("answered")
    assert model.text().count("1 failed in 0.1s") == 1


async def test_a_conversation_that_is_too_long_for_the_server_is_folded_and_sent_again() -> None:
    long = "one line\n" * 2_000
    stage, model = staged(bash("a"), bash("b"), bash("c"), LimitError("too long"), says("There."), counts=100)
    for each in "abc":
        stage.answer(each, long)
    async with opened(stage):
        assert await stage.tell("read it") == Rested("answered")
    assert "[Folded to save room" in model.text()
    assert len(model.text()) < len(model.text(3))


async def test_one_that_is_still_too_long_is_a_limit() -> None:
    stage, _ = staged(LimitError("too long"), LimitError("too long"), says("never"))
    async with opened(stage):
        rested = await stage.tell("go")
        assert rested is not None
        assert rested.status == "limit"


@pytest.mark.parametrize("text", ["no list", '[{"name": 1}]'])
def test_tools_of_the_users_that_are_none_are_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "chat_tools.json.j2").write_text(text)
    with pytest.raises(UsageError, match="chat_tools"):
        ChatPolicy(ScriptedChat(), LimitSettings(), prompts=tmp_path)


async def test_the_last_turns_are_counted() -> None:
    stage, model = staged(bash("ls"), bash("ls"), says("Hm."), limits=LimitSettings(turns=12))
    stage.answer("ls", "a.py\n")
    async with opened(stage):
        await stage.tell("go")
    first, second = (each.text for each in model.asked[-1] if each.role == "tool")
    assert (first, second) == ("a.py\n", "a.py\n[10 tool calls are left for this request.]\n")
