"""The history as a conversation: a longer history begins with the conversation of a shorter one."""

from __future__ import annotations

from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_agent.errors import UsageError
from cwm_agent.events import (
    ActionBegan,
    ActionEnded,
    ActionProposed,
    AgentEvent,
    HunksDeclined,
    Noticed,
    PatchApplied,
    PredictionScored,
    PromptAccepted,
    Rested,
    SessionResumed,
    TextWritten,
    ThoughtWritten,
    ToolCall,
    TracePinned,
)
from cwm_agent.models.chat_format.reply import Flaw, FormatBroken
from cwm_agent.observations import Completed, Origin
from cwm_agent.policies.conversation.prompts import Prompts
from cwm_agent.policies.conversation.reading import Answered, Asked, Note, Said, read
from cwm_agent.policies.cwm.wording import Wording
from cwm_agent.settings import LimitSettings
from cwm_agent.traces.segments import as_text

lean = settings(deadline=None, max_examples=60)
LS = ToolCall("bash", "ls")
SURPRISE = PredictionScored("test", "t.py::t", "passed", "failed", came_true=False, sentence="It failed.")
ASIDES: tuple[AgentEvent, ...] = (
    SURPRISE,
    HunksDeclined("not this"),
    TracePinned(1, Origin.IMAGINED, "tests/test_a.py", "test_x", "tiny"),
    PatchApplied(1, "r", ("a.py",)),
    Noticed("info", "hm"),
    SessionResumed("s"),
)
SPOKEN: tuple[AgentEvent, ...] = (ThoughtWritten("t"), TextWritten("w"))


def ended(origin: Origin, text: str, code: int = 0) -> ActionEnded:
    return ActionEnded(1, origin, Completed(code), text, 0.0)


@st.composite
def turns(draw: st.DrawFn) -> tuple[list[AgentEvent], list[int]]:
    """A history, and the lengths at which a policy decides."""
    events: list[AgentEvent] = []
    decided = []

    def aside() -> None:
        events.extend(draw(st.lists(st.sampled_from(ASIDES), max_size=1)))

    for number in range(draw(st.integers(1, 3))):
        aside()
        users = draw(st.integers(0, 3)) == 0
        events.append(PromptAccepted("!ls" if users else f"request {number}"))
        for _ in range(1 if users else draw(st.integers(0, 3))):
            aside()
            if not users:
                decided.append(len(events))
                for event in draw(st.lists(st.sampled_from(SPOKEN), max_size=3)):
                    aside()
                    events.append(event)
            events.append(ActionProposed(1, LS))
            for origin in draw(st.sampled_from([[Origin.REAL], [Origin.IMAGINED], [Origin.IMAGINED, Origin.REAL]])):
                events += [ActionBegan(1, origin), ended(origin, str(origin))]
        if not users:
            decided.append(len(events))
            events += draw(st.lists(st.sampled_from(SPOKEN), max_size=2))
        events.append(Rested(draw(st.sampled_from(["answered", "interrupted", "limit", "fixed"]))))
    return events, decided


@lean
@given(turns())
def test_a_longer_history_begins_with_the_same_entries(made: tuple[list[AgentEvent], list[int]]) -> None:
    events, decided = made
    before: list[object] = []
    for at in decided:
        now = read(events[:at], [each for each in decided if each <= at])
        assert now[: len(before)] == before
        assert isinstance(now[-1], Asked | Answered)
        before = list(now)


@lean
@given(turns())
def test_what_is_read_without_those_points_differs_in_notes_alone(made: tuple[list[AgentEvent], list[int]]) -> None:
    events, decided = made
    with_points, without = read(events, decided), read(events)
    assert [type(entry) for entry in with_points] == [type(entry) for entry in without]
    assert [entry for entry in with_points if isinstance(entry, Said)] == [
        entry for entry in without if isinstance(entry, Said)
    ]


