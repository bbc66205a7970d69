"""Names of files and tests over all widths: what people look for stays, and folders in the middle go first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from cwm_agent.views.names import short, subject
from cwm_agent.views.spans import middle

PATH = "services/billing/internal/refunds/rounding.py"
TEST = "tests/unit/test_refund.py::test_refund_keeps_the_cent"


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (45, PATH),
        (44, "services/billing/…/refunds/rounding.py"),
        (37, "services/…/refunds/rounding.py"),
        (29, "services/…/rounding.py"),
        (21, "…/rounding.py"),
        (12, "rounding.py"),
        (11, "rounding.py"),
        (10, "round…g.py"),
        (3, "r…y"),
        (1, "…"),
        (0, ""),
    ],
)
def test_the_file_stays_and_the_folders_in_the_middle_go(room: int, expected: str) -> None:
    assert short(PATH, room) == expected


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (53, TEST),
        (52, "tests/…/test_refund.py::test_refund_keeps_the_cent"),
        (49, "…/test_refund.py::test_refund_keeps_the_cent"),
        (43, "test_refund.py::test_refund_keeps_the_cent"),
        (30, "test_refund.py::test_re…e_cent"),
        (24, "test_refund.py::test…ent"),
        (23, "test_refund.py"),
    ],
)
def test_of_a_test_the_file_and_the_test_stay(room: int, expected: str) -> None:
    assert short(TEST, room) == expected


def test_a_call_is_cut_as_a_value_and_a_test_as_a_name() -> None:
    assert subject(TEST, 30) == "test_refund.py::test_re…e_cent"
    assert subject("a.py::test_x[f(1)]", 40) == "a.py::test_x[f(1)]"
    call = f"f({'9' * 100})"
    assert subject(call, 30) == middle(call, 30)
    told = f"load('a.py::x', {'1' * 90})"
    assert subject(told, 40) == middle(told, 40)


def test_what_a_terminal_would_obey_is_shown() -> None:
    assert short("a\x1b[31m.py", 40) == "a␛[31m.py"
    assert short("a\nb.py", 40) == "a␊b.py"


PARTS = st.text("abé漢_-. ", min_size=1, max_size=12)


@given(st.lists(PARTS, min_size=1, max_size=8), st.integers(0, 100))
def test_it_fits_and_is_elided_once_and_keeps_the_file_where_that_fits(parts: list[str], room: int) -> None:
    name = "/".join(parts)
    found = short(name, room)
    assert cell_len(found) <= room
    assert found.count("…") <= 1
    assert (found == name) == (cell_len(name) <= room)
    if cell_len(parts[-1]) <= room:
        assert found.endswith(parts[-1])
    if "…/" in found:
        before, _, after = found.partition("…/")
        assert name.startswith(before)
        assert name.endswith(after)


@given(st.lists(PARTS, min_size=1, max_size=8), st.integers(0, 100))
def test_more_room_shows_no_less(parts: list[str], room: int) -> None:
    name = "/".join(parts)
    folders = short(name, room).count("/")
    assert short(name, room + 1).count("/") >= folders
