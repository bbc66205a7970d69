"""What the model is told of its own claims that nothing proves, and where it finds what it is shown in part."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from cwm_agent.errors import ContainerDied
from cwm_agent.events import ClaimChecked, Rested, Rewind, RunInSandbox, SetMode, SubmitPrompt, TextWritten
from cwm_agent.observations import Mode
from cwm_agent.policies.conversation.keeping import Keeping, address
from cwm_agent.policies.cwm.policy import CwmPolicy
from cwm_agent.protocols import Sampling, Token
from cwm_agent.settings import LimitSettings
from cwm_agent.testing import MemoryFiles, tree
from cwm_agent.tools.call import sound
from cwm_agent.workspace.changes import REGULAR, Entry
from tests.unit.core.stage import TREE, Stage, opened
from tests.unit.policies.chat_model import ChatModel, Script, call, says
from tests.unit.policies.test_cwm import EDIT, FIX

ROOM = 16_000
LONG = "one line of output\n" * 100


class Summing(ChatModel):
    """Answers a question for a summary with one, whenever it comes: SUMMARY 1, SUMMARY 2, ..."""

    count = 0

    async def complete(self, prompt_ids: Sequence[int], sampling: Sampling) -> AsyncIterator[Token]:
        self.prompts.append(tuple(prompt_ids))
        wanted = "replaced by a summary" in self.spelt()
        self.prompts.pop()
        if wanted:
            self.count += 1
            self._replies.insert(0, says(f"SUMMARY {self.count}"))
        async for token in super().complete(prompt_ids, sampling):
            yield token


def staged(
    *replies: Script, tokens: int = 131_072, guidance: str = "", model: ChatModel | None = None
) -> tuple[Stage, ChatModel]:
    """A session whose model has the sandbox's files."""
    model = model or ChatModel(*replies, context_tokens=tokens)
    limits = LimitSettings(tokens=tokens)
    stage = Stage(limits=limits)
    policy = CwmPolicy(model, limits, files=stage.files, guidance=lambda: guidance)
    staged = Stage(policy=policy, limits=limits, more={"files": stage.files})
    staged.files = stage.files
    for number in range(40):
        staged.answer(f"print {number}", f"<{number}>\n{LONG}")
    return staged, model


async def test_the_next_prompt_says_what_was_claimed_and_what_ran() -> None:
    stage, model = staged(call("edit", EDIT), says("All tests pass."), says("I ran no test."), says("Yes."))
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("proposed")
        await stage.tell("thanks")
    told = (
        '[CLAIMED, and shown to the user with that mark: you said "All tests pass.", '
        "but no test ran since the last edit.]\nYour answer has reached the user, with that mark. "
    )
    assert f"<|start_header_id|>user<|end_header_id|>\n\n{told}" in model.spelt(2)
    assert model.spelt(3).count("[CLAIMED") == 1
    assert "All tests pass." in model.spelt(3), "what it said stays in its own words"
    assert model.grew()


async def test_the_correction_can_lead_to_a_real_run() -> None:
    stage, model = staged(
        call("edit", EDIT), says("All tests pass."), call("bash", "pytest -q"), says("The tests pass.")
    )
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("fixed")
        assert [each.stands for each in stage.all(ClaimChecked)] == [False, True]
    assert model.grew()


async def test_a_claim_before_a_call_is_corrected_with_the_answer() -> None:
    stage, model = staged(call("bash", "ls", text="All tests pass."), says("I looked."))
    stage.answer("ls", "a.py\n")
    async with opened(stage):
        await stage.tell("look")
    last = model.spelt()
    assert last.index("a.py\n[CLAIMED") > last.index("</tool>")
    assert model.grew()


async def test_what_is_proved_is_not_mentioned() -> None:
    stage, model = staged(*FIX[1:3], says("All 3 tests pass."), says("Yes."))
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("fixed")
        await stage.tell("sure?")
    assert "[CLAIMED" not in model.spelt()


