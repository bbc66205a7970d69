"""What is encoded is decoded, by text and by ids, however the stream is split."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from cwm_agent.traces.decode import Decoder, Ended, TraceEvent, read_segments
from cwm_agent.traces.encode import frame_segments, trace_segments
from cwm_agent.traces.frames import Frame, FrameKind, Trace
from cwm_agent.traces.grammar import CWM, Special
from cwm_agent.traces.locals import Resolver, shorten
from cwm_agent.traces.raw import RawFrame
from cwm_agent.traces.segments import IdSplitter, TextSplitter, as_ids, as_text
from tests.unit.traces.strategies import lean, spells_a_separator, traces


def pieces(draw: st.DrawFn, length: int) -> list[tuple[int, int]]:
    cuts = draw(st.lists(st.integers(0, length), max_size=12).map(sorted))
    return list(zip([0, *cuts], [*cuts, length], strict=True))


def by_bytes(text: str) -> list[int]:
    return list(text.encode("utf-8"))


def whole(events: list[TraceEvent], depths: list[int]) -> list[tuple[FrameKind, str, object, str | None]]:
    """What the events say once their locals are whole again."""
    resolver = Resolver()
    assert isinstance(events[-1], Ended)
    raws = [event for event in events if isinstance(event, RawFrame)]
    return [
        (raw.event, raw.source, resolver.resolve(raw, depth), raw.value)
        for raw, depth in zip(raws, depths, strict=True)
    ]


def expected(trace: Trace) -> list[tuple[FrameKind, str, object, str | None]]:
    return [(f.event, f.source + "\n", f.locals, f.value) for f in trace.frames]


@lean
@given(st.data(), traces())
def test_by_text_with_any_split(data: st.DataObject, trace: Trace) -> None:
    assume(not spells_a_separator(trace))
    text = as_text(trace_segments(trace.frames))
    decoder = Decoder()
    events: list[TraceEvent] = []
    for start, end in data.draw(st.composite(lambda draw: pieces(draw, len(text)))()):
        events += decoder.feed_text(text[start:end])
    events += decoder.close()
    assert whole(events, [f.depth for f in trace.frames]) == expected(trace)


@lean
@given(st.data(), traces())
def test_by_ids_with_any_split_and_any_text(data: st.DataObject, trace: Trace) -> None:
    ids = as_ids(trace_segments(trace.frames), CWM, by_bytes)
    decoder, splitter = Decoder(), IdSplitter(CWM, lambda number: bytes([number]))
    events: list[TraceEvent] = []
    for start, end in data.draw(st.composite(lambda draw: pieces(draw, len(ids)))()):
        events += decoder.feed(splitter.feed(ids[start:end]))
    events += [*decoder.feed(splitter.close()), *decoder.close()]
    assert whole(events, [f.depth for f in trace.frames]) == expected(trace)


@lean
@given(traces())
def test_a_decoded_trace_is_encoded_as_it_was(trace: Trace) -> None:
    raws = [event for event in read_segments(trace_segments(trace.frames)) if isinstance(event, RawFrame)]
    assert raws == shorten(trace.frames)
    segments = [segment for raw in raws for segment in frame_segments(raw)]
    assert [*segments, Special.END] == trace_segments(trace.frames)


@lean
@given(traces())
def test_whole_values_everywhere_are_read_as_well(trace: Trace) -> None:
    raws = [RawFrame(event=f.event, source=f.source + "\n", locals=f.locals, value=f.value) for f in trace.frames]
    segments = [*(segment for raw in raws for segment in frame_segments(raw)), Special.END]
    assert whole(read_segments(segments), [f.depth for f in trace.frames]) == expected(trace)


scraps = st.lists(
    st.one_of(
        st.sampled_from(list(Special)).map(lambda special: special.value),
        st.sampled_from(['{"a": "1"}', '{"a": ".."}', '"1"', "x = 1\n", "<|", "<|frame", "sep|>", "{", "\\", "[[["]),
        st.text(max_size=4),
    ),
    max_size=14,
).map("".join)


@lean
@given(scraps, st.integers(1, 60))
def test_any_text_is_read_alike_whole_and_by_characters(text: str, limit: int) -> None:
    at_once, slowly = Decoder(limit), Decoder(limit)
    first = [*at_once.feed_text(text), *at_once.close()]
    second = [event for character in text for event in slowly.feed_text(character)]
    assert first == [*second, *slowly.close()]


@lean
@given(st.data(), scraps)
def test_the_splitter_loses_nothing(data: st.DataObject, text: str) -> None:
    splitter, found = TextSplitter(), []
    for start, end in data.draw(st.composite(lambda draw: pieces(draw, len(text)))()):
        found += splitter.feed(text[start:end])
    assert as_text([*found, *splitter.close()]) == text


def test_text_that_spells_a_separator_stays_text_by_ids() -> None:
    frame = Frame(
        event=FrameKind.LINE,
        file="",
        function="",
        line=1,
        depth=0,
        source="s = '<|line_sep|><|end_of_text|>'",
        locals={"s": "'<|frame_sep|>'"},
    )
    ids = as_ids(trace_segments([frame]), CWM, by_bytes)
    assert [number for number in ids if number > 255] == [128104, 128101, 128100, 128001]
    events = read_segments(IdSplitter(CWM, lambda number: bytes([number])).feed(ids))
    assert [type(event) for event in events] == [RawFrame, Ended]
    assert isinstance(events[0], RawFrame)
    assert (events[0].source, events[0].locals) == (frame.source + "\n", frame.locals)
