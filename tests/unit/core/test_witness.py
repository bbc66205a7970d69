"""What a policy claims in a session: the mark, the one more chance, and a status that no words change."""

from __future__ import annotations

import io

from cwm_agent.core.export import markdown
from cwm_agent.core.history import last_words
from cwm_agent.errors import ModelUnavailable
from cwm_agent.events import ClaimChecked, Noticed, Rested, TextWritten, ToolCall
from cwm_agent.protocols import Act, FinalAnswer
from cwm_agent.settings import LimitSettings
from cwm_agent.transcript import Transcript
from tests.unit.core.stage import Stage, bash, opened

EDIT = Act(ToolCall("edit", "a.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE"))
FALSE = "All tests pass."
UNPROVED = ClaimChecked(FALSE, stands=False, evidence="no test ran since the last edit")


async def test_a_claim_without_a_run_is_marked_and_the_policy_has_one_more_chance() -> None:
    stage = Stage([EDIT, FinalAnswer(FALSE), FinalAnswer("I changed x, and ran nothing.")])
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("proposed")
    assert stage.all(ClaimChecked) == [UNPROVED]
    assert UNPROVED in stage.policy.seen[-1]
    assert last_words(stage.session.history) == "I changed x, and ran nothing."


async def test_the_chance_can_be_used_to_run_the_tests() -> None:
    stage = Stage([EDIT, FinalAnswer(FALSE), bash("pytest -q"), FinalAnswer(FALSE + " Now really.")])
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("fixed")
    first, second = stage.all(ClaimChecked)
    assert (first.stands, second.stands) == (False, True)
    assert second.evidence == "3 tests ran and passed since the last edit: `pytest -q`"


async def test_there_is_only_one_chance_in_a_request_and_words_change_no_status() -> None:
    claimed = [FinalAnswer(f"{FALSE} {word}.") for word in ("Really", "Truly", "Indeed")]
    stage = Stage([EDIT, *claimed], [FinalAnswer(FALSE), FinalAnswer("No.")])
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("proposed")
        assert len(stage.policy.seen) == 3
        assert len(stage.all(ClaimChecked)) == 2
        await stage.tell("and?")
        assert len(stage.policy.seen) == 5, "another request, another chance"


async def test_a_claim_before_an_action_is_marked_and_work_goes_on() -> None:
    stage = Stage([EDIT, TextWritten(FALSE), bash("pytest -q"), FinalAnswer("All 3 tests pass.")])
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("fixed")
    assert [each.stands for each in stage.all(ClaimChecked)] == [False, True]
    assert len(stage.policy.seen) == 3


async def test_what_is_true_is_not_marked() -> None:
    stage = Stage([EDIT, bash("pytest -q"), FinalAnswer("All 3 tests pass.")])
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("fixed")
    out = io.StringIO()
    transcript = Transcript(out)
    for event in stage.session.history:
        transcript.write(event)
    assert "CLAIMED" not in out.getvalue() + markdown(stage.session.history)
    assert "◆ proved   3 tests ran and passed since the last edit: `pytest -q`" in out.getvalue()


async def test_more_tests_than_ran_are_not_proved() -> None:
    stage = Stage([EDIT, bash("pytest -q"), FinalAnswer("All 12 tests pass."), FinalAnswer("All 3 tests pass.")])
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("fixed")
    assert [each.stands for each in stage.all(ClaimChecked)] == [False, True]
    assert "3 tests passed, not 12" in stage.all(ClaimChecked)[0].evidence


async def test_the_mark_is_in_the_transcript_and_in_the_exported_session_even_where_it_is_quiet() -> None:
    stage = Stage([EDIT, FinalAnswer(FALSE)])
    async with opened(stage):
        await stage.tell("fix it")
    for quiet in (False, True):
        out = io.StringIO()
        transcript = Transcript(out, quiet=quiet)
        for event in stage.session.history:
            transcript.write(event)
        assert f"⚑ CLAIMED  {FALSE}\n           no test ran since the last edit\n" in out.getvalue()
    assert f"**⚑ CLAIMED:** {FALSE} *no test ran since the last edit.*" in markdown(stage.session.history)


async def test_a_policy_that_breaks_at_its_second_chance_takes_nothing_away() -> None:
    stage = Stage([EDIT, FinalAnswer(FALSE), ModelUnavailable("The server is gone.")])
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("proposed")
    assert any("No second answer: The server is gone." in each.text for each in stage.all(Noticed))


async def test_where_no_action_is_left_there_is_no_second_chance() -> None:
    stage = Stage([EDIT, FinalAnswer(FALSE), bash("pytest -q")], limits=LimitSettings(turns=1))
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("proposed")
    assert stage.all(ClaimChecked) == [UNPROVED]


async def test_who_gave_up_is_not_asked_again() -> None:
    stage = Stage([FinalAnswer("I found nothing, but all tests pass.", status="gave_up"), FinalAnswer("never")])
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("no_patch")
    assert len(stage.all(ClaimChecked)) == 1
    assert len(stage.policy.seen) == 1


async def test_the_words_of_a_policy_that_is_no_model_are_made_of_what_ran() -> None:
    answers = [EDIT, FinalAnswer("12 tests ran and passed.")], [bash("pytest -q"), FinalAnswer("3 tests passed.")]
    stage = Stage(*answers, more={"doubts": False})
    async with opened(stage):
        assert await stage.tell("fix it") == Rested("proposed")
        assert (stage.all(ClaimChecked), len(stage.policy.seen)) == ([], 2)
        await stage.tell("and?")
    assert stage.all(ClaimChecked) == []


async def test_many_claims_of_one_text_are_told_once_for_each_reason() -> None:
    text = "All tests pass. The tests pass. test_a passes. I tested the fix. I ran the tests. I ran the script."
    stage = Stage([FinalAnswer(text)])
    async with opened(stage):
        await stage.tell("how is it?")
    assert [each.evidence for each in stage.all(ClaimChecked)] == ["no test ran", "nothing really ran"]


async def test_a_long_sentence_is_shortened() -> None:
    stage = Stage([FinalAnswer("All tests pass, " + "and so on, " * 40)])
    async with opened(stage):
        await stage.tell("how is it?")
    (checked,) = stage.all(ClaimChecked)
    assert len(checked.text) == 300
    assert checked.text.endswith("…")