async def test_the_same_history_reads_the_same_after_a_resume() -> None:
    replies = (call("edit", EDIT), says("All tests pass."), says("I ran no test."))
    stage, _ = staged(*replies)
    async with opened(stage):
        await stage.tell("fix it")
    again = ChatModel(says("Hello."), context_tokens=131_072)
    later = Stage(policy=CwmPolicy(again, LimitSettings()), recorded=stage.session.history)
    later.memory.checkpoints = stage.memory.checkpoints
    async with opened(later):
        await later.tell("go on")
    told = again.spelt()
    assert told.index("All tests pass.") < told.index("[CLAIMED") < told.index("I ran no test.") < told.index("go on")


async def test_an_answer_that_was_checked_survives_the_failure_of_the_next() -> None:
    stage, model = staged(call("edit", EDIT), says("All tests pass."), RuntimeError("boom"), says("Hello."))
    async with opened(stage):
        rested = await stage.tell("fix it")
        assert rested is not None
        assert rested.status == "error"
        await stage.tell("again")
    assert model.spelt().index("All tests pass.") < model.spelt().index("[CLAIMED")


async def test_what_was_folded_can_be_read_back() -> None:
    stage, model = staged(*[call("bash", f"print {number}") for number in range(10)], says("Read."), tokens=ROOM)
    async with opened(stage):
        assert await stage.tell("read it all, MY WORDS") == Rested("answered")
    last = model.spelt()
    assert "<0>" not in last
    assert f"{address(1)} has all of it: print what you need, for example with `sed -n '1,80p' {address(1)}`.]" in last
    assert stage.files.now[address(1).encode()] == Entry(REGULAR, f"<0>\n{LONG}".encode())
    named = {number for number in range(1, 11) if address(number) in last}
    kept = {number for number in range(1, 11) if address(number).encode() in stage.files.now}
    assert named == kept
    assert 1 <= len(kept) < 10, "only what is not shown whole"
    assert (await stage.files.changes()).changes == (), "and nothing of it is in the diff"


async def test_both_ends_are_shown_and_the_whole_is_named() -> None:
    stage, model = staged(call("bash", "flood"), says("Much."), tokens=ROOM)
    whole = "BEGIN" + "é\n" * 40_000 + "END"
    stage.answer("flood", whole)
    async with opened(stage):
        await stage.tell("flood it")
    assert f"characters left out; {address(1)} has all of it, for `sed -n` and `grep` …]" in model.spelt()
    assert stage.files.now[address(1).encode()].content.decode() == whole


async def test_the_output_of_the_users_own_command_is_cut_too() -> None:
    stage, model = staged(says("Much."), tokens=ROOM)
    stage.answer("flood", "BEGIN" + "é\n" * 40_000 + "END")
    async with opened(stage):
        await stage.tell(RunInSandbox("flood"), "what was that?")
    assert "what was that?" in model.spelt()
    assert "BEGINé" in model.spelt()
    assert f"; {address(1)} has all of it" in model.spelt()
    assert len(model.prompts[0]) < ROOM / 2


async def test_another_container_gets_what_was_kept() -> None:
    stage, _ = staged(
        *[call("bash", f"print {number}") for number in range(10)], says("Read."), says("Yes."), tokens=ROOM
    )
    async with opened(stage):
        await stage.tell("read it all")
        kept = {path: entry for path, entry in stage.files.now.items() if path.startswith(b"/tmp/")}
        for path in kept:
            del stage.files.now[path]
        await stage.tell("and now?")
    assert kept
    assert {path: entry for path, entry in stage.files.now.items() if path.startswith(b"/tmp/")} == kept


async def test_a_resumed_session_keeps_again_what_it_shows_in_part() -> None:
    stage, _ = staged(call("bash", "flood"), says("Much."), tokens=ROOM)
    stage.answer("flood", "BEGIN" + "é\n" * 40_000 + "END")
    async with opened(stage):
        await stage.tell("flood it")
    files = MemoryFiles(tree(TREE))
    model = ChatModel(says("Hello."), context_tokens=ROOM)
    policy = CwmPolicy(model, LimitSettings(tokens=ROOM), files=files)
    later = Stage(policy=policy, recorded=stage.session.history, more={"files": files})
    async with opened(later):
        await later.tell("go on")
    assert address(1) in model.spelt()
    assert files.now[address(1).encode()].content.endswith(b"END")


