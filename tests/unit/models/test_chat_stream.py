"""Streamed replies, cut and mixed in every way: a call is given where its whole reply came, and nowhere else."""

from __future__ import annotations

import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_agent.models.chat_messages import Text, Thought, Wish
from cwm_agent.models.chat_stream import Piece, ReplyReader
from tests.unit.models import chat_pieces as pieces

lean = settings(deadline=None, max_examples=80)
ARGUMENTS = st.dictionaries(st.sampled_from(["command", "path", "search"]), st.text(max_size=40), max_size=3)
CALLS = st.lists(st.tuples(st.sampled_from(["bash", "edit"]), ARGUMENTS), max_size=3)


def read(said: list[dict[str, Any]]) -> tuple[ReplyReader, str, str]:
    """The reader after these pieces, and the thoughts and the text that it gave."""
    reader = ReplyReader()
    found = [each for piece in said for each in reader.feed(msgspec.convert(piece, Piece))]
    thoughts = "".join(each.text for each in found if isinstance(each, Thought))
    return reader, thoughts, "".join(each.text for each in found if isinstance(each, Text))


@lean
@given(st.text(max_size=60), st.text(max_size=60), CALLS, st.sampled_from(["reasoning", "reasoning_content"]))
def test_a_whole_reply_is_read(thoughts: str, words: str, calls: list[tuple[str, Any]], field: str) -> None:
    made = [pieces.call(tool, arguments, index=at) for at, (tool, arguments) in enumerate(calls)]
    said = pieces.whole(pieces.thought(thoughts, field), pieces.text(words), *made, reason="tool_calls")
    reader, thought, text = read(said)
    ended = reader.end()
    assert (thought, text, ended.how) == (thoughts, words, "complete")
    assert [(wish.tool, json.loads(wish.arguments)) for wish in ended.wishes] == calls
    assert (ended.prompt_tokens, ended.reply_tokens) == (1000, 50)


@lean
@given(CALLS.filter(bool), st.integers(0, 200), st.text(max_size=20))
def test_a_reply_that_is_cut_anywhere_gives_no_call(calls: list[tuple[str, Any]], at: int, words: str) -> None:
    made = [pieces.call(tool, arguments, index=number) for number, (tool, arguments) in enumerate(calls)]
    said = pieces.whole(pieces.text(words), *made, reason="tool_calls")
    cut = said[: at % (len(said) - 1)]  # without the piece that ends it
    reader, _, _ = read([each for each in cut if each["choices"] and not each["choices"][0]["finish_reason"]])
    assert not reader.finished
    with pytest.raises(ValueError, match="no end"):
        reader.end()


@pytest.mark.parametrize(("reason", "how"), [("length", "cut_off"), ("content_filter", "withheld")])
def test_a_reply_that_the_server_breaks_off_gives_no_call(reason: str, how: str) -> None:
    reader, _, text = read(pieces.whole(pieces.text("I"), pieces.call("bash", {"command": "ls"}), reason=reason))
    assert text == "I"
    assert (reader.end().how, reader.end().wishes) == (how, ())


@pytest.mark.parametrize("seed", range(10))
def test_calls_that_come_interleaved_are_kept_apart(seed: int) -> None:
    dice = random.Random(seed)
    made = [pieces.call("bash", {"command": f"echo {at} {'x' * at * 9}"}, index=at) for at in range(3)]
    mixed = []
    while any(made):
        mixed.append(dice.choice([each for each in made if each]).pop(0))
    ended = read(pieces.whole(mixed))[0].end()
    by_name = {json.loads(wish.arguments)["command"].split()[1]: wish.identity for wish in ended.wishes}
    assert by_name == {"0": "c0", "1": "c1", "2": "c2"}


def function(name: str | None, arguments: str) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        # the same index for all, whole calls (Ollama)
        ([{"index": 0, "id": "a", **function("bash", "{}")}, {"index": 0, "id": "b", **function("edit", "[]")}], 2),
        # no index at all, whole calls
        ([{"id": "a", **function("bash", "{}")}, {"id": "b", **function("edit", "[]")}], 2),
        ([function("bash", "{}"), function("edit", "[]")], 2),
        # no index, in pieces
        ([function("bash", '{"a'), function(None, '": 1}')], 1),
        # a new identity in each piece (older vLLM)
        ([{"index": 0, "id": "a", **function("bash", "{")}, {"index": 0, "id": "b", **function(None, "}")}], 1),
        # the name in each piece
        ([{"index": 0, "id": "a", **function("bash", "{")}, {"index": 0, "id": "a", **function("bash", "}")}], 1),
        ([{"index": 0, **function("bash", "{")}, {"index": 0, **function("bash", "}")}], 1),
    ],
)
def test_what_servers_make_of_indices(deltas: list[dict[str, Any]], expected: int) -> None:
    ended = read(pieces.whole([pieces.delta(tool_calls=[each]) for each in deltas]))[0].end()
    assert len(ended.wishes) == expected
    assert {wish.tool for wish in ended.wishes} <= {"bash", "edit"}
    assert all(json.loads(wish.arguments) in ({}, [], {"a": 1}) for wish in ended.wishes)


def test_what_stands_behind_the_end_is_no_part_of_it() -> None:
    late = pieces.call("bash", {"command": "rm -rf /"})
    reader, _, text = read([*pieces.whole(pieces.text("ok")), *late, *pieces.text("more")])
    assert (text, reader.end().wishes) == ("ok", ())


def test_pieces_without_anything_are_nothing() -> None:
    reader, _, _ = read([{}, {"choices": []}, {"choices": None}, {"choices": [{}]}, {"choices": [{"delta": None}]}])
    assert not reader.finished


def test_a_call_without_a_name_is_a_call_of_nothing() -> None:
    (wish,) = read(pieces.whole([pieces.delta(tool_calls=[{"index": 0}])]))[0].end().wishes
    assert wish == Wish("", "", "")
