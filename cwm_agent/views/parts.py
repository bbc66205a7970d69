"""The cells of a row: its numbers, its line of source, and what happened to the state."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cwm_agent.traces.frames import Frame, FrameKind
from cwm_agent.views.highlight import Highlighter
from cwm_agent.views.spans import Line, Piece, cells, fit, middle, safe
from cwm_agent.views.steps import Change, Step
from cwm_agent.views.words import BASIS, mark

DEEP = 6
"""Calls within calls that are drawn one by one; deeper ones are counted."""
LINE, VALUE = "<line>", "<value>"
_NAME = 24
_ROLE = {"new": "good", "changed": "warn", "gone": "quiet"}


def nesting(depth: int, turn: str) -> Line:
    """The bars of the open calls, the innermost one turning as `turn` says."""
    if not depth:
        return ()
    if depth <= DEEP:
        return (Piece("│ " * (depth - 1) + turn, "faint"),)
    return (Piece(f"│ ⋯{depth - 1} " + turn, "faint"),)


def source(step: Step, code: Highlighter) -> Line:
    """The line of a frame, under the bars of the calls that it stands in."""
    frame = step.frame
    match frame.event:
        case FrameKind.CALL:
            return (*nesting(frame.depth, "╭ "), *code.line(frame.source, frame.line))
        case FrameKind.LINE:
            return (*nesting(frame.depth, "│ "), *code.line(frame.source, frame.line))
        case FrameKind.RETURN:
            word = "left by the exception" if step.left_by is not None else "yields" if _yields(step) else "returns"
            return (*nesting(frame.depth, "╰ "), Piece(_indent(step) + f"↩ {word}", "quiet"))
        case FrameKind.EXCEPTION:
            return (*nesting(frame.depth, "│ "), Piece(_indent(step) + "✗ raises", "bad"))


def _indent(step: Step) -> str:
    text = step.frame.source.expandtabs(4)
    return " " * min(8, len(text) - len(text.lstrip()))


def _yields(step: Step) -> bool:
    words = step.frame.source.split("#")[0].replace("(", " ").split()
    return "yield" in words and words[0] != "return"


def value(step: Step, room: int, *, differs: bool = False) -> Line:
    """What a return returned or an exception says; nothing for other frames."""
    frame = step.frame
    if frame.event is FrameKind.EXCEPTION:
        return _marked(frame, frame.value or "", room, "bold bad")
    if frame.event is not FrameKind.RETURN or step.left_by is not None:
        return ()
    return _marked(frame, frame.value or "None", room, "bold bad" if differs else "bold")


def _marked(frame: Frame, text: str, room: int, role: str) -> Line:
    basis = frame.basis.get(VALUE)
    sign = "" if basis is None else mark(basis, frame.logprobs.get(VALUE))
    piece = Piece(middle(text, room - max(len(sign), 1)), role)
    return (piece, Piece(sign, "faint")) if sign else (piece,)


def change(each: Change, room: int, *, argument: bool = False, differs: bool = False) -> Line:
    """One change in at most `room` cells: `+ n = 0`, `n = 0 → 1`, `− n`; an argument has no mark."""
    role = "bold bad" if differs else _ROLE[each.kind]
    name: Line = (safe(each.name) if len(each.name) <= _NAME else Piece(middle(each.name, _NAME)),)
    if each.basis is not None:
        name += (Piece(mark(each.basis, each.logprob), "faint"),)
    if each.after is None:
        return (Piece("− ", role), *name)
    if each.before is None:
        head = (*(() if argument else (Piece("+ ", role),)), *name, Piece(" = ", "quiet"))
        return (*head, Piece(middle(each.after, room - cells(head)), role if differs or not argument else ""))
    head = (*name, Piece(" = ", "quiet"))
    arrow = Piece(" → ", role)
    left = room - cells(head) - 3
    if len(each.before) + len(each.after) <= left:
        before, after = middle(each.before, left), middle(each.after, left)
        if cells((Piece(before + after),)) <= left:
            return (*head, Piece(before, "quiet"), arrow, Piece(after, role))
    head = (*name, arrow)
    return (*head, Piece(middle(each.after, room - cells(head)), role))


def state(
    changes: Sequence[Change], room: int, *, argument: bool = False, differing: Collection[str] = ()
) -> list[Line]:
    """Each change as a line of its own."""
    return [change(each, room, argument=argument, differs=each.name in differing) for each in changes]


def happened(read: Sequence[Step], at: int, room: int, differing: Collection[str] = ()) -> list[Line]:
    """What the row of a frame tells: arguments, a value, and the changes that the next frame shows of its line.

    `differing` are the names, and `<value>`, that another trace has otherwise.
    """
    step = read[at]
    found: list[Line] = []
    if step.since is None:
        found += state(step.changes, room, argument=True, differing=differing)
    if shown := value(step, room, differs=VALUE in differing):
        found.append(shown)
    if at + 1 < len(read) and read[at + 1].since == at:
        found += state(read[at + 1].changes, room, differing=differing)
    return found


def is_late(step: Step) -> bool:
    """Whether its changes belong to a line after which calls were made, and so stand in a row of their own."""
    return bool(step.changes) and step.since is not None and step.since != step.number - 1


def late_label(step: Step, line: int | None) -> Line:
    """What stands in the place of the source in such a row; `line` made the changes."""
    return (*nesting(step.frame.depth, "│ "), Piece(f"⤷ after line {line}" if line else "⤷ then", "faint"))


def line_mark(step: Step) -> str:
    """Where the line of an imagined frame comes from, in one sign."""
    basis = step.frame.basis.get(LINE)
    return " " if basis is None else BASIS[basis]


def packed(lines: Sequence[Line], room: int, most: int) -> list[Line]:
    """Short lines beside each other; past `most` lines a count of what is left out."""
    found: list[Line] = []
    taken = 0
    for line in (fit(each, room) for each in lines):
        if found and cells(found[-1]) + 3 + cells(line) <= room:
            found[-1] = (*found[-1], Piece("   "), *line)
        elif len(found) < most:
            found.append(line)
        else:
            break
        taken += 1
    if taken < len(lines):
        found.append((Piece(f"and {len(lines) - taken:,} more", "quiet"),))
    return found
