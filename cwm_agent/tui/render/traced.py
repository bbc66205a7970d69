"""A trace in the conversation: what was imagined, what ran, and whether it came as told."""

from __future__ import annotations

from textual.content import Content

from cwm_agent.events import TracePinned
from cwm_agent.observations import Completed, Origin
from cwm_agent.traces.compare import fate
from cwm_agent.traces.frames import FrameKind
from cwm_agent.tui.picture import Traced, TraceRun
from cwm_agent.tui.render.action import MARGIN, label
from cwm_agent.tui.render.marks import SIGN, STYLE, count, outcome
from cwm_agent.tui.render.rows import Row, clip, join, line, ours, spread, wrapped
from cwm_agent.views import names
from cwm_agent.views.spans import middle
from cwm_agent.views.words import NO_LINE

VALUE = 28
"""Cells that a value may take at least; on a wide screen it may take a third."""


def traced_rows(block: Traced, width: int) -> list[Row]:
    """One row for each world that traced it; what came otherwise is told below."""
    rows: list[Row] = []
    for run in block.runs.values():
        sign = label(SIGN[run.origin], _word(run), STYLE[run.origin])
        told, verdict = join(*_ending(run, max(VALUE, width // 3))), _verdict(block, run)
        most = width - sign.cell_length - verdict.cell_length - 2
        free = max(VALUE, width // 3, most - line(block.subject).cell_length)
        if told.cell_length > free:  # the name of the test says more than a reason that is cut
            told = told[: told.plain.find(":")] if ":" in told.plain and fate(run.trace) is None else clip(told, free)
        room = most - told.cell_length
        subject = ours(names.subject(block.subject, max(room, 12)))
        rows.append(Row(spread(join(sign, subject, told), verdict, width)))
    wrong = next((score for score in block.scores if not score.came_true), None)
    if wrong is not None:
        lead = join(ours(MARGIN, "$line"), ours("← ", "$warn"))
        rows += wrapped(line(wrong.sentence, "$quiet"), width, lead)
    return rows


def pinned_rows(pin: TracePinned, width: int) -> list[Row]:
    """Which test was written, what its expectation rests on, and how it is run."""
    sign = label(SIGN[pin.origin], "pinned", STYLE[pin.origin])
    value = "the value that ran"
    if pin.origin is Origin.IMAGINED:
        value = f"a value that {pin.model or 'a world model'} imagined and that never ran"
    told = f"It expects {value}. The test itself has not run: !python3 -m pytest {pin.path}"
    return [*wrapped(line(pin.test), width, sign), *wrapped(line(told, "$quiet"), width, ours(MARGIN, "$line"))]


def _word(run: TraceRun) -> str:
    if run.origin is Origin.IMAGINED:
        return "imagined" if run.outcome else "imagining"
    return "ran" if run.outcome else "running"


def _ending(run: TraceRun, room: int) -> list[Content]:
    """How the subject was left, in this world: of an exception the beginning of what it says."""
    if run.outcome is None:
        return [ours(f"  {count(len(run.frames), 'frame')}", "$faint")]
    end = fate(run.trace)
    if end is None:
        if run.origin is Origin.REAL and run.outcome == Completed(0) and not run.frames:
            return [ours(f"  {NO_LINE}", "$warn")]
        why = outcome(run.outcome)
        return [ours("  "), why] if why and run.outcome != Completed(130) else [ours("  cut short", "$warn")]
    style = "bold" if run.origin is Origin.REAL else "bold $imagined"
    if end[0] is FrameKind.EXCEPTION:
        return [ours(" ✗ ", "$bad"), clip(line(next(iter(end[1].splitlines()), ""), style), room)]
    return [ours(" → ", "$quiet"), ours(middle(end[1], room), style)]


def _verdict(block: Traced, run: TraceRun) -> Content:
    """Beside the fact: whether it was foreseen."""
    if run.origin is not Origin.REAL or not block.scores:
        return Content("")
    if all(score.came_true for score in block.scores):
        return ours("as told", "$good")
    return ours("surprise", "$warn")