def test_a_whole_turn() -> None:
    history = [
        PromptAccepted("fix it"),
        ThoughtWritten("a"),
        ThoughtWritten("b"),
        TextWritten("c"),
        ActionProposed(1, LS),
        ended(Origin.IMAGINED, "guess"),
        ended(Origin.REAL, "fact", 1),
        SURPRISE,
        HunksDeclined("no"),
        TracePinned(1, Origin.REAL, "tests/test_a.py", "test_x"),
        TextWritten("done"),
        Rested("answered"),
        PromptAccepted("!ls"),
        ActionProposed(2, LS),
        ended(Origin.REAL, "listed"),
        Rested("answered"),
        PromptAccepted("and?"),
    ]
    notes = (
        Note("surprise", "t.py::t: IMAGINED: passed; RAN: failed. It failed."),
        Note("declined", "no"),
        Note("pinned", "tests/test_a.py::test_x expects a value that RAN"),
    )
    assert read(history) == [
        Asked("fix it", first=True),
        Said("ab", "c", LS),
        Answered(call=LS, action=1, observation="fact", imagined=False, good=False, turns=1, notes=notes),
        Said("", "done"),
        Asked("and?", first=False, notes=(Note("ran", "ls", "listed", 1),)),
    ]


def test_a_request_may_begin_as_a_command_does() -> None:
    assert read([PromptAccepted("!important")]) == [Asked("!important", first=True)]
    said = [PromptAccepted("!important"), TextWritten("Yes."), Rested("answered")]
    assert read(said) == [Asked("!important", first=True), Said("", "Yes.")]


def test_an_imagined_answer_is_one_where_nothing_ran() -> None:
    read_ = read([PromptAccepted("go"), ActionProposed(1, LS), ended(Origin.IMAGINED, "guess")])
    assert isinstance(read_[-1], Answered)
    assert read_[-1].imagined


def wording(folder: Path | None = None, *, thinking: bool = True, guidance: str = "") -> Wording:
    said = {"thinking": thinking, "guidance": lambda: guidance}
    return Wording(Prompts(folder), LimitSettings(), command_seconds=120.0, **said)


@pytest.mark.parametrize("flaw", get_args(Flaw))
@pytest.mark.parametrize("thinking", [True, False])
def test_every_flaw_has_its_words(flaw: Flaw, *, thinking: bool) -> None:
    text = as_text(wording(thinking=thinking).format_error(FormatBroken(flaw, "DETAIL")))
    said = text.partition("FormatError: ")[2].partition("\n")[0]
    assert len(said) > 30
    assert ("</think>`, and then one tool call" in text) == thinking


@pytest.mark.parametrize("kind", get_args(get_type_hints(Note)["kind"]))
def test_every_note_has_its_words(kind: str) -> None:
    note = Note(kind, "TEXT", "OUTPUT")  # type: ignore[arg-type]
    text = as_text(wording().asked(Asked("REQUEST", first=False, notes=(note,))))
    assert text.index("[") < text.index("]\nREQUEST<")


def test_the_rules_hold_what_the_repository_says() -> None:
    rules = wording(guidance="\nUse tabs. {{ x }}\n").rules(1000)
    assert rules.endswith("# Guidance of this repository\n\nUse tabs. {{ x }}")
    assert "at most 128 turns and 1000 tokens" in rules
    assert not wording(thinking=False).rules(1000).count("<think>")


def test_a_folder_of_the_users_replaces_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "system.md.j2").write_text("You are brief. {{ turns }}")
    mine = wording(tmp_path)
    assert mine.rules(1) == "You are brief. 128"
    assert "FormatError: " in as_text(mine.format_error(FormatBroken("empty")))


@pytest.mark.parametrize("template", ["{{ nothing_of_ours }}", "{% if %}", "{{ turns.x() }}", "{{ 1 / 0 }}"])
def test_a_wrong_template_is_named(tmp_path: Path, template: str) -> None:
    (tmp_path / "system.md.j2").write_text(template)
    with pytest.raises(UsageError, match=r"system\.md\.j2"):
        wording(tmp_path).rules(1)
