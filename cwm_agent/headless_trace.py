"""What `cwm-agent trace` prints: a table, JSON lines, a page or a picture, and what the program wrote beside it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal, TextIO

from rich.console import Console

from cwm_agent import views
from cwm_agent.errors import UsageError
from cwm_agent.observations import Completed, LimitReached, Origin, Unreadable
from cwm_agent.text import printable
from cwm_agent.traces.jsonl import comparison_line, frame_line
from cwm_agent.views.view import TraceView

Format = Literal["text", "jsonl", "html", "svg"]
ANSWERED, WITHOUT, LIMIT = 0, 1, 4


def report(view: TraceView, *, format_: Format, output: Path | None, written: str) -> int:
    """Show a trace, on standard output or in a file; the exit code. `written` is what the program wrote."""
    if output is not None:
        try:
            with output.open("w", encoding="utf-8") as out:
                _write(view, format_, out)
        except OSError as error:
            raise UsageError(f"{output} cannot be written: {error.strerror}.") from error
    else:
        _write(view, format_, sys.stdout)
    if written:
        print(f"◆ the program wrote:\n{printable(written).rstrip()}", file=_beside(format_, output))
    return _exit_code(view)


def _beside(format_: Format, output: Path | None) -> TextIO:
    return sys.stdout if format_ == "text" and output is None else sys.stderr


def _write(view: TraceView, format_: Format, out: TextIO) -> None:
    match format_:
        case "text":
            views.text(view, Console(file=out, highlight=False, soft_wrap=False))
        case "jsonl":
            for origin, trace in view.traces.items():
                for frame in trace.frames:
                    print(frame_line(frame, origin), file=out)
            if view.comparison is not None:
                print(comparison_line(view.comparison), file=out)
        case "html":
            out.write(views.html(view))
        case "svg":
            out.write(views.svg(view))


def _exit_code(view: TraceView) -> int:
    """0 where the world answered; of two it is the real one that counts, whatever was dreamt."""
    match view.outcome(Origin.REAL if view.real is not None else Origin.IMAGINED):
        case LimitReached():
            return LIMIT
        case Unreadable():
            return WITHOUT
    return ANSWERED


def nothing_traced(view: TraceView, written: str) -> UsageError | None:
    """The error to raise where the real run had nothing to run: the tracer says why in what it wrote."""
    real = view.real
    outcome = view.outcome(Origin.REAL)
    if real is None or real.frames or not isinstance(outcome, Completed) or not outcome.exit_code:
        return None
    last = (written.strip().splitlines() or ["The program ended before its first frame."])[-1]
    return UsageError(
        f"Nothing was traced: {printable(last)}", remedy="Name a call of the file, as in --call 'f(1, 2)'"
    )
