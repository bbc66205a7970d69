"""CWM's chat: whole messages as ids, and replies read in any split, whole or broken."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_agent.errors import ModelUnavailable
from cwm_agent.events import ToolCall
from cwm_agent.models.chat_format import messages
from cwm_agent.models.chat_format.reply import Ended, FormatBroken, ReplyEvent, ReplyReader, Text, Thought
from cwm_agent.traces.grammar import CWM, Special, Vocabulary
from cwm_agent.traces.segments import IdSplitter, Segment, as_ids, as_text

lean = settings(deadline=None, max_examples=100)
TOOLS = ("bash", "edit", "create", "submit")
MARKS = ("<think>", "</think>", "<tool:", "<tool: bash>", "<tool: nope>", "</tool>", "\n", "\n\n", "<", "</", " ", "é")
SCRAPS = (
    *MARKS,
    *(special.value for special in Special),
    "ls -l",
    "\x00",
    "\ud800",
    "]]",
    "<tool: edit>\n",
    "\n</tool>\n",
)
WHOLE = "I look first.\n</think>\nLet me see.\n<tool: bash>\npytest -q\nls\n</tool>"


def read(pieces: Iterable[Segment], *, thinking: bool = True, cut_off: bool = False) -> list[ReplyEvent]:
    reader = ReplyReader(TOOLS, thinking=thinking)
    events = [event for piece in pieces for event in reader.feed(piece)]
    return joined([*events, *reader.close(cut_off=cut_off)])


def joined(events: Iterable[ReplyEvent]) -> list[ReplyEvent]:
    """The same, with neighbouring pieces as one."""
    found: list[ReplyEvent] = []
    for event in events:
        last = found[-1] if found else None
        if isinstance(event, Thought) and isinstance(last, Thought):
            found[-1] = Thought(last.text + event.text)
        elif isinstance(event, Text) and isinstance(last, Text):
            found[-1] = Text(last.text + event.text)
        else:
            found.append(event)
    return found


def flaw(text: str, **more: bool) -> str:
    last = read([text], **more)[-1]
    return last.flaw if isinstance(last, FormatBroken) else "none"


def encode(text: str) -> list[int]:
    return list(text.encode("utf-8", "surrogatepass"))


def test_a_conversation_is_what_the_guide_says() -> None:
    spelt = as_text(
        [
            *messages.begin(),
            *messages.message(messages.SYSTEM, "S"),
            *messages.message(messages.USER, "U"),
            *messages.opening(thinking=True),
            "T\n</think>\nA",
            *messages.end(),
            *messages.message(messages.tool_role("bash"), messages.answer("out\n", "<budget>\nB\n</budget>")),
            *messages.opening(thinking=False),
        ]
    )
    assert spelt == (
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nU<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n<think>\nT\n</think>\nA<|eot_id|>"
        "<|start_header_id|>tool: bash<|end_header_id|>\n\n<output>\nout\n</output>\n\n<budget>\nB\n</budget><|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )


@lean
@given(st.lists(st.one_of(st.text(), st.sampled_from([each.value for each in Special])), max_size=6).map("".join))
def test_a_text_that_spells_separators_stays_text(body: str) -> None:
    ids = as_ids(messages.message(messages.USER, body), CWM, encode)
    separators = [number for number in ids if number in CWM.specials()]
    assert separators == [CWM.id(each) for each in (Special.HEADER, Special.HEADER_END, Special.END_OF_TURN)]
    splitter = IdSplitter(CWM, lambda number: bytes((number,)))
    segments = [*splitter.feed(ids), *splitter.close()]
    assert "".join(each for each in segments if isinstance(each, str)) == f"user\n\n{body}"


def test_a_model_without_a_chat_is_told_from_one_with() -> None:
    messages.check(CWM)
    with pytest.raises(ModelUnavailable, match="start_header_id"):
        messages.check(Vocabulary({Special.BEGIN: 0, Special.END_OF_TURN: 1, Special.HEADER_END: 2}))


def test_a_reply_with_a_call() -> None:
    assert read([WHOLE]) == [
        Thought("I look first.\n"),
        Text("\nLet me see.\n"),
        ToolCall("bash", "pytest -q\nls"),
        Ended(),
    ]
    assert read([WHOLE + "\n \n"])[-2:] == [ToolCall("bash", "pytest -q\nls"), Ended()]


def test_a_reply_in_words() -> None:
    assert read(["so\n</think>\n\nIt is done."]) == [Thought("so\n"), Text("\n\nIt is done."), Ended()]
    assert read(["It is done."], thinking=False) == [Text("It is done."), Ended()]


def test_a_call_comes_no_sooner_than_it_is_certain() -> None:
    reader = ReplyReader(TOOLS)
    events = [event for piece in WHOLE + "\n\n" for event in reader.feed(piece)]
    assert not any(isinstance(event, ToolCall | Ended) for event in events)
    assert reader.close() == [ToolCall("bash", "pytest -q\nls"), Ended()]


def test_what_is_certain_is_given_at_once() -> None:
    reader = ReplyReader(TOOLS)
    assert reader.feed("I wonder <") == [Thought("I wonder ")]
    assert reader.feed("b></think>Now") == [Thought("<b>"), Text("Now")]
    assert reader.feed(" I <tool: bash> a\n<to") == [Text(" I <tool: bash> a\n")]
    assert reader.feed("uch>") == [Text("<touch>")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("only thoughts", "no_end_of_thought"),
        ("", "no_end_of_thought"),
        ("a<tool: bash>\nls\n</tool>", "no_end_of_thought"),
        ("a</think>b</think>c", "stray_end_of_thought"),
        ("a</think>\n<tool: bash>\necho '</think>'\n</tool>", "stray_end_of_thought"),
        ("a</think>\n<tool: bash>\nls\n</tool>\n<tool: bash>\npwd\n</tool>", "two_calls"),
        ("a</think>\n<tool: bash>\nls\n<tool: edit>\npwd\n</tool>", "two_calls"),
        ("a</think>\n<tool: python>\nls\n</tool>", "unknown_tool"),
        ("a</think>\n<tool: bash>\nls\n", "unclosed_call"),
        ("a</think>\n<tool: bash>\nls</tool>", "unclosed_call"),
        ("a</think>\n<tool: bash> ls </tool>", "bad_tag"),
        ("a</think>\n<tool: bash", "bad_tag"),
        ("a</think>\n<tool:bash>\nls\n</tool>", "bad_tag"),
        ("a</think>\nI run <tool: bash>\nls\n</tool>", "unopened_call"),
        ("a</think>\n<tool: bash>\nls\n</tool>\nand more", "text_after_call"),
        ("a</think>\n<tool: bash>\nls\n</tool>\n</tool>", "text_after_call"),
        ("a</think>", "empty"),
        ("a</think>\n \n", "empty"),
    ],
)
def test_what_breaks_the_format(text: str, expected: str) -> None:
    assert flaw(text) == expected
    assert not any(isinstance(event, ToolCall) for event in read([text]))


def test_a_reply_that_was_cut_off_has_no_call() -> None:
    assert flaw(WHOLE, cut_off=True) == "cut_off"
    assert flaw("hm", thinking=False, cut_off=True) == "cut_off"


def test_separators_are_no_part_of_a_reply_but_those_of_a_trace_in_thoughts() -> None:
    assert read(["x", Special.LINE, "y</think>z"])[0] == Thought("x<|line_sep|>y")
    assert read(["x", Special.HEADER, "y</think>z"]) == [Thought("x"), FormatBroken("separator", Special.HEADER.value)]
    assert read(["</think>z", Special.LINE])[-1] == FormatBroken("separator", Special.LINE.value)


def test_nothing_comes_after_the_verdict() -> None:
    reader = ReplyReader(TOOLS)
    assert reader.feed("a</think>b</think>")[-1] == FormatBroken("stray_end_of_thought")
    assert reader.broken
    assert reader.feed("c") == []
    assert reader.close() == []


LINES = st.lists(
    st.one_of(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])), st.sampled_from(["<", "</"]))
).map("\n".join)


def clean(text: str) -> bool:
    marks = ("</think>", "<tool:", "</tool>")
    return not any(mark in text for mark in marks)


@lean
@given(
    thoughts=LINES.filter(clean),
    text=LINES.filter(clean),
    call=st.none() | st.builds(ToolCall, st.sampled_from(TOOLS), LINES.filter(clean)),
    thinking=st.booleans(),
    cuts=st.lists(st.integers(0, 400), max_size=8),
)
def test_what_is_written_is_read(
    *, thoughts: str, text: str, call: ToolCall | None, thinking: bool, cuts: Sequence[int]
) -> None:
    written = messages.reply(thoughts, text, call, thinking=thinking)
    events = read(split(written, cuts), thinking=thinking)
    if call is None and not text.strip(" \t\r\n"):
        assert events[-1] == FormatBroken("empty")
        return
    assert events[-1] == Ended()
    assert [event for event in events if isinstance(event, ToolCall)] == ([call] if call else [])
    said = "".join(event.text for event in events if isinstance(event, Text))
    assert said.strip("\n") == text.strip("\n")
    thought = "".join(event.text for event in events if isinstance(event, Thought))
    assert thought.rstrip("\n") == (thoughts.rstrip("\n") if thinking else "")


def split(text: str, cuts: Sequence[int]) -> list[str]:
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    return [text[start:stop] for start, stop in pairwise(places)]


def mutated(dice: random.Random) -> str:
    text = WHOLE if dice.random() < 0.7 else ""
    for _ in range(dice.randrange(1, 9)):
        at = dice.randrange(len(text) + 1)
        text = text[:at] + dice.choice(SCRAPS) + text[at + dice.randrange(3) * dice.randrange(9) :]
    return text


def test_random_replies_in_random_splits() -> None:
    dice = random.Random(7)
    verdicts = set()
    for _ in range(20_000):
        text = mutated(dice)
        thinking = dice.random() < 0.8
        whole = read([text], thinking=thinking)
        verdicts.add(whole[-1].flaw if isinstance(whole[-1], FormatBroken) else type(whole[-1]).__name__)
        assert isinstance(whole[-1], Ended | FormatBroken)
        assert sum(isinstance(event, Ended | FormatBroken) for event in whole) == 1
        calls = [event for event in whole if isinstance(event, ToolCall)]
        assert len(calls) <= (whole[-1] == Ended())
        cuts = [dice.randrange(len(text) + 1) for _ in range(dice.randrange(12))]
        assert read(split(text, cuts), thinking=thinking)[-1] == whole[-1]
        if whole[-1] == Ended():
            assert read(text, thinking=thinking) == whole
    assert len(verdicts) >= 10, verdicts
