"""Hunks as rows, unified or side by side."""

from __future__ import annotations

from textual.content import Content

from cwm_agent.tui.render.code import decoded, ending, lex, strong, visible
from cwm_agent.tui.render.marks import count
from cwm_agent.tui.render.rows import Row, clip, folded, join, line, name, ours
from cwm_agent.workspace.diff import Hunk, split_lines
from cwm_agent.workspace.review import ReviewFile

CONTEXT = 3
NUMBER = 5
_FILL = {"+": "$added-line on $added-bg", "-": "$removed-line on $removed-bg", " ": ""}
_SIGN = {"+": ("+", "$added"), "-": ("−", "$removed"), " ": (" ", "$faint")}


class Line:
    """One line of a hunk: its sign, its number in the file it is of, and how it looks."""

    __slots__ = ("content", "number", "sign")

    def __init__(self, sign: str, number: int, content: Content) -> None:
        self.sign = sign
        self.number = number
        self.content = content


def hunk_lines(file: ReviewFile, hunk: Hunk, new_lines: tuple[bytes, ...] | None = None) -> list[Line]:
    """The lines of a hunk with its context; `new_lines` stand in for the hunk's own where the user edited it."""
    before = split_lines(file.change.old.content) if file.change.old else []
    start = hunk.old_start - 1
    end = start + len(hunk.old_lines)
    head, tail = before[max(0, start - CONTEXT) : start], before[end : end + CONTEXT]
    if new_lines is None:
        middle = list(hunk.rows())
    else:
        middle = [("-", each) for each in hunk.old_lines] + [("+", each) for each in new_lines]
    rows = [(" ", each) for each in head] + middle + [(" ", each) for each in tail]
    return _painted(file.stat.name, rows, start - len(head) + 1, hunk.new_start - len(head))


def _painted(path: str, rows: list[tuple[str, bytes]], old: int, new: int) -> list[Line]:
    old_code = iter(lex(path, "\n".join(decoded(raw) for sign, raw in rows if sign != "+")))
    new_code = iter(lex(path, "\n".join(decoded(raw) for sign, raw in rows if sign != "-")))
    lines = []
    for sign, raw in rows:
        changed = sign != " "
        old_pieces = next(old_code, [(decoded(raw), "")]) if sign != "+" else []
        new_pieces = next(new_code, [(decoded(raw), "")]) if sign != "-" else []
        pieces = old_pieces if sign == "-" else new_pieces
        content = join(visible(pieces, changed=changed), ending(raw, changed=changed))
        lines.append(Line(sign, old if sign == "-" else new, content))
        old, new = old + (sign != "+"), new + (sign != "-")
    _stand_out(lines)
    return lines


def _stand_out(lines: list[Line]) -> None:
    """Mark what differs within lines that were replaced one by one."""
    at = 0
    while at < len(lines):
        gone = _stretch(lines, at, "-")
        come = _stretch(lines, at + gone, "+")
        if gone and gone == come:
            for number in range(at, at + gone):
                _pair(lines[number], lines[number + gone])
        at += max(1, gone + come)


def _stretch(lines: list[Line], at: int, sign: str) -> int:
    length = 0
    while at + length < len(lines) and lines[at + length].sign == sign:
        length += 1
    return length


def _pair(old: Line, new: Line) -> None:
    a, b = old.content.plain, new.content.plain
    head = 0
    while head < min(len(a), len(b)) and a[head] == b[head]:
        head += 1
    tail = 0
    while tail < min(len(a), len(b)) - head and a[-1 - tail] == b[-1 - tail]:
        tail += 1
    if head + tail < max(len(a), len(b)) // 4:
        return
    old.content = strong(old.content, head, len(a) - tail, "on $removed-strong")
    new.content = strong(new.content, head, len(b) - tail, "on $added-strong")


def unified(lines: list[Line], width: int) -> list[Row]:
    """One column: the number, the sign, the line; long lines are continued below, never cut."""
    rows: list[Row] = []
    for each in lines:
        rows += _numbered(each, width, _FILL[each.sign])
    return rows


