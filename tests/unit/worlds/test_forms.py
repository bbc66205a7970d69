"""Forced text and the model's tokens side by side: forms with gaps, the end of a string, tokens of any size."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_agent.observations import Completed, TraceCall
from cwm_agent.testing_models import ScriptedTraceModel, belief
from cwm_agent.traces.segments import as_text
from cwm_agent.worlds.imagination.blanks import StringScan
from cwm_agent.worlds.imagination.expect import Slot
from cwm_agent.worlds.imagination.form import Fork, Gap, Rest, form
from cwm_agent.worlds.imagined import ImaginedWorld
from tests.unit.worlds.stage import ask, bare, believed, real

lean = settings(deadline=None, max_examples=60)


@lean
@given(st.text(), st.text(), st.lists(st.integers(0, 40)), st.sampled_from(["", " "]))
def test_the_end_of_a_string_is_found_however_the_text_is_cut(
    value: str, after: str, cuts: list[int], blank: str
) -> None:
    text = blank + json.dumps(value) + after
    scan = StringScan(blank)
    places = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    for start, end in itertools.pairwise(places):
        over = scan.feed(text[start:end])
        if over is not None:
            assert scan.text == blank + json.dumps(value)
            assert over + text[end:] == after
            assert not scan.wrong
            return
    raise AssertionError("no end was found")


@pytest.mark.parametrize("text", ["x", ' x"', '"', "'1'", '  "1"', '\n"1"', ", "])
def test_what_is_no_string_is_seen_at_its_first_letter(text: str) -> None:
    scan = StringScan(" ")
    scan.feed(text)
    assert scan.wrong


def test_a_form_ends_its_text_where_a_token_may_end() -> None:
    assert form([]) == ["{}"]
    assert form([Slot("a", ".."), Slot("b", "'x'")]) == ['{"a": "..", "b": "\'x\'"}']
    assert form([Slot("a"), Slot("b", ".."), Slot("c")]) == ['{"a":', Gap("a"), ', "b": "..", "c":', Gap("c"), "}"]


def test_a_form_is_left_to_the_model_from_the_first_name_that_may_be_missing() -> None:
    assert form(None) == [Rest()]
    free, told, more = Slot("m", sure=False), Slot("a", ".."), Slot("o", sure=False)
    assert form([free, more]) == [Rest(names=frozenset("mo"))]
    rest = Rest(names=frozenset("amo"), needed=frozenset("a"), told={"a": ".."})
    assert form([told, free, more]) == ['{"a":', rest]
    whole = Rest(names=frozenset("amo"), needed=frozenset("a"), told={"a": "[1]"})
    assert form([Slot("a", "[1]"), free, more]) == ['{"a": "[1]', whole]
    last = Rest(done=frozenset("a"), names=frozenset("bm"), needed=frozenset("b"))
    assert form([told, Slot("b"), free]) == ['{"a": "..", "b":', last]


def test_a_last_name_that_may_be_missing_is_a_fork_between_two_texts() -> None:
    free, told = Slot("m", sure=False), Slot("a", "..")
    assert form([free]) == [Fork("m", "{}", '{"m":')]
    assert form([told, free]) == ['{"a":', Fork("m", ' ".."}', ' "..", "m":')]
    assert form([Slot("b"), Slot("a", "'x'"), free]) == [
        '{"b":',
        Gap("b"),
        ', "a":',
        Fork("m", " \"'x'\"}", ' "\'x\'", "m":'),
    ]


SOURCE = """\
def pick(pairs):
    best = "none \\\\ \\"so\\" far"
    for name, n in pairs:
        if n > 1:
            best = name
        else:
            names = [name, best]
    return best
"""
CALL = TraceCall(SOURCE, """pick([('a"b', 1), ("é,}", 2)])""", "f.py")


async def test_tokens_of_any_size_give_the_same_frames() -> None:
    segments = belief(*await believed(CALL))
    text = as_text(segment for segment in segments if isinstance(segment, str))
    for size in (2, 3, 4, 5, 7):
        for start in range(size):
            merges = {text[at : at + size] for at in range(start, len(text) - size, size)}
            model = ScriptedTraceModel(segments, merges=merges)
            frames, outcome = await ask(ImaginedWorld(model), CALL)
            assert model.strayed == []
            assert (bare(frames), outcome) == (list(real(CALL.source, CALL.entry)), Completed(0))


async def test_ids_that_the_model_wrote_are_kept_as_they_came() -> None:
    segments = belief(*await believed(CALL))
    model = ScriptedTraceModel(segments, merges=('",', '"}', ' "', '"', " '", "('a"))
    await ask(ImaginedWorld(model), CALL)
    prompts = [ids for ids, _ in model.requests]
    for before, after in itertools.pairwise(prompts):
        assert after[: len(before)] == before
