"""The words around a trace: its headline, how it ended, and what the marks mean."""

from __future__ import annotations

import math
import re

from rich.cells import cell_len, chop_cells

from cwm_agent.observations import Completed, LimitReached, Origin, Outcome, Unreadable
from cwm_agent.traces.compare import Comparison, fate
from cwm_agent.traces.doubt import in_words
from cwm_agent.traces.frames import Basis, Frame, FrameKind, Trace
from cwm_agent.views import names
from cwm_agent.views.spans import Line, Piece, cells, fit, middle, safe

SIGN = {Origin.REAL: "◆", Origin.IMAGINED: "◇"}
WORD = {Origin.REAL: "RAN", Origin.IMAGINED: "IMAGINED"}
ROLE = {Origin.REAL: "real", Origin.IMAGINED: "imagined"}
BASIS = {Basis.FORCED: "•", Basis.CHOSEN: "?", Basis.FREE: "°"}
GAP = Piece("  ·  ", "faint")
_LEGEND = (
    ("+", "good", "new"),
    ("→", "warn", "changed"),
    ("−", "quiet", "gone"),
)
_BASIS_LEGEND = (
    (BASIS[Basis.FORCED], "faint", "told by the source"),
    (BASIS[Basis.CHOSEN], "faint", "chosen by the model"),
    (BASIS[Basis.FREE], "faint", "the model's own"),
)
_DOUBT_LEGEND = (("62%", "faint", "how sure it is, where that is in doubt"),)
_BOTH_LEGEND = (("◇", "imagined", "imagined alone"), ("◆", "real", "ran alone"), ("≠", "bad", "they differ"))
VALUE_ROOM = 60
NO_LINE = "no line of the repository ran (a generator's do when it is listed: list(…))"
"""What is told of a call that ended without a frame: it made a generator, or is another library's."""
_SURE = 0.95
"""From here on a value is not said to be in doubt."""


def badge(origin: Origin) -> Line:
    """`◆ RAN` or `◇ IMAGINED`."""
    return (Piece(f"{SIGN[origin]} {WORD[origin]}", f"bold {ROLE[origin]}"),)


def mark(basis: Basis, logprob: float | None = None) -> str:
    """Where a value comes from, in one sign, and how sure the model was, where that leaves a doubt: `°62%`."""
    share = 1.0 if logprob is None or basis is Basis.FORCED else math.exp(logprob)
    return BASIS[basis] + ("" if share >= _SURE else f"{int(share * 100)}%")


def count(number: int, noun: str) -> str:
    """A number and its noun: `1 frame`, `1,200 frames`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def ending(trace: Trace, outcome: Outcome, room: int = VALUE_ROOM) -> Line:
    """How a trace ended, in a few words."""
    end = fate(trace)
    match outcome:
        case LimitReached(detail=detail) as limit:
            why = f": {detail}" if detail else ""
            return (Piece(limit.words, "warn"), safe(why, "quiet"))
        case Unreadable(_, reason):
            return (Piece("unreadable: ", "warn"), safe(reason, "quiet"))
        case _ if end is not None and end[0] is FrameKind.EXCEPTION:
            said = safe(next(iter(end[1].splitlines()), ""), "bold")
            return (Piece("raised ", "bad"), *fit((said,), room - 7))
        case _ if end is not None:
            return (Piece("returned ", "quiet"), Piece(middle(end[1], room - 9), "bold"))
        case Completed(code) if code:
            return (Piece(f"cut short, exit code {code}", "warn"),)
        case _ if not trace.frames and trace.complete:
            return (Piece(NO_LINE, "warn"),)
        case _ if not trace.complete:
            return (Piece("cut short", "warn"),)
        case _:
            return (Piece("ended", "quiet"),)


def headline(trace: Trace, origin: Origin, subject: str, outcome: Outcome, width: int) -> Line:
    """One line that says what this is: ran or imagined, the entry, how many frames, and how it ended."""
    tail: Line = (Piece(count(len(trace.frames), "frame"), "quiet"), GAP, *ending(trace, outcome, max(20, width // 3)))
    if told := in_words(trace.frames):
        tail += (GAP, Piece(told, "quiet"))
    first = badge(origin)
    room = width - cells(first) - cells(tail) - 2 - cells((GAP,))
    return (*first, Piece("  "), Piece(names.subject(subject, max(room, 12)), "bold"), GAP, *tail)


def legend(*, basis: bool, both: bool = False, doubt: bool = False) -> list[Line]:
    """What the marks mean, one entry a line."""
    entries = (*(_BOTH_LEGEND if both else ()), *_LEGEND, *(_BASIS_LEGEND if basis else ()))
    entries += _DOUBT_LEGEND if doubt else ()
    return [(Piece(sign, role), Piece(f" {meaning}", "quiet")) for sign, role, meaning in entries]


def scores(comparison: Comparison) -> Line:
    """The numbers of a comparison, in one line."""
    returned = "right" if comparison.return_exact else "wrong"
    words = (
        f"lines {_share(comparison.line_accuracy)}   states {_share(comparison.state_accuracy)}   "
        f"{count(comparison.frames_before_divergence, 'frame')} before divergence   result {returned}"
    )
    return (Piece(words, "quiet"),)


def _share(value: float) -> str:
    """A share in percent, rounded towards what is not perfect."""
    return f"{int(value * 1000) / 10:g} %"


def has_basis(frames: tuple[Frame, ...]) -> bool:
    """Whether any frame says where it comes from."""
    return any(frame.basis for frame in frames)


def has_doubt(frames: tuple[Frame, ...]) -> bool:
    """Whether a value of any frame is marked as one of which the model was not sure."""
    said = ((frame.basis[name], each) for frame in frames for name, each in frame.logprobs.items() if name != "<line>")
    return any(len(mark(basis, each)) > 1 for basis, each in said)


def wrapped(line: Line, width: int) -> list[Line]:
    """A line broken between words, those after the first indented by two cells; words that are too long are broken."""
    found: list[Line] = []
    current: list[Piece] = []
    for piece in line:
        for word in re.findall(r"\s+|[^\s]+", piece.text):
            for part in chop_cells(word, width - 2):
                if current and cells(current) + cell_len(part) > width:
                    found.append(tuple(current))
                    current = [Piece("  ")]
                if len(current) != 1 or not found or not part.isspace():
                    current.append(Piece(part, piece.role))
    return [*found, tuple(current)]