def _numbered(each: Line, width: int, fill: str) -> list[Row]:
    sign, style = _SIGN[each.sign]
    margin = join(ours(f"{each.number:>{NUMBER}} ", "$faint"), ours(f"{sign} ", f"bold {style}"))
    rest = ours(" " * (NUMBER + 3))
    laid = folded([each.content], width, margin, fill)
    return [laid[0], *(Row(join(rest, row.content[len(margin.plain) :]), fill) for row in laid[1:])]


def split(lines: list[Line], width: int) -> list[Row]:
    """Two columns: before on the left, after on the right."""
    half = (width - 1) // 2
    rows: list[Row] = []
    at = 0
    while at < len(lines):
        if lines[at].sign == " ":
            rows += _beside(lines[at], lines[at], half)
            at += 1
            continue
        gone = _stretch(lines, at, "-")
        come = _stretch(lines, at + gone, "+")
        for number in range(max(gone, come)):
            left = lines[at + number] if number < gone else None
            right = lines[at + gone + number] if number < come else None
            rows += _beside(left, right, half)
        at += max(1, gone + come)
    return rows


def _beside(left: Line | None, right: Line | None, half: int) -> list[Row]:
    one = _column(left, half)
    two = _column(right, half)
    empty = ours("╱" * half, "$line")
    void_left = empty if left is None else ours(" " * half, _FILL[left.sign])
    void_right = empty if right is None else ours(" " * half, _FILL[right.sign])
    rows = []
    for number in range(max(len(one), len(two))):
        a = one[number] if number < len(one) else void_left
        b = two[number] if number < len(two) else void_right
        rows.append(Row(join(a, ours("│", "$line"), b)))
    return rows


def _column(each: Line | None, half: int) -> list[Content]:
    if each is None:
        return []
    fill = _FILL[each.sign]
    columns = []
    for row in _numbered(each, half, fill):
        padded = join(row.content, ours(" " * max(0, half - row.content.cell_length)))
        columns.append(padded.stylize_before(fill) if fill else padded)
    return columns


def without_lines(file: ReviewFile) -> list[Row]:
    """What a change does that is not one of lines: bytes, mode, name."""
    change = file.change
    told = []
    if change.renamed_from is not None:
        told.append(
            join(
                ours("  renamed from ", "$quiet"), name(change.renamed_from), ours(" to ", "$quiet"), name(change.path)
            )
        )
    if change.old and change.new and change.old.mode != change.new.mode:
        modes = f"{change.old.mode & 0o777:o} → {change.new.mode & 0o777:o}"
        told.append(join(ours("  mode ", "$quiet"), ours(modes, "$warn")))
    if file.stat.binary:
        old = count(len(change.old.content), "byte") if change.old else "nothing"
        new = count(len(change.new.content), "byte") if change.new else "nothing"
        told.append(join(ours("  binary ", "$quiet"), ours(f"{old} → {new}", "$warn")))
    elif not told:
        told.append(ours("  an empty file", "$quiet"))
    return [Row(each) for each in told]


def title(hunk: Hunk, number: int, of: int) -> Content:
    """What names a hunk: its number and its lines."""
    if not hunk.old_lines and not hunk.new_lines:
        return ours("the whole file")
    where = f"line {hunk.new_start}" if len(hunk.new_lines) <= 1 else f"lines {hunk.new_start}–{_last(hunk)}"
    return join(ours(f"hunk {number + 1} of {of}", "bold"), ours(f"  {where}", "$quiet"))


def _last(hunk: Hunk) -> int:
    return hunk.new_start + max(0, len(hunk.new_lines) - 1)


def warnings(file: ReviewFile, width: int) -> list[Row]:
    """What to look out for in a file."""
    signs = {True: ("⚠", "$bad"), False: ("!", "$warn")}
    rows = []
    for flag in file.flags:
        sign, style = signs[flag.serious]
        rows.append(Row(clip(join(ours(f"  {sign} ", f"bold {style}"), line(flag.text, style)), width)))
    return rows
