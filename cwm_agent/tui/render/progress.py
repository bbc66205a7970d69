"""Bars of progress with real denominators."""

from __future__ import annotations

from textual.content import Content

from cwm_agent.events import Progressed
from cwm_agent.tui.render.rows import join, line, ours

WIDTH = 24


def bar(done: int, total: int, width: int = WIDTH) -> Content:
    """A bar in half cells; full only when all is done."""
    share = min(1.0, max(0.0, done / total)) if total > 0 else 1.0
    halves = int(share * width * 2)
    full, half = divmod(halves, 2)
    rest = width - full - half
    return join(ours("━" * full + "╸" * half, "$lead"), ours("─" * rest, "$faint"))


def amount(progress: Progressed) -> str:
    """`412 of 1,200 candidates`, or `412 candidates` where the end is not known."""
    if progress.total is None:
        return f"{progress.done:,} {_unit(progress)}"
    return f"{progress.done:,} of {progress.total:,} {progress.unit}"


def _unit(progress: Progressed) -> str:
    """What is counted, in the singular for one of it."""
    return progress.unit.removesuffix("s") if progress.done == 1 and progress.total is None else progress.unit


def working(progress: Progressed, width: int) -> Content:
    """One line of work under way."""
    label = line(progress.label)
    figures = line(amount(progress), "$quiet")
    note = line(f"  {progress.note}", "$faint") if progress.note else Content("")
    if progress.total is None:
        return join(label, ours("  "), figures, note)
    room = width - label.cell_length - figures.cell_length - 4
    if room < 6:
        return join(label, ours("  "), figures)
    return join(label, ours("  "), bar(progress.done, progress.total, min(WIDTH, room)), ours("  "), figures, note)


def finished(progress: Progressed) -> Content:
    """One line of work that is over."""
    note = line(f"  {progress.note}", "$faint") if progress.note else Content("")
    return join(line(progress.label, "$quiet"), ours("  "), line(amount(progress), "$faint"), note)
