"""What is laid out piece by piece looks like what is laid out at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cwm_agent.tui.clip import Clip
from cwm_agent.tui.render.growing import Growing
from cwm_agent.tui.render.rows import Row, ours, text, wrapped

PIECES = st.lists(
    st.sampled_from(["word ", "a", "\n", "\r\n", "\t", "  ", "日本", "x" * 30, "\x1b", "\n\n", "⚠\ufe0f"])
)


def painted(rows: list[Row]) -> list[tuple[str, str, str]]:
    return [(row.content.plain, str(row.content.spans), row.fill) for row in rows]


@given(PIECES, st.integers(12, 50))
def test_a_growing_text_has_the_rows_of_the_whole(pieces: list[str], width: int) -> None:
    growing, first, whole = Growing(), ours("▾ thought   "), ""
    for piece in pieces:
        whole += piece
        value = whole.strip("\n")
        once = wrapped(text(value, "italic"), width, first)
        assert painted(growing.wrapped(value, width, first, "italic")) == painted(once)


def test_another_width_or_another_text_begins_anew() -> None:
    growing, first = Growing(), ours("  ")
    for value, width in (("one two\nthree", 10), ("one two\nthree", 30), ("else\nwhere", 30)):
        assert painted(growing.wrapped(value, width, first)) == painted(wrapped(text(value), width, first))


def test_only_what_is_new_is_laid_out() -> None:
    growing, first = Growing(), ours("  ")
    whole = "a line of a text\n" * 50
    before = growing.wrapped(whole + "and", 40, first)
    after = growing.wrapped(whole + "and more", 40, first)
    assert [row for row, other in zip(before, after, strict=True) if row is not other] == before[-1:]


@given(st.lists(st.lists(st.sampled_from(["a", "\n", "\r\n", "bb", "\n\n"])).map("".join)), st.integers(1, 6))
def test_the_end_of_a_clip_is_the_end_of_its_lines(pieces: list[str], count: int) -> None:
    clip = Clip()
    for piece in pieces:
        clip.add(piece)
    lines = clip.lines()
    assert clip.end(count) == (len(lines) - len(lines[-count:]), lines[-count:])


def test_the_end_of_a_clip_that_was_cut_counts_all_lines() -> None:
    clip = Clip()
    for number in range(60_000):
        clip.add(f"line {number}\n")
    assert clip.end(2) == (59_998, ["line 59998", "line 59999"])
