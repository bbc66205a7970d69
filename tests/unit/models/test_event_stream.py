"""Event streams from their bytes, and the meaning of a status; pure."""

from __future__ import annotations

import time
from email.utils import formatdate
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_agent.models.event_stream import LONGEST, EventStream
from cwm_agent.models.refusals import QUOTED, message, refusal

DATA = (
    st.binary(min_size=1)
    .map(lambda raw: raw.replace(b"\n", b"").strip())
    .filter(lambda raw: raw not in (b"", b"[DONE]"))
)


@given(st.lists(DATA, max_size=6), st.lists(st.integers(0, 400), max_size=8), st.sampled_from([b"\n", b"\r\n"]))
def test_however_it_is_split(events: list[bytes], cuts: list[int], end: bytes) -> None:
    body = b": hello" + end + b"".join(b"data: " + each + end + end for each in events) + b"data: [DONE]" + end
    at = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    reader = EventStream()
    found = [data for a, b in pairwise(at) for data in reader.feed(body[a:b])]
    assert found == events
    assert reader.done


def test_text_may_hold_what_parts_lines_on_a_screen() -> None:
    said = "\u2028\u2029\x85\x0b\x0c\x1c".encode()
    assert EventStream().feed(b"data: " + said + b"|\n") == [said + b"|"]


def test_nothing_follows_the_end_and_half_a_line_is_none() -> None:
    reader = EventStream()
    assert reader.feed(b"data: a\ndata: [DONE]") == [b"a"]
    assert not reader.done
    assert reader.feed(b"\ndata: b\n") == []
    assert reader.done
    assert reader.feed(b"data: c\n") == []


def test_a_line_without_an_end_is_not_kept() -> None:
    reader = EventStream()
    for _ in range(LONGEST // 1024):
        assert reader.feed(b"x" * 1024) == []
    with pytest.raises(ValueError, match="a line of more than"):
        reader.feed(b"x")


def test_long_lines_that_end_are_no_trouble() -> None:
    reader = EventStream()
    for _ in range(3):
        assert len(reader.feed(b"data: " + b"x" * (LONGEST - 100) + b"\n")) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("", None), ("7", 7.0), ("0", 0.0), ("-3", 0.0), ("soon", None), ("1e400", None), ("\u0663", 3.0)],
)
def test_retry_after(header: str, seconds: float | None) -> None:
    assert refusal("/x", 429, {"retry-after": header}, b"").seconds == seconds


def test_retry_after_may_be_a_date() -> None:
    found = refusal("/x", 503, {"retry-after": formatdate(time.time() + 90, usegmt=True)}, b"")
    assert found.seconds is not None
    assert 80 < found.seconds <= 90
    assert refusal("/x", 503, {"retry-after": formatdate(0, usegmt=True)}, b"").seconds == 0


@pytest.mark.parametrize(
    ("code", "passing", "faulty"),
    [
        *((307, False, False), (400, False, True), (401, False, True), (404, False, True), (408, True, False)),
        *((422, False, True), (429, True, False), (500, True, False), (503, True, False), (599, True, False)),
    ],
)
def test_what_passes_and_what_never_will(code: int, passing: bool, faulty: bool) -> None:
    found = refusal("/x", code, {}, b'{"error": {"message": "no\\nway"}}')
    assert (found.passing, found.faulty) == (passing, faulty)
    assert found.what == f"/x gives status {code}: no way"
    assert found.remedy


@given(st.binary(max_size=2000))
def test_any_body_is_told_in_one_short_line(body: bytes) -> None:
    said = refusal("/x", 500, {}, body).what
    assert "\n" not in said
    assert len(said) < QUOTED + 40


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"error": {"message": "a"}}, "a"),
        ({"error": "b"}, "b"),
        ({"message": "c"}, "c"),
        ({"detail": "d"}, "d"),
        ({"error": {"message": None, "code": 5}}, "{'message': None, 'code': 5}"),
        ([1], "[1]"),
    ],
)
def test_what_an_error_says(content: object, said: str) -> None:
    assert message(content) == said
