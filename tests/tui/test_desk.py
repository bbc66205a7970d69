from __future__ import annotations

import pytest

from cwm_agent.events import Decision
from cwm_agent.tui.desk import Desk, bytes_of, text_of
from tests.tui.stories import review, wide_review


def test_what_is_not_decided_is_not_accepted() -> None:
    desk = Desk(review())
    desk.decide("accept")
    tally = desk.tally()
    assert (tally.hunks, tally.accepted, tally.undecided, tally.files) == (2, 1, 1, 1)
    assert desk.decisions == (Decision(0, 0, "accept"),)


def test_moving_goes_over_the_files_and_stops_at_the_ends() -> None:
    desk = Desk(wide_review())
    seen = [desk.place]
    while desk.move(1):
        seen.append(desk.place)
    assert seen == [(0, 0), (1, 0), (2, 0), (2, 1), (3, 0), (4, 0)]
    desk.move_file(-2)
    assert desk.place == (2, 0)


def test_a_file_in_part_says_so() -> None:
    desk = Desk(review())
    desk.decide("reject", "too long")
    assert desk.file_state(0) == "mixed"
    desk.decide_file("accept")
    assert desk.file_state(0) == "accept"
    desk.toggle()
    assert desk.state(0, 0) == "undecided"


def test_an_edit_that_changes_nothing_is_an_acceptance() -> None:
    desk = Desk(review())
    desk.edit(b"".join(desk.hunk.new_lines))
    assert desk.state(0, 0) == "accept"
    desk.edit(b"    return 0\n")
    assert desk.decisions[0] == Decision(0, 0, "edit", edited=b"    return 0\n")


@pytest.mark.parametrize("raw", [b"a\r\nb\r\n", b"a\nb", b"a\n", b"one\n\ttwo\n"])
def test_lines_come_back_from_the_editor_as_they_went(raw: bytes) -> None:
    text, ending = text_of(tuple(raw.splitlines(keepends=True)))
    assert "\r" not in text
    assert bytes_of(text, ending) == raw


@pytest.mark.parametrize("raw", [b"\xff\n", b"a\x1b[2J\n", "a\u202eb\n".encode(), b"a\r\nb\n"])
def test_lines_that_could_not_come_back_are_not_edited(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        text_of(tuple(raw.splitlines(keepends=True)))
