"""The imagined run of a hunk as rows: who imagined which call, what it came to before and now, and its frames."""

from __future__ import annotations

from textual.content import Content

from cwm_agent.observations import Origin
from cwm_agent.tui.hunk_run import HunkRun
from cwm_agent.tui.render import trace
from cwm_agent.tui.render.marks import IMAGINED, SIGN, STYLE, count
from cwm_agent.tui.render.rows import NOTHING, Row, join, line, named, ours, wrapped
from cwm_agent.views import words
from cwm_agent.views.spans import middle

ENDING = 40
"""Cells of how a call ended."""


def rows(run: HunkRun, width: int) -> tuple[list[Row], int]:
    """All rows, and the row of the frame in view, 0 where there is none."""
    answer, loupe = run.answer, run.loupe
    if answer is None or run.imagined is None:
        return [_title(run, "which call reaches this hunk?", width)], 0
    loupe.fit(width)
    made = [_title(run, answer.known, width), *_nothing(run, width)]
    if not loupe.length:
        return made, 0
    *head, rule = trace.head(loupe, width)
    made += [*head, *_before(run, width), rule]
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
        left = join(sign, line(f"imagined by {run.model}  ", "bold $imagined"))
        return Row(_known(what, left, NOTHING, width), "on $raised")
    frames = count(len(run.imagined.frames), "frame") if run.imagined else ""
    left = join(sign, line(f"{run.model} is imagining  ", "bold $imagined"))
    return Row(_known(what, left, ours(f"{frames}  esc stops it ", "$quiet"), width), "on $raised")


def _known(said: str, left: Content, right: Content, width: int) -> Content:
    """How the call is known; the last word may be the id of a test."""
    *first, last = said.split(" ")
    before = join(left, line(" ".join([*first, ""]), "$quiet"))
    return named(last, width, before=before, right=right, style="$quiet")


def _nothing(run: HunkRun, width: int) -> list[Row]:
    """Why the model imagined nothing of the call."""
    answer, imagined = run.answer, run.imagined
    if answer is None or imagined is None or imagined.outcome is None or imagined.frames:
        return []
    why = join(ours("nothing: ", "$warn"), trace.content(words.ending(imagined.trace, imagined.outcome)))
    return [Row(line(f" {answer.call}", "bold")), *wrapped(why, width - 1, ours(f" {IMAGINED} ", "$imagined"))]


def _before(run: HunkRun, width: int) -> list[Row]:
    """What the call came to before the change, and what it comes to with it."""
    answer = run.answer
    if answer is None or not answer.before or not run.endings:
        return []
    parts = [_ended(answer.before_origin, answer.before), ours("  →  with this hunk ")]
    for number, (origin, told) in enumerate(run.endings):
        parts += [ours(", " if number else ""), _ended(origin, told)]
    return wrapped(join(*parts), width - 1, ours(" before "))


def _ended(origin: Origin, told: str) -> Content:
    return join(ours(f"{SIGN[origin]} ", STYLE[origin]), ours(middle(told, ENDING), "bold"))
