"""Which claims stand, by what ran: a table of histories and sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_agent.core.claims.facts import Facts, gather
from cwm_agent.core.claims.find import claims
from cwm_agent.core.claims.weigh import Weighed, weigh
from cwm_agent.core.history import proof
from cwm_agent.events import (
    ActionBegan,
    ActionEnded,
    ActionProposed,
    AgentEvent,
    CheckpointMade,
    PromptAccepted,
    Rewound,
    SessionResumed,
    ToolCall,
)
from cwm_agent.events import TestsReported as Report
from cwm_agent.observations import Completed, Origin

ASKED = PromptAccepted("fix it")


class Story:
    """A history that is told action by action."""

    def __init__(self) -> None:
        self.events: list[AgentEvent] = [ASKED]
        self._action = 0
        self._checkpoint = 0

    def ran(
        self,
        command: str,
        passed: int = 0,
        failed: int = 0,
        *failures: str,
        code: int = 0,
        origin: Origin = Origin.REAL,
    ) -> Story:
        """A command; with numbers, it reported on tests."""
        self._action += 1
        number = self._action
        self.events += [ActionProposed(number, ToolCall("bash", command)), ActionBegan(number, origin)]
        self.events.append(ActionEnded(number, origin, Completed(code or bool(failed)), "", 0.1))
        if passed or failed:
            self.events.append(Report(number, origin, command, passed, failed, failures))
        return self

    def edited(self) -> Story:
        """An edit, and its checkpoint."""
        self._action += 1
        self._checkpoint += 1
        self.events.append(ActionProposed(self._action, ToolCall("edit", "a.py")))
        self.events.append(ActionEnded(self._action, Origin.REAL, Completed(0), "", 0.1))
        self.events.append(CheckpointMade(self._checkpoint, self._action, ()))
        return self

    def then(self, *events: AgentEvent) -> Story:
        """Something else."""
        self.events += events
        return self


def story() -> Story:
    return Story()


def verdict(told: Story, sentence: str, *harmless: int) -> Weighed:
    (claim,) = claims(sentence)
    return weigh(claim, gather(told.events, harmless))


ALL = story().edited().ran("pytest -q", 12)
PART = story().edited().ran("pytest -q tests/test_a.py::test_x", 3)
FAILING = story().edited().ran("pytest -q", 11, 1, "tests/test_a.py::test_x")
NOTHING = story()
BEFORE = story().ran("pytest -q", 12).edited()
IMAGINED = story().edited().ran("pytest -q", 3, origin=Origin.IMAGINED)


@pytest.mark.parametrize(
    ("told", "sentence", "stands", "evidence"),
    [
        (ALL, "All tests pass.", True, "12 tests ran and passed since the last edit: `pytest -q`"),
        (ALL, "All 12 tests pass.", True, "12 tests ran"),
        (ALL, "11 tests pass.", True, "12 tests ran"),
        (ALL, "All 13 tests pass.", False, "12 tests passed, not 13"),
        (ALL, "test_x passes now.", True, "12 tests ran"),
        (ALL, "I tested the fix.", True, "12 tests ran"),
        (ALL, "I ran the tests.", True, "really ran"),
        (ALL, "No tests fail.", True, "12 tests"),
        (PART, "The test passes.", True, "3 tests"),
        (PART, "All three tests pass.", True, "3 tests"),
        (PART, "All tests pass.", False, "only a part of the tests ran"),
        (PART, "The full test suite passes.", False, "only a part"),
        (PART, "test_x passes.", True, "3 tests"),
        (PART, "test_y passes.", False, "did not run test_y"),
        (PART, "All the tests in tests/test_a.py pass.", True, "3 tests"),
        (PART, "All the tests in tests/test_b.py pass.", False, "did not run test_b.py"),
        (PART, "All 12 tests pass.", False, "3 tests passed, not 12"),
        (FAILING, "All tests pass.", False, "1 test failed"),
        (FAILING, "The tests pass.", False, "1 test failed"),
        (FAILING, "11 of 12 tests pass.", True, "11 tests ran and passed, 1 failed"),
        (FAILING, "All tests pass except test_x.", True, "1 failed"),
        (FAILING, "tests/test_a.py::test_x passes.", False, "1 test failed"),
        (FAILING, "test_other passes.", True, "11 tests"),
        (FAILING, "I verified the fix with pytest.", False, "1 test failed"),
        (FAILING, "I ran the tests.", True, "really ran"),
        (NOTHING, "All tests pass.", False, "no test ran"),
        (NOTHING, "I ran the tests.", False, "no test ran"),
        (NOTHING, "I ran the script.", False, "nothing really ran"),
        (NOTHING, "I tested the fix.", False, "no test ran"),
        (BEFORE, "All tests pass.", False, "no test ran since the last edit; the last run was before it"),
        (BEFORE, "I ran the tests.", True, "really ran"),
        (IMAGINED, "All tests pass.", False, "imagined only: 3 tests were imagined to pass, and none ran"),
        (IMAGINED, "I tested it.", False, "imagined only"),
        (IMAGINED, "I ran the tests.", False, "imagined only"),
        (story().edited().ran("python repro.py"), "I tested the fix.", True, "`python repro.py` really ran"),
        (story().edited().ran("cat a.py"), "I tested the fix.", False, "no test ran"),
        (story().edited().ran("git diff"), "I ran the script.", False, "nothing really ran"),
        (story().edited().ran("python repro.py", code=1), "I ran the script.", True, "really ran"),
        (story().edited().ran("python repro.py", code=1), "I tested the fix.", False, "no test ran"),
        (story().edited().ran("make check"), "All tests pass.", True, "`make check` really ran"),
        (story().edited().ran("make check"), "All 12 tests pass.", False, "no test ran"),
        (story().edited().ran("make check; true"), "All tests pass.", False, "no test ran"),
        (story().edited().ran("make check", code=2), "All tests pass.", False, "no test ran"),
        (
            story().edited().ran("pytest -q", 5).ran("pytest -q", 4, 1, "a::b"),
            "The tests pass.",
            False,
            "1 test failed",
        ),
        (story().edited().ran("pytest -q", 4, 1, "a::b").ran("pytest -q", 5), "The tests pass.", True, "5 tests"),
        (story().edited().ran("pytest -q", 12).ran("pytest -k one", 1), "All tests pass.", True, "12 tests"),
        (story().edited().ran("pytest a.py", 6, 1), "test_x passes.", False, "1 test failed"),
        (story().ran("pytest -q", 12).then(SessionResumed("s")), "All tests pass.", False, "since the session was"),
        (story().ran("pytest -q", 12), "All tests pass.", True, "12 tests ran and passed: `pytest -q`"),
        (story().edited().then(PromptAccepted("!pytest -q")).ran("pytest -q", 2), "Both tests pass.", True, "2 tests"),
        (
            story().ran("pytest", 2).edited().then(PromptAccepted("and?")),
            "I ran the tests.",
            False,
            "no test ran since the last edit",
        ),
        (story().edited().ran("pytest", 3).edited().then(Rewound(1)), "The tests pass.", False, "no test ran"),
    ],
)
def test_what_stands(told: Story, sentence: str, stands: bool, evidence: str) -> None:
    found = verdict(told, sentence)
    assert (found.stands, evidence in found.evidence) == (stands, True), found


def test_a_change_that_is_only_a_by_product_takes_no_proof_away() -> None:
    told = story().ran("pytest -q", 3).edited()
    assert not verdict(told, "The tests pass.").stands
    assert verdict(told, "The tests pass.", 1).stands


def test_a_long_command_is_shortened() -> None:
    told = story().ran("pytest " + "-q " * 200, 3)
    assert len(verdict(told, "The tests pass.").evidence) < 200


STEPS = st.lists(
    st.sampled_from(["edit", "pass", "fail", "imagine", "cat", "resume"]),
    max_size=8,
)


def told_by(steps: list[str]) -> Story:
    told = story()
    for step in steps:
        match step:
            case "edit":
                told.edited()
            case "pass":
                told.ran("pytest -q", 5)
            case "fail":
                told.ran("pytest -q", 4, 1, "t.py::t")
            case "imagine":
                told.ran("pytest -q", 5, origin=Origin.IMAGINED)
            case "cat":
                told.ran("cat a.py")
            case _:
                told.then(SessionResumed("s"))
    return told


@given(STEPS)
def test_that_all_tests_pass_stands_exactly_where_a_patch_would_be_proved(steps: list[str]) -> None:
    told = told_by(steps)
    assert verdict(told, "All tests pass.").stands == (proof(told.events) is not None)


@given(STEPS, st.sampled_from(["All 5 tests pass.", "I ran the tests.", "I tested it.", "I ran the script."]))
def test_nothing_imagined_ever_proves_anything(steps: list[str], sentence: str) -> None:
    with_dreams = verdict(told_by(steps), sentence).stands
    assert with_dreams == verdict(told_by([step for step in steps if step != "imagine"]), sentence).stands


def test_no_facts_prove_nothing() -> None:
    for sentence in ("All tests pass.", "I tested it.", "I ran the tests.", "I ran the script."):
        assert not weigh(claims(sentence)[0], Facts()).stands
