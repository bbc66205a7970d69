"""The imagined run of a hunk as rows: who imagined which call, what it came to before and now, and its frames."""

from __future__ import annotations

from textual.content import Content

from cwm_agent.observations import Origin
from cwm_agent.tui.hunk_run import HunkRun
from cwm_agent.tui.render import trace
from cwm_agent.tui.render.marks import IMAGINED, SIGN, STYLE, count
from cwm_agent.tui.render.rows import Row, clip, join, line, ours, spread, wrapped
from cwm_agent.views.spans import middle

ENDING = 40
"""Cells of how a call ended."""


def rows(run: HunkRun, width: int) -> tuple[list[Row], int]:
    """All rows, and the row of the frame in view, 0 where there is none."""
    answer, loupe = run.answer, run.loupe
    if answer is None or run.imagined is None:
        return [_title(run, "which call reaches this hunk?", width)], 0
    loupe.fit(width)
    *head, rule = trace.head(loupe, width)
    made = [_title(run, answer.known, width), *head, *_before(run, width), rule]
    here = 0
    for number in run.rows:
        place = loupe.places[number]
        chosen = number == loupe.row
        here = len(made) if chosen else here
        made.append(trace.row(loupe, place, width, here=chosen))
    if here:
        return [*made, *trace.state(loupe, width)], here
    if run.over:
        made.append(Row(ours(" The imagined run does not come to these lines.", "$warn")))
    return made, 0


def _title(run: HunkRun, what: str, width: int) -> Row:
    """Whose imagination it is; while it comes, how far it is."""
    sign = ours(f" {IMAGINED} ", "bold $imagined")
    if run.over:
        left = join(sign, line(f"imagined by {run.model}", "bold $imagined"), line(f"  {what}", "$quiet"))
        return Row(clip(left, width), "on $raised")
    frames = count(len(run.imagined.frames), "frame") if run.imagined else ""
    left = join(sign, line(f"{run.model} is imagining", "bold $imagined"), line(f"  {what}", "$quiet"))
    return Row(spread(left, join(ours(frames, "$quiet"), ours("  esc stops it ", "$quiet")), width), "on $raised")


def _before(run: HunkRun, width: int) -> list[Row]:
    """What the call came to before the change, and what it comes to with it."""
    answer = run.answer
    if answer is None or not answer.before or not run.endings:
        return []
    parts = [_ended(answer.before_origin, answer.before), ours("  →  with this hunk ")]
    for number, (origin, words) in enumerate(run.endings):
        parts += [ours(", " if number else ""), _ended(origin, words)]
    return wrapped(join(*parts), width - 1, ours(" before "))


def _ended(origin: Origin, words: str) -> Content:
    return join(ours(f"{SIGN[origin]} ", STYLE[origin]), ours(middle(words, ENDING), "bold"))
