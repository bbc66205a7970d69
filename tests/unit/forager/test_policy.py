"""The forager's conversation: each way that it can go, on repositories in memory whose tests really run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from cwm_agent.events import HunksDeclined, ModeChanged, PatchProposed, Progressed, PromptAccepted, SessionOpened
from cwm_agent.observations import Mode
from cwm_agent.policies.forager import investigate
from cwm_agent.policies.forager.policy import Forager
from cwm_agent.policies.forager.turn import PYTEST
from cwm_agent.protocols import Act, FinalAnswer, Policy, Spectrum, ThoughtWritten
from cwm_agent.protocols import TestResult as Result  # pytest would collect the name
from cwm_agent.settings import ForagerSettings
from tests.unit.forager.doubles import Conversation, ExecBench, Repository

CODE = "def allowed(age):\n    return age > 18\n\n\ndef label(age):\n    return 'in' if allowed(age) else 'out'\n"
CHECKS = (
    "from door import allowed, label\n\n\ndef test_edge():\n    assert allowed(18)\n\n\n"
    "def test_old():\n    assert allowed(40)\n\n\ndef test_young():\n    assert label(3) == 'out'\n"
)


def opened(
    code: str = CODE, checks: str = CHECKS, bench: type[ExecBench] = ExecBench, **settings: float
) -> Conversation:
    repository = Repository({"door.py": code, "test_door.py": checks})
    double = bench(repository)
    forager = Forager(double, repository, ForagerSettings(test_seconds=0.5, **settings))
    return Conversation(repository, double, forager)


def test_it_is_a_policy() -> None:
    policy: Policy = opened().policy
    assert policy.name == "forager"


async def test_the_whole_conversation() -> None:
    talk = opened()
    answer = await talk.ask("test_edge fails, please fix it")
    assert [(call.tool, call.content.split("\n")[0]) for call in talk.calls] == [
        ("bash", f"{PYTEST} -k test_edge"),
        ("edit", "door.py"),
        ("bash", f"{PYTEST} test_door.py"),
        ("bash", "git diff > /tmp/cwm-agent.patch"),
        ("submit", "/tmp/cwm-agent.patch"),
    ]
    assert talk.repository.files["door.py"] == CODE.replace("> 18", ">= 18")
    assert talk.repository.files["test_door.py"] == CHECKS
    thoughts = [event.text for event in talk.shown if isinstance(event, ThoughtWritten)]
    assert "door.py:2" in thoughts[0]
    assert "door.py, line 2: it now compares with `>=` instead of `>`" in answer
    assert "3 passed" in answer


@pytest.mark.parametrize("switched", [False, True])
async def test_in_imagined_mode_it_does_not_search(switched: bool) -> None:
    """Its search runs tests; without a world model nothing is imagined, and it works as ever."""
    talk = opened()
    mode = Mode.REAL if switched else Mode.IMAGINED
    talk.history.append(SessionOpened("s", "/r", None, "forager", mode, "tiny", "0"))
    talk.history += [ModeChanged(Mode.IMAGINED)] if switched else []
    assert "in imagined mode nothing runs" in await talk.ask("test_edge fails")
    assert [call.tool for call in talk.calls] == ["bash"]
    talk = opened()
    talk.history.append(SessionOpened("s", "/r", None, "forager", Mode.IMAGINED, None, "0"))
    assert "3 passed" in await talk.ask("test_edge fails")


async def test_nothing_fails() -> None:
    talk = opened(CODE.replace("> 18", ">= 18"))
    assert await talk.ask("fix the failing tests") == "Nothing to repair: 3 tests ran and passed."
    assert len(talk.calls) == 1


async def test_another_wish_is_declined_without_an_action() -> None:
    talk = opened()
    assert "I repair failing tests" in await talk.ask("explain door.py")
    assert talk.calls == []


async def test_a_suite_that_does_not_import() -> None:
    talk = opened(code="def allowed(age:\n")
    answer = await talk.ask("fix the tests")
    assert "No test could be run: the suite does not import" in answer
    assert "Mend the import first" in answer


async def test_no_tests_at_all() -> None:
    answer = await opened(checks="x = 1\n").ask("fix the tests")
    assert "no tests were found" in answer
    assert "write one that shows the bug" in answer


async def test_a_misspelt_test() -> None:
    answer = await opened().ask("test_edges fails")
    assert "There is no test test_edges. Did you mean test_edge?" in answer


async def test_it_gives_up_with_what_it_knows() -> None:
    checks = "from door import allowed\n\n\ndef test_odd():\n    assert allowed(18) == 'maybe, ask Ann'\n"
    talk = opened("def allowed(age):\n    return age > 18\n", checks, candidates=40)
    answer = await talk.ask("fix the failing tests")
    assert answer.startswith("I found no repair. I tried 40 candidate edits, which is the limit.")
    assert "door.py:2  return age > 18" in answer
    assert not talk.submitted


async def test_tests_that_reach_no_code() -> None:
    answer = await opened(CODE, "def test_alone():\n    assert 1 == 2\n").ask("fix the failing tests")
    assert "I never change tests" in answer


class SlowBench(ExecBench):
    """Takes its time for the recording, test by test."""

    stopped = False

    async def spectrum(self, targets: Sequence[str], seconds: float) -> Spectrum:
        try:
            for self.recorded in range(4):
                await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            self.stopped = True
            raise
        return await super().spectrum(targets, seconds)


async def test_the_recording_says_how_far_it_is_of_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(investigate, "LOOK_SECONDS", 0.005)
    talk = opened(bench=SlowBench)
    await talk.ask("fix the failing tests")
    told = [each for each in talk.shown if isinstance(each, Progressed) and each.label.startswith("Recording")]
    assert [(each.done, each.total) for each in told] == [(0, 3), (1, 3), (2, 3), (3, 3), (3, 3)]


async def test_a_recording_that_is_left_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(investigate, "LOOK_SECONDS", 0.005)
    talk = opened(bench=SlowBench)
    talk.history.append(PromptAccepted("fix the failing tests"))
    await talk.act(await talk.decide())
    looking = talk.policy.decide(tuple(talk.history))
    async for event in looking:
        if isinstance(event, Progressed):
            break
    await looking.aclose()
    assert talk.bench.stopped


class SometimesBench(ExecBench):
    """Every test passes from the second look on, as a flaky one may."""

    looks = 0

    async def spectrum(self, targets: Sequence[str], seconds: float) -> Spectrum:
        self.looks += 1
        real = await super().spectrum(targets, seconds)
        if self.looks < 3:
            return real
        return Spectrum(tuple(Result(one.id, "passed") for one in real.results), real.lines)


async def test_a_flaky_test_is_named_and_left_alone() -> None:
    talk = opened(bench=SometimesBench)
    answer = await talk.ask("fix the failing tests")
    assert answer.startswith("Flaky: test_door.py::test_edge failed once and passed once on the same code")
    assert talk.repository.files["door.py"] == CODE


async def test_a_test_that_hangs_counts_as_failing() -> None:
    code = "def allowed(age):\n    while age != 18:\n        age -= 1\n    return age\n"
    checks = "from door import allowed\n\n\ndef test_more():\n    assert allowed(20) == 18\n\n\n"
    checks += "def test_less():\n    assert allowed(3) == 3\n"
    talk = opened(code, checks)
    answer = await talk.ask("test_less hangs")
    assert talk.submitted, answer
    assert "> 18" in talk.repository.files["door.py"]


async def test_two_bugs_are_repaired_one_after_the_other() -> None:
    code = CODE + "\n\ndef double(number):\n    return number + 2\n"
    checks = CHECKS.replace("label\n", "double, label\n", 1) + "\n\ndef test_double():\n    assert double(5) == 10\n"
    talk = opened(code, checks)
    answer = await talk.ask("fix the failing tests")
    assert talk.submitted, answer
    assert ">= 18" in talk.repository.files["door.py"]
    assert "number * 2" in talk.repository.files["door.py"]


async def test_a_constant_of_another_module_is_repaired_where_it_stands() -> None:
    talk = opened("from limits import ADULT\n\n\n" + CODE.replace("> 18", ">= ADULT"))
    talk.repository.files["limits.py"] = "ADULT = 19\n"
    answer = await talk.ask("fix the failing tests")
    assert talk.repository.files["limits.py"] == "ADULT = 18\n", answer


async def test_two_places_at_once() -> None:
    code = "def span(a, b):\n    low = a + 1\n    high = b + 1\n    return (low, high)\n"
    checks = "from door import span\n\n\ndef test_span():\n    assert span(5, 7) == (4, 6)\n"
    talk = opened(code, checks, edits=2)
    answer = await talk.ask("fix the failing tests")
    assert talk.submitted, answer
    assert "low = a - 1\n    high = b - 1" in talk.repository.files["door.py"]


async def test_a_declined_edit_is_taken_back_and_not_made_again() -> None:
    talk = opened()
    await talk.ask("fix the failing tests")
    talk.history += [PatchProposed(1, (), True, ""), HunksDeclined("door.py: not like this")]
    first = talk.repository.files["door.py"]
    await talk.ask("try again")
    assert talk.calls[5].tool == "edit"
    assert talk.repository.files["door.py"] not in (first, CODE)


async def test_a_resumed_session_goes_on_from_the_history() -> None:
    talk = opened()
    talk.history.append(PromptAccepted("fix the failing tests"))
    for _ in range(12):
        talk.policy = Forager(talk.bench, talk.repository, ForagerSettings(test_seconds=0.5))
        decision = await talk.decide()
        if isinstance(decision, FinalAnswer):
            break
        await talk.act(decision)
    assert talk.submitted
    assert isinstance(decision, FinalAnswer)
    assert "return age >= 18" in decision.text


async def test_a_rewound_turn_is_looked_into_anew() -> None:
    talk = opened()
    talk.history.append(PromptAccepted("fix the failing tests"))
    await talk.act(_act(await talk.decide()))
    kept = list(talk.history)
    await talk.act(_act(await talk.decide()))
    talk.history, talk.repository.files["door.py"] = kept, CODE
    assert _act(await talk.decide()).call.tool == "edit"


async def test_closing_early_ends_the_search() -> None:
    talk = opened()
    talk.history.append(PromptAccepted("fix the failing tests"))
    await talk.act(_act(await talk.decide()))
    steps = talk.policy.decide(tuple(talk.history))
    async for event in steps:
        if isinstance(event, ThoughtWritten):
            break
    await steps.aclose()
    judged = talk.bench.judged
    assert _act(await talk.decide()).call.tool == "edit"
    assert talk.bench.judged > judged


def _act(decision: Act | FinalAnswer) -> Act:
    assert isinstance(decision, Act), decision
    return decision


@pytest.mark.parametrize(
    ("prompt", "command"),
    [
        ("fix the failing tests", ""),
        ("tests/a.py::test_x fails", " tests/a.py::test_x"),
        ("fix tests/test_a.py", " tests/test_a.py"),
        ("fix door.py", ""),
        ("test_a[x-1] and test_b fail", " -k 'test_a or test_b'"),
        ("TestA.test_b is broken", " -k '(TestA and test_b)'"),
    ],
)
async def test_the_first_run_is_what_was_named(prompt: str, command: str) -> None:
    talk = opened()
    talk.history.append(PromptAccepted(prompt))
    assert _act(await talk.decide()).call.content == PYTEST + command