async def test_where_the_sandbox_takes_no_file_nothing_is_named() -> None:
    files = MemoryFiles()
    files.error = OSError(28, "No space left on device")
    keeping = Keeping(files)
    assert await keeping.keep(1, "x") == ""
    assert await keeping.diff() == ""
    assert await Keeping().keep(1, "x") == ""
    assert await Keeping().diff() == ""
    files.error = ContainerDied("gone")
    for attempt in (keeping.keep(1, "x"), keeping.diff()):
        with pytest.raises(ContainerDied):
            await attempt


async def test_lone_surrogates_can_be_kept() -> None:
    files = MemoryFiles()
    assert await Keeping(files).keep(1, "a\udcffb") == address(1)
    await Keeping(files).renew()
    assert files.now[address(1).encode()].content == sound("a\udcffb").encode()


async def test_an_imagined_output_is_not_kept_as_if_it_were_real() -> None:
    model = ChatModel(call("bash", "flood"), says("Much."), context_tokens=ROOM)
    files = MemoryFiles(tree(TREE))
    policy = CwmPolicy(model, LimitSettings(tokens=ROOM), files=files)
    stage = Stage(policy=policy, imagined={"flood": "BEGIN" + "é\n" * 40_000 + "END"}, more={"files": files})
    async with opened(stage):
        await stage.tell(SetMode(Mode.IMAGINED), "flood it")
    assert "characters left out …]" in model.spelt()
    assert address(1).encode() not in files.now


def thinks(number: int) -> str:
    return call("bash", "true", thought=f"thought {number} " + "and so on, " * 900)


async def test_words_rules_and_the_diff_as_it_is_now_survive_two_summaries() -> None:
    second = EDIT.replace("x = 1", "x = 2", 1).replace("\nx = 2\n>", "\nx = 3\n>")
    work = [call("edit", EDIT), *map(thinks, range(5)), call("edit", second), *map(thinks, range(5, 9)), says("There.")]
    model = Summing(*work, context_tokens=ROOM)
    stage, _ = staged(model=model, tokens=ROOM, guidance="OUR OWN RULES")
    stage.answer("true", "")
    async with opened(stage):
        assert await stage.tell("FIRST WORDS") is not None
    at = [at for at in range(len(model.prompts)) if "replaced by a summary" in model.spelt(at)]
    assert len(at) == 2
    after, last = model.spelt(at[0] + 1), model.spelt(at[1] + 1)
    assert "SUMMARY 1" in after
    assert "This is your change as it stands now" in after
    assert "-x = 1\n+x = 2\n" in after
    assert "SUMMARY 2" in last
    assert "-x = 1\n+x = 3\n" in last
    for told in (after, last):
        assert "FIRST WORDS" in told
        assert "OUR OWN RULES" in told
        assert "You always reason before responding" in told
        assert len(told) < ROOM


async def test_a_huge_diff_is_shown_in_part_and_leaves_room() -> None:
    create = call("create", "new.py\n" + "y = 1\n" * 1_500)
    model = Summing(create, *map(thinks, range(7)), says("There."), context_tokens=24_000)
    stage, _ = staged(model=model, tokens=24_000)
    stage.answer("true", "")
    async with opened(stage):
        assert await stage.tell("WORDS") == Rested("proposed")
    last = model.spelt()
    assert "SUMMARY 1" in last
    assert "+++ b/new.py" in last
    assert "characters left out …]" in last
    assert len(model.prompts[-1]) < 0.76 * 24_000


async def test_the_last_request_survives() -> None:
    stage, model = staged(*map(thinks, range(5)), says("Summed."), says("One."), says("Two."), tokens=ROOM)
    stage.answer("true", "")
    async with opened(stage):
        await stage.tell("FIRST WORDS")
        await stage.tell("LAST WORDS")
    assert "FIRST WORDS" in model.spelt()
    assert "LAST WORDS" in model.spelt()
    assert stage.all(TextWritten)[-1].text == "Two."


async def test_what_is_kept_of_undone_work_does_no_harm() -> None:
    stage, model = staged(call("edit", EDIT), call("bash", "flood"), says("x"), says("y"), tokens=ROOM)
    stage.answer("flood", "é\n" * 40_000)
    async with opened(stage):
        await stage.tell("flood it")
        await stage.session.send(Rewind(0))
        await stage.session.send(SubmitPrompt("again"))
        await stage.session.idle()
    assert address(2) not in model.spelt()
