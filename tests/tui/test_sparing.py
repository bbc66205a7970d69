"""What a terminal is not sent again: it shows the same as if it were."""

from __future__ import annotations

import pyte
from hypothesis import given
from hypothesis import strategies as st

from cwm_agent.tui.sparing import Sparing

COLUMNS, ROWS = 20, 4
START, END = "\x1b[?2026h", "\x1b[?2026l"
texts = st.text(st.sampled_from("ab ─▏字"), max_size=6)
pieces = st.tuples(st.integers(1, ROWS), st.integers(1, 6), texts, st.sampled_from(["", "31", "1;42"]))
frames = st.lists(pieces, max_size=5)


def drawn(frame: list[tuple[int, int, str, str]]) -> str:
    """A frame as Textual writes it: each piece at its place, in its own style, and the cursor at the end."""
    parts = [
        f"\x1b[{y};{x}H\x1b[{style}m{text}\x1b[0m" if style else f"\x1b[{y};{x}H{text}" for y, x, text, style in frame
    ]
    return "\n".join(parts) + "\x1b[1;1H"


def seen(screen: pyte.Screen) -> list[list[pyte.screens.Char]]:
    return [[screen.buffer[y][x] for x in range(COLUMNS)] for y in range(ROWS)]


@given(st.lists(frames, max_size=8))
def test_a_terminal_shows_the_same_whether_it_is_spared_or_not(story: list[list[tuple[int, int, str, str]]]) -> None:
    plain, spared, sparing = pyte.Screen(COLUMNS, ROWS), pyte.Screen(COLUMNS, ROWS), Sparing()
    one, other = pyte.Stream(plain), pyte.Stream(spared)
    for frame in story:
        data = drawn([piece for piece in frame if piece[0] < ROWS])  # a line end in the last row would scroll
        one.feed(data.replace("\n", "\r\n"))
        other.feed(sparing.needed(data))
        assert seen(plain) == seen(spared)


def test_what_stands_there_is_not_sent_again_and_what_covered_it_is() -> None:
    sparing = Sparing()
    row = "\x1b[2;1H\x1b[31mhello     \x1b[0m"
    assert sparing.needed(f"{START}{row}\n\x1b[3;1Hthere{END}") != ""
    sparing.forget()
    first = sparing.needed(f"{row}\n\x1b[3;1Hthere\x1b[9;9H")
    assert first == f"{row}\x1b[3;1Hthere\x1b[9;9H", "all of it, without the line end that the next place makes idle"
    assert sparing.needed(f"{row}\n\x1b[3;1Hthere\x1b[9;9H") == "\x1b[9;9H", "the cursor alone"
    assert sparing.needed("\x1b[2;4Hp\x1b[9;9H") == "\x1b[2;4Hp\x1b[9;9H"
    assert sparing.needed(f"{row}\x1b[9;9H") == f"{row}\x1b[9;9H", "it was covered in part"


def test_after_anything_else_nothing_is_taken_for_known() -> None:
    sparing = Sparing()
    row = "\x1b[2;1Hhello"
    for other in ("\x1b[?1049h", "\x1b[2J", "\x1b[5;1H\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\"):
        assert sparing.needed(row) == row
        assert sparing.needed(row) == ""
        assert sparing.needed(other) == other
    assert sparing.needed(row) == row
    assert sparing.needed(START) == START
    assert sparing.needed("\x07") == "\x07"
    assert sparing.needed("\x1b]9;done\x07") == "\x1b]9;done\x07"
    assert sparing.needed(row) == "", "a bell and a mark change nothing on the screen"
