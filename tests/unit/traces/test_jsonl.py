"""JSON lines: the fields of the contract, and a reader that a crash cannot hurt."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_agent.observations import Origin, Unreadable
from cwm_agent.traces.compare import compare
from cwm_agent.traces.frames import Basis, Frame, FrameKind, Trace
from cwm_agent.traces.jsonl import (
    FIELDS,
    LineReader,
    Note,
    Record,
    comparison_line,
    frame_line,
    read_line,
    trace_of,
)
from tests.unit.traces.strategies import lean, traces

FRAME = Frame(
    event=FrameKind.LINE,
    file="f.py",
    function="count",
    line=3,
    depth=0,
    source="    n += 1",
    locals={"n": "0"},
    basis={"n": Basis.CHOSEN},
)


def test_a_frame_is_an_object_with_exactly_these_fields() -> None:
    assert json.loads(frame_line(FRAME, Origin.IMAGINED)) == {
        "origin": "imagined",
        "event": "line",
        "file": "f.py",
        "function": "count",
        "line": 3,
        "depth": 0,
        "source": "    n += 1",
        "locals": {"n": "0"},
        "value": None,
        "basis": {"n": "chosen"},
    }
    assert tuple(json.loads(frame_line(FRAME, Origin.REAL))) == FIELDS
    assert read_line(frame_line(FRAME, Origin.IMAGINED)) == Record(Origin.IMAGINED, FRAME)


def test_the_comparison_is_the_last_line() -> None:
    other = Trace((FRAME, FRAME))
    written = json.loads(comparison_line(compare(Trace((FRAME,)), other)))["comparison"]
    assert list(written) == ["exact", "frames_before_divergence", "return_exact", "first_divergence", "sentence"]
    assert written["first_divergence"]["kind"] == "missing"
    assert json.loads(comparison_line(compare(other, other)))["comparison"]["first_divergence"] is None
    assert isinstance(read_line(comparison_line(compare(other, other))), Note)


@lean
@given(st.data(), traces(), st.integers(0, 30))
def test_what_is_written_is_read_with_any_split_and_any_tear(data: st.DataObject, trace: Trace, torn: int) -> None:
    whole = "".join(frame_line(frame, Origin.REAL) + "\n" for frame in trace.frames).encode()
    stream = whole[: max(0, len(whole) - torn)]
    reader, lines, start = LineReader(), [], 0
    while start < len(stream):
        size = data.draw(st.integers(1, 400))
        lines += reader.feed(stream[start : start + size])
        start += size
    lines += reader.close()
    found = trace_of(lines, Origin.REAL)
    kept = len(stream.split(b"\n")) - 1 if torn != 1 else len(trace.frames)
    assert found.frames == trace.frames[:kept]
    assert reader.torn == (torn > 1 and not stream.endswith(b"\n") and bool(stream))


def test_surrogates_and_odd_names_survive() -> None:
    odd = Frame(
        event=FrameKind.CALL, file="\udcff.py", function="größe", line=None, depth=1, source="", locals={"\ud800": "\n"}
    )
    assert read_line(frame_line(odd, Origin.REAL)) == Record(Origin.REAL, odd)


@pytest.mark.parametrize(
    "text",
    [
        b"nonsense",
        b"[1]",
        b"3",
        b"\xff\xfe",
        b'{"event": "line"}',
        b'{"event": "jump", "origin": "real"}',
        b"[" * 100_000,
        b'{"event": ' + b"1" * 10_000 + b"}",
        frame_line(FRAME, Origin.REAL).replace('"line": 3', '"line": 0').encode(),
        frame_line(FRAME, Origin.REAL).replace('"depth": 0', '"depth": 99999999999').encode(),
        frame_line(FRAME, Origin.REAL).replace('"n": "0"', '"n": 0').encode(),
    ],
)
def test_what_is_no_frame_is_unreadable_and_the_next_line_counts(text: bytes) -> None:
    good = frame_line(FRAME, Origin.REAL).encode()
    lines = LineReader().feed(text + b"\n\n" + good + b"\n")
    assert [type(line) for line in lines] == [Unreadable, Record]
    assert isinstance(lines[0], Unreadable)
    assert lines[0].reason
    assert len(lines[0].raw) <= 2000


def test_a_line_past_the_limit_is_skipped_and_not_held() -> None:
    reader = LineReader(limit=500)
    lines = [line for _ in range(1000) for line in reader.feed(b"x" * 100)]
    lines += reader.feed(b"\n" + frame_line(FRAME, Origin.REAL).encode() + b"\n")
    assert [type(line) for line in lines] == [Unreadable, Record]


def test_a_field_that_we_do_not_know_is_no_hindrance() -> None:
    written = {**json.loads(frame_line(FRAME, Origin.REAL)), "thread": 7}
    del written["basis"]
    found = read_line(json.dumps(written))
    assert isinstance(found, Record)
    assert found.frame.basis == {}


def test_a_mapped_file_of_a_killed_process_ends_at_its_first_zero() -> None:
    line = frame_line(FRAME, Origin.REAL).encode() + b"\n"
    for torn in (b"", line[:20]):
        stream, reader = line + torn + bytes(5000), LineReader(limit=1000)
        lines = [found for at in range(0, len(stream), 7) for found in reader.feed(stream[at : at + 7])]
        assert [*lines, *reader.close()] == [Record(Origin.REAL, FRAME)]
        assert reader.torn == bool(torn)


def test_a_frame_without_an_origin_has_none_unless_the_reader_knows_it() -> None:
    written = json.loads(frame_line(FRAME, Origin.REAL))
    del written["origin"]
    line = json.dumps(written).encode() + b"\n"
    assert isinstance(LineReader().feed(line)[0], Unreadable)
    assert LineReader(origin=Origin.REAL).feed(line) == [Record(Origin.REAL, FRAME)]
    imagined = frame_line(FRAME, Origin.IMAGINED).encode() + b"\n"
    assert LineReader(origin=Origin.REAL).feed(imagined) == [Record(Origin.IMAGINED, FRAME)]
