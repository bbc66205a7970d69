"""The review's two columns and its bar, as rows."""

from __future__ import annotations

from textual.content import Content

from cwm_agent.tui.desk import Desk, State, Tally
from cwm_agent.tui.render import diff
from cwm_agent.tui.render.marks import count, stat
from cwm_agent.tui.render.rows import NOTHING, Row, blank, join, named, ours, spread, text, wrapped
from cwm_agent.views.names import short
from cwm_agent.workspace.diff import split_lines

SIGNS: dict[State, tuple[str, str]] = {
    "undecided": ("○", "$faint"),
    "accept": ("●", "$good"),
    "edit": ("✎", "$good"),
    "reject": ("✗", "$bad"),
    "mixed": ("◒", "$warn"),
}
WORDS: dict[State, str] = {
    "undecided": "undecided",
    "accept": "accepted",
    "edit": "accepted as edited",
    "reject": "rejected",
    "mixed": "in part",
}


def files(desk: Desk, width: int) -> tuple[list[Row], int]:
    """The list of files, and the row of the one in view."""
    rows: list[Row] = []
    chosen = 0
    for number, file in enumerate(desk.review.files):
        here = number == desk.place[0]
        chosen = len(rows) if here else chosen
        sign, style = SIGNS[desk.file_state(number)]
        fill = "on $picked" if here else ""
        folder, _, base = file.stat.name.rpartition("/")
        alert = join(ours(" "), ours("⚠", "bold $bad")) if file.serious else NOTHING
        right = join(stat(file.stat), ours(" "))
        room = max(1, width - 4 - alert.cell_length - right.cell_length)
        head = join(ours(f" {sign} ", style), ours(short(base, room), "bold" if here else ""), alert)
        rows.append(Row(spread(head, right, width), fill))
        if folder:
            rows.append(Row(named(folder, width, before=ours("   "), style="$faint"), fill))
    return rows, chosen


def hunks(desk: Desk, width: int, *, side_by_side: bool) -> tuple[list[Row], int, int]:
    """The hunks of the file in view, and the first and last row of the one in view."""
    file_number, chosen = desk.place
    file = desk.file
    rows = [Row(named(file.stat.name, width, before=ours(" "), right=join(stat(file.stat), ours(" ")), style="bold"))]
    rows += diff.warnings(file, width)
    first = last = 0
    for number, hunk in enumerate(file.hunks):
        rows.append(blank())
        here = number == chosen
        start = len(rows)
        sign, style = SIGNS[desk.state(file_number, number)]
        bar = ours("▌" if here else " ", "$lead")
        state = join(ours(f"{sign} ", style), ours(f"{WORDS[desk.state(file_number, number)]} ", style))
        head = join(bar, diff.title(hunk, number, len(file.hunks)))
        rows.append(Row(spread(head, state, width), "on $picked" if here else "on $raised"))
        rows += [_barred(row, here) for row in _note(desk, file_number, number, width - 1)]
        rows += [_barred(row, here) for row in _body(desk, file_number, number, width - 1, side_by_side=side_by_side)]
        if here:
            first, last = start, len(rows)
    return [*rows, blank()], first, last


def _barred(row: Row, here: bool) -> Row:  # noqa: FBT001 -- private, one call
    return Row(join(ours("▌" if here else " ", "$lead"), row.content), row.fill)


def _note(desk: Desk, file: int, hunk: int, width: int) -> list[Row]:
    decided = desk.decision(file, hunk)
    if decided is None or not decided.note:
        return []
    return wrapped(text(decided.note, "italic $warn"), width, ours("  note: ", "$faint"))


def _body(desk: Desk, file_number: int, number: int, width: int, *, side_by_side: bool) -> list[Row]:
    file = desk.review.files[file_number]
    hunk = file.hunks[number]
    if not hunk.old_lines and not hunk.new_lines:
        return diff.without_lines(file)
    decided = desk.decision(file_number, number)
    edited = tuple(split_lines(decided.edited)) if decided is not None and decided.edited is not None else None
    lines = diff.hunk_lines(file, hunk, edited)
    return diff.split(lines, width) if side_by_side else diff.unified(lines, width)


def bar(tally: Tally) -> Content:
    """What would happen now, in numbers; undecided hunks are named as what they are."""
    parts = [
        ours(f" {tally.accepted} of {count(tally.hunks, 'hunk')} accepted", "bold $good" if tally.accepted else "bold")
    ]
    if tally.rejected:
        parts.append(ours(f"{tally.rejected} rejected", "$bad"))
    if tally.undecided:
        parts.append(ours(f"{tally.undecided} undecided, not accepted", "$warn"))
    return ours("   ").join(parts)


def confirmation(tally: Tally) -> Content:
    """The question before anything is written."""
    if not tally.accepted:
        return join(
            ours(" Apply nothing and send the rejections back?", "bold $warn"),
            ours("   enter: yes   esc: no", "$quiet"),
        )
    left = tally.hunks - tally.accepted
    out = f"; {count(left, 'hunk')} left out" if left else ""
    what = f" Write {count(tally.accepted, 'hunk')} in {count(tally.files, 'file')} to your tree{out}?"
    return join(ours(what, "bold $warn"), ours("   enter: yes   esc: no", "$quiet"))
