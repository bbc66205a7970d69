"""The decoder: what is a frame, what is unreadable and why, and where in a frame it is."""

from __future__ import annotations

import pytest

from cwm_agent.observations import Unreadable
from cwm_agent.traces.decode import STRAY_LIMIT, Decoder, Ended, read_text
from cwm_agent.traces.frames import FrameKind
from cwm_agent.traces.raw import RawFrame

CALL = '<|call_sep|>{"a": "1"}<|action_sep|>def f(a):\n<|frame_sep|>'
RETURN = '<|return_sep|><|action_sep|>    return a\n<|arg_sep|>"1"<|frame_sep|>'


def test_frames_and_the_end() -> None:
    assert read_text(CALL + RETURN + "<|end_of_text|>") == [
        RawFrame(event=FrameKind.CALL, source="def f(a):\n", locals={"a": "1"}),
        RawFrame(event=FrameKind.RETURN, source="    return a\n", value="1"),
        Ended(),
    ]


def test_a_trace_that_stops_between_frames_is_no_error() -> None:
    assert [type(event) for event in read_text(CALL)] == [RawFrame]


def test_locals_keep_their_order_and_any_spacing_is_read() -> None:
    events = read_text('<|line_sep|>{"z":"1",  "a":\n"\\u00e9"}<|action_sep|>x\n<|frame_sep|>')
    assert isinstance(events[0], RawFrame)
    assert list(events[0].locals.items()) == [("z", "1"), ("a", "é")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hello", "Frame 1, between frames: text that belongs to no frame."),
        ("\n" + CALL, "Frame 1, between frames: text that belongs to no frame."),
        ("<|action_sep|>x", "Frame 1, between frames: <|action_sep|> begins no frame."),
        ("<|eot_id|>", "Frame 1, between frames: <|eot_id|> begins no frame."),
        (CALL + "<|line_sep|>{", "Frame 2, in the locals: the text stops here."),
        (CALL[:-13], "Frame 1, in the source: the text stops here."),
        ("<|call_sep|><|action_sep|>", "Frame 1, in the locals: not JSON (Expecting value: line 1 column 1 (char 0))."),
        ("<|call_sep|>[]<|action_sep|>", "Frame 1, in the locals: not a JSON object."),
        ('<|call_sep|>[["a", "1"]]<|action_sep|>', "Frame 1, in the locals: not a JSON object."),
        ('<|call_sep|>{"a": 1}<|action_sep|>', "Frame 1, in the locals: `a` is not a JSON string."),
        ('<|call_sep|>{"a": {"b": "1"}}<|action_sep|>', "Frame 1, in the locals: `a` is not a JSON string."),
        ('<|call_sep|>{"a": "1", "a": "2"}<|action_sep|>', "Frame 1, in the locals: `a` stands twice."),
        ("<|line_sep|>{}<|frame_sep|>", "Frame 1, in the locals: <|frame_sep|> has no place here."),
        ("<|line_sep|>{}<|action_sep|>x<|arg_sep|>", "Frame 1, in the source: <|arg_sep|> has no place here."),
        ("<|line_sep|>{}<|action_sep|>x<|end_of_text|>", "Frame 1, in the source: <|end_of_text|> has no place here."),
        ("<|line_sep|>{}<|line_sep|>", "Frame 1, in the locals: <|line_sep|> has no place here."),
        ("<|return_sep|>{}<|action_sep|>", "Frame 1, in the locals: a return has no locals."),
        ("<|return_sep|><|action_sep|>x<|frame_sep|>", "Frame 1, in the source: <|frame_sep|> has no place here."),
        ("<|return_sep|><|action_sep|>x<|arg_sep|>1<|frame_sep|>", "Frame 1, in the value: not a JSON string."),
        ("<|return_sep|><|action_sep|>x<|arg_sep|>null<|frame_sep|>", "Frame 1, in the value: not a JSON string."),
        ("<|end_of_text|>" + CALL, "Frame 1, between frames: it goes on after its end."),
    ],
)
def test_what_is_not_of_the_format_is_shown_and_not_repaired(text: str, reason: str) -> None:
    last = read_text(text)[-1]
    assert isinstance(last, Unreadable)
    assert last.reason == reason
    assert last.raw
    assert last.raw in text


def test_nothing_is_read_after_nonsense() -> None:
    decoder = Decoder()
    assert [type(event) for event in decoder.feed_text("<|line_sep|><|line_sep|>" + CALL)] == [Unreadable]
    assert decoder.feed_text(CALL) == []
    assert decoder.close() == []


@pytest.mark.parametrize(
    "start", ['<|line_sep|>{"a": "', "<|line_sep|>{}<|action_sep|>", "<|return_sep|><|action_sep|>x<|arg_sep|>"]
)
def test_an_endless_frame_ends_at_the_limit(start: str) -> None:
    decoder = Decoder(limit=1000)
    decoder.feed_text(start)
    events = [event for _ in range(200) for event in decoder.feed_text("spam and ")]
    assert len(events) == 1
    assert isinstance(events[0], Unreadable)
    assert "longer than 1000 characters" in events[0].reason
    assert len(events[0].raw) <= 1000 + 60


def test_stray_text_is_given_up_early() -> None:
    decoder = Decoder()
    assert decoder.feed_text("x" * STRAY_LIMIT) == []
    assert [type(event) for event in decoder.feed_text("x")] == [Unreadable]


def test_deep_nesting_and_huge_numbers_do_not_raise() -> None:
    for text in ("[" * 100_000, '{"a": ' * 20_000, "1" * 100_000, '{"a": 1e999999}', '{"a": NaN}'):
        last = read_text(f"<|line_sep|>{text}<|action_sep|>")[-1]
        assert isinstance(last, Unreadable)
        assert len(last.reason) < 300


def test_the_partial_frame_shows_how_far_it_is() -> None:
    decoder = Decoder()
    decoder.feed_text(CALL + '<|line_sep|>{"a": "..')
    assert (decoder.partial.event, decoder.partial.part, decoder.partial.text) == (
        FrameKind.LINE,
        "locals",
        '{"a": "..',
    )
    decoder.feed_text('"}<|action_sep|>    ret')
    assert (decoder.partial.part, decoder.partial.text, decoder.partial.locals) == ("source", "    ret", {"a": ".."})
    decoder.feed_text("urn a\n<|frame_sep|><|return_sep|><|action_sep|>    return a\n<|arg_sep|>")
    assert (decoder.partial.part, decoder.partial.source) == ("value", "    return a\n")
    decoder.feed_text('"1"<|frame_sep|>')
    assert (decoder.partial.event, decoder.partial.part, decoder.partial.text) == (None, "between", "")
