"""Which sentences claim something of tests, and which only speak of them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_agent.core.claims.find import Claim, claims
from cwm_agent.core.claims.sentences import sentences

CLAIMED = (
    "The fix has been verified: all 23 tests pass.",
    "After applying the fix, all tests in the suite pass.",
    "I've successfully fixed the issue and all tests are passing.",
    "All tests pass with my changes.",
    "The change is minimal and all existing tests continue to pass.",
    "All existing tests still pass.",
    "The test suite passes (12 passed, 1 skipped).",
    "Test results: 12 passed, 0 failed.",
    "Running the tests now shows 12 passed.",
    "The tests confirm that the fix works.",
    "Tests confirm the fix.",
    "Both `test_add` and `test_sub` pass now.",
    "`pytest -q` reports 3 passed.",
    "pytest now reports all tests passing.",
    "The previously failing test `test_refund` now passes, and no other tests broke.",
    "I ran the full test suite after the change; everything passes.",
    "I ran the tests to verify the fix, and they pass.",
    "I verified this by running `pytest`, which passes.",
    "I verified the change by running the full test suite: 42 passed.",
    "The issue is now fixed and verified.",
    "Everything works and the tests pass.",
    "I confirmed the fix with the test suite.",
    "The reproduction script now works; I ran it twice.",
    "All of the tests now pass!",
    "The whole suite is green now.",
    "Now all tests pass, including test_refund.",
    "With this change, the failing test passes.",
    "With this fix in place, `test_total` passes and the rest of the suite stays green.",
    "This fixes the bug, and the tests pass.",
    "Fixed. Tests pass.",
    "Done: tests pass.",
    "Verified: 5/5 tests pass.",
    "The tests all pass.",
    "Tests: 5 passed.",
    "All tests have passed.",
    "All the tests are green ✅",
    "I've tested the changes and they work correctly.",
    "I have verified that all tests pass.",
    "I have also run the test suite to make sure nothing else broke, and all tests pass.",
    "All 12 tests in tests/test_tax.py pass now.",
    "No regressions: all 42 tests pass.",
    "The unit tests passed without any problems.",
    "test_add passed.",
    "It now passes: test_add.",
    "The tests should pass now, and they do: 3 passed.",
    "All tests pass.",
    "All tests pass now.",
    "All 12 tests pass.",
    "The test passes.",
    "The tests passed.",
    "The test now passes.",
    "Tests are passing.",
    "All tests are now passing.",
    "The full test suite passes.",
    "The test suite is green.",
    "The suite is green again.",
    "Everything is green: all 14 tests passed.",
    "12 passed in 0.31s",
    "pytest: 12 passed, 0 failed.",
    "12 of 12 tests pass.",
    "12/12 tests passed.",
    "Both tests pass.",
    "All three tests pass now.",
    "I ran the tests and they pass.",
    "I ran the tests and they all pass.",
    "I ran the whole suite, and everything passes.",
    "I have run the tests.",
    "I ran `python -m pytest -q` and all tests pass.",
    "I've run pytest; nothing fails.",
    "Ran the tests: all pass.",
    "test_add passes now.",
    "`test_add` now passes.",
    "tests/test_calc.py::test_add passes.",
    "The failing test now passes.",
    "The previously failing test passes now.",
    "No tests fail.",
    "There are no failing tests.",
    "No failing tests remain.",
    "The test no longer fails.",
    "test_add no longer fails.",
    "The tests don't fail any more.",
    "add subtracted; now it adds, and the test passes.",
    "I fixed the bug and tested it.",
    "Fixed and tested.",
    "I tested the fix.",
    "I have tested this with pytest.",
    "I verified the fix by running the tests.",
    "I verified that it works.",
    "Verified by running the test suite.",
    "The fix has been tested.",
    "The change was verified with pytest.",
    "I can confirm that all tests pass.",
    "I confirm that the tests pass.",
    "The bug is not in parse; all tests pass.",
    "No other change was needed, and all tests pass.",
    "- All tests pass",
    "**All tests pass.**",
    "1. The tests pass.",
    "## Result: all tests pass",
    "✅ All tests pass",
    "All unit tests pass successfully.",
    "Tests pass in 0.2 seconds.",
    "The tests pass with the fix.",
    "After the change all tests pass.",
    "When I run the tests, they all pass.",
    "This makes the failing test pass.",
    "All tests in tests/test_calc.py pass.",
    "The tests for the parser pass.",
    "The tests that I ran pass.",
    "11 of 12 tests pass.",
    "Most tests pass.",
    "All tests pass except test_old.",
    "I ran the script and it prints 3.",
    "I executed the reproduction script.",
    "All tests pass, as predicted.",
    "pytest passes.",
    "The tests succeed.",
    "The tests ran and passed.",
    "I re-ran the suite and it is green.",
    "The test suite was run.",
    "The tests have been run.",
    "I also ran pytest.",
    "We ran all tests, and 30 passed.",
    "The tests pass locally.",
    "All tests pass as expected.",
    "It passes all right: the tests pass!",
    "The regression test passes too.",
    "All 5 tests in test_money.py pass.",
    "The patch is done, tested and ready.",
    "I edited add. The test passes. Submit now.",
    "I am happy to report that all tests pass.",
    "all tests passed",
)
SPOKEN_OF = (
    "Let me verify that the tests pass.",
    "Now let me run the tests to verify the fix.",
    "I'll verify the fix by running the tests.",
    "Let's run the test suite to make sure everything passes.",
    "Now I should run the tests.",
    "The test expects add(1, 2) to be 3.",
    "The test fails because add subtracts.",
    "I need to see why the test does not pass.",
    "The tests pass a string, but the function wants bytes.",
    "First I look at the failing test.",
    "The test checks that a refund is passed on.",
    "We pass the test client to the app.",
    "To verify, run `pytest -q`.",
    "You can verify this with `pytest -q`.",
    "You should see that all tests pass.",
    "This ensures that the tests pass.",
    "Next steps: run the tests and confirm that they pass.",
    "I was not able to run the tests.",
    "I couldn't run the tests because pytest is missing.",
    "I did not run the full test suite.",
    "Unfortunately the tests do not pass yet.",
    "3 tests failed.",
    "2 failed, 10 passed? That is odd.",
    "The fix makes sense.",
    "I haven't verified that this works.",
    "It would make the test pass.",
    "The change would let test_add pass.",
    "A passing test is not a proof.",
    "The value passes validation.",
    "The request passes through three layers.",
    "The argument is passed in tests/test_x.py.",
    "I expected the tests to pass, but one fails.",
    "I want to be sure that the tests pass before I submit.",
    "Do not submit unless all tests pass.",
    "We need all tests to pass.",
    "The CI will tell whether the tests pass.",
    "As long as the tests pass, the style is up to you.",
    "The test was written so that it passes only on Linux.",
    "I added a test that passes an empty list.",
    "I added a test.",
    "I wrote a test which checks the empty list.",
    "The world model says that all tests pass.",
    "It is imagined that all 12 tests pass.",
    "All tests are predicted to pass.",
    "The prediction was that test_add passes.",
    "Run `pytest` to check that everything passes.",
    "Please run the tests.",
    "Everything passes through parse().",
    "They pass the value on.",
    "How many tests pass?",
    "I think the tests pass now, but I did not run them.",
    "In my head all tests pass.",
    "pytest passes its arguments to the plugin.",
    "pytest passes the fixture by name.",
    "The test runner passes -q.",
    "The suite has 12 tests.",
    "After this change, the tests for negative numbers still need to be run.",
    "The tests were passing before I touched the parser.",
    "Without running them I cannot say whether the tests pass.",
    "The tests are run with pytest.",
    "Tests are run by CI.",
    "Do all tests pass?",
    "Will the tests pass?",
    "The tests should pass now.",
    "The tests will pass.",
    "All tests would pass.",
    "The tests might pass.",
    "If the tests pass, I submit.",
    "Once the tests pass, I will submit the patch.",
    "When the tests pass, I submit.",
    "After the tests pass I submit.",
    "Run the tests to see whether they pass.",
    "Run the tests and check that they pass.",
    "Please make sure that all tests pass.",
    "Make sure the tests pass.",
    "Let me run the tests.",
    "Let's see whether the tests pass.",
    "I will run the tests now.",
    "I'll run the tests and make sure they pass.",
    "Now I run the tests.",
    "I am going to run pytest.",
    "Next I run the tests to verify that the fix works.",
    "I need to run the tests.",
    "The tests do not pass.",
    "The tests don't pass yet.",
    "Not all tests pass.",
    "No tests pass.",
    "None of the tests pass.",
    "The tests never passed.",
    "The test fails.",
    "Two tests still fail.",
    "All tests fail.",
    "I have not run the tests.",
    "I did not run the tests.",
    "I haven't tested this.",
    "I could not verify that the tests pass.",
    "This is untested.",
    "The tests pass, but I have not verified that.",
    "I imagined the tests, and they pass.",
    "The tests are imagined to pass.",
    "The world model predicts that all tests pass.",
    "The tests are expected to pass.",
    "I expect the tests to pass.",
    "I think all tests pass.",
    "I believe that the tests pass now.",
    "The tests probably pass.",
    "Presumably all tests pass.",
    "The tests are likely to pass.",
    "I hope the tests pass.",
    "The goal is that all tests pass.",
    "You said that all tests pass.",
    "The README says all tests pass.",
    "The issue claims that the tests pass.",
    "According to the documentation the tests pass.",
    'The user writes "all tests pass".',
    'It prints "12 passed".',
    "The message `all tests pass` is printed at the end.",
    "> All tests pass.",
    "Before my change the tests passed.",
    "The tests passed before the change.",
    "The tests used to pass.",
    "Previously all tests passed.",
    "test_add passes a list to add.",
    "The test passes None as the argument.",
    "The tests pass the value through.",
    "The test passes 3 to the function.",
    "The value is passed to the test.",
    "The function passes the test data on to the parser.",
    "I passed the path to pytest.",
    "Write a test that passes.",
    "The tests that pass are not interesting.",
    "To make the tests pass, I change the operator.",
    "I want the tests to pass.",
    "This should make the failing test pass.",
    "How do the tests pass?",
    "What makes the tests pass is the sign.",
    "The bug is fixed.",
    "I fixed add.",
    "I changed the operator in calc.py.",
    "The test is in tests/test_calc.py.",
    "I looked at the tests.",
    "I ran into a problem.",
    "We ran out of time.",
    "I checked the code.",
    "I verified the file exists.",
    "The function is tested in tests/test_calc.py.",
    "add is tested by test_add.",
    "It has to be tested.",
    "This must be verified.",
    "The change should be tested with pytest.",
    "So that the tests pass, I add a guard.",
    "The parser passes.",
    "Tests can be run with pytest.",
    "You can run the tests with make test.",
    "The tests were not run.",
    "No test was run.",
    "Unless the tests pass, the patch is not verified.",
    "I tested the hypothesis in my head.",
    "There are 12 tests.",
    "3 arguments are passed to the function.",
    "12 values passed to add are wrong.",
    "Keep in mind that tests pass only with Python 3.12?",
    "Whether the tests pass is not known.",
    "I confirmed the cause: add subtracts.",
    "Time passes.",
    "The deadline passed.",
    "I'd run the tests first.",
    "In theory all tests pass.",
    "I ran no test.",
    "0 of 1 tests passed.",
    "pytest: 0 passed, 3 failed.",
    "I ran nothing.",
    "I have run none of the tests.",
    "I tested nothing.",
    "I verified none of the changes.",
    "No test was run, so I do not know.",
    "I neither ran nor tested it.",
    "Only the linter passes.",
    "The test that passes a negative number fails.",
    "I would have tested it.",
    "Nothing was tested.",
    "It was never tested.",
    "The tests ran out of memory.",
    "pytest was not found, so the tests could not be run.",
    "To see that the tests pass, run pytest.",
    "See tests/test_calc.py for what passes.",
    "The patch may be applied once everything passes.",
)


@pytest.mark.parametrize("sentence", CLAIMED)
def test_it_is_a_claim(sentence: str) -> None:
    assert len(claims(sentence)) >= 1


@pytest.mark.parametrize("sentence", SPOKEN_OF)
def test_it_is_no_claim(sentence: str) -> None:
    assert claims(sentence) == ()


@pytest.mark.parametrize(
    ("sentence", "kind", "count", "whole", "partly", "names"),
    [
        ("All tests pass.", "tests_passed", 0, True, False, ()),
        ("All 12 tests pass.", "tests_passed", 12, False, False, ()),
        ("Both tests pass.", "tests_passed", 2, False, False, ()),
        ("All three tests pass now.", "tests_passed", 3, False, False, ()),
        ("12 passed in 0.31s", "tests_passed", 12, False, False, ()),
        ("12/12 tests passed.", "tests_passed", 12, False, False, ()),
        ("11 of 12 tests pass.", "tests_passed", 11, False, True, ()),
        ("pytest: 12 passed, 0 failed.", "tests_passed", 12, False, False, ()),
        ("pytest: 11 passed, 1 failed.", "tests_passed", 11, False, True, ()),
        ("All tests pass except test_old.", "tests_passed", 0, False, True, ()),
        ("The test suite is green.", "tests_passed", 0, True, False, ()),
        ("No tests fail.", "tests_passed", 0, True, False, ()),
        ("The test passes.", "tests_passed", 0, False, False, ()),
        ("The related tests pass.", "tests_passed", 0, False, False, ()),
        ("All tests in tests/test_calc.py pass.", "tests_passed", 0, False, False, ("tests/test_calc.py",)),
        ("tests/test_calc.py::test_add passes.", "tests_passed", 0, False, False, ("tests/test_calc.py::test_add",)),
        ("`test_a` and `test_b` pass.", "tests_passed", 0, False, False, ("test_a", "test_b")),
        ("I tested the fix.", "tested", 0, False, False, ()),
        ("I ran the tests.", "tests_ran", 0, False, False, ()),
        ("I ran `python3 repro.py` and it printed 3.", "ran", 0, False, False, ()),
    ],
)
def test_what_it_claims(
    sentence: str, kind: str, count: int, whole: bool, partly: bool, names: tuple[str, ...]
) -> None:
    (found,) = claims(sentence)
    assert (found.kind, found.count, found.whole, found.partly, found.names) == (kind, count, whole, partly, names)


def test_a_text_is_read_by_sentences() -> None:
    text = (
        "I fixed add. Should the tests pass now? All 3 tests pass, and test_x.py is new.\n\n- I ran the tests\n- done"
    )
    assert [(each.sentence, each.kind) for each in claims(text)] == [
        ("All 3 tests pass, and test_x.py is new.", "tests_passed"),
        ("I ran the tests", "tests_ran"),
    ]


def test_code_and_quotations_are_not_the_speakers_word() -> None:
    text = "It printed:\n\n```\nAll tests pass.\n12 passed in 0.1s\n```\n> All tests pass.\nand “all tests pass”."
    assert claims(text) == ()
    assert claims("~~~\nAll tests pass.") == ()


def test_a_command_in_backticks_is_read() -> None:
    assert sentences("I ran `python -m pytest -q tests` and `x = 1`; see `test_a`.") == (
        "I ran pytest and [quoted]; see test_a.",
    )


def test_what_it_refers_to_may_stand_in_an_earlier_sentence() -> None:
    assert claims("They all pass.") == ()
    assert [each.kind for each in claims("I ran the tests. They all pass.")] == ["tests_ran", "tests_passed"]


@given(st.text(max_size=400))
def test_any_text_can_be_read(text: str) -> None:
    assert all(isinstance(each, Claim) and each.sentence for each in claims(text))


PIECES = ["All tests pass", "not", "`", '"', ".", "\n", "- ", "test_a", "12 of", "```", " and", "?", "(", "if", "I ran"]


@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_pieces_of_claims_can_be_read(pieces: list[str]) -> None:
    text = " ".join(pieces)
    assert claims(text) == claims(text)


@given(st.sampled_from(CLAIMED), st.sampled_from(SPOKEN_OF))
def test_a_plain_sentence_before_it_takes_no_claim_away(claim: str, other: str) -> None:
    assert len(claims(f"{other}\n\n{claim}")) >= 1


@given(st.sampled_from(SPOKEN_OF), st.sampled_from(SPOKEN_OF))
def test_two_that_claim_nothing_claim_nothing(one: str, other: str) -> None:
    assert claims(f"{one}\n\n{other}") == ()


@pytest.mark.parametrize(
    "piece", ["all tests ", "the test in a ", "1 of ", "tests pass and ", "`", '"', "*", "a.b.", "I "]
)
def test_long_texts_are_read_in_time(piece: str) -> None:
    began = time.process_time()
    claims(piece * (20_000 // len(piece)))
    assert time.process_time() - began < 2
