"""An action in the conversation: what was done, by which world, and what came of it."""

from __future__ import annotations

from textual.content import Content

from cwm_agent.events import TestsReported
from cwm_agent.observations import Completed, Origin
from cwm_agent.tui.picture import Acted, Run
from cwm_agent.tui.render.edits import Edit, edit_of, trimmed
from cwm_agent.tui.render.marks import SIGN, STYLE, count, failed, outcome, seconds, stat, tests
from cwm_agent.tui.render.rows import Row, clip, folded, join, line, named, ours, spread, text
from cwm_agent.views.names import short

LABEL = 12
MARGIN = "  │ "
FIRST, LAST, LIVE = 4, 3, 8
DIFF_LINES = 12
FAILURES = 5


def label(sign: str, word: str, style: str) -> Content:
    """The left column: a sign and a word, all of one width."""
    return ours(f"{sign} {word}".ljust(LABEL), style)


def action_rows(block: Acted, width: int) -> list[Row]:
    """The rows of an action; one part for each world that answered."""
    edit = edit_of(block.call)
    if not block.runs:
        return [Row(join(label("·", "next", "$quiet"), line(_title(block), "$quiet")))]
    rows: list[Row] = []
    for run in block.runs:
        if edit is not None and not block.draft and (run.outcome is None or run.outcome == Completed(0)):
            rows += _edit_rows(block, run, edit, width)
        else:
            rows += _run_rows(block, run, width)
    return rows


def _title(block: Acted) -> str:
    lines = block.call.content.strip().splitlines() or [""]
    more = f"  (+{len(lines) - 1} lines)" if len(lines) > 1 else ""
    prefix = "" if block.call.tool == "bash" else f"{block.call.tool} "
    draft = "  (a draft: nothing of it is done)" if block.draft else ""
    return f"{prefix}{lines[0]}{more}{draft}"


def _word(run: Run) -> str:
    if run.stopped:
        return "stopped"
    if run.guessed:
        return "guessed" if run.outcome else "guessing"
    if run.origin is Origin.IMAGINED:
        return "imagined" if run.outcome else "imagining"
    return "ran" if run.outcome else "running"


def _run_rows(block: Acted, run: Run, width: int) -> list[Row]:
    parts = []
    if run.tests is not None:
        parts.append(tests(run.tests))
    elif run.outcome is not None:
        parts.append(outcome(run.outcome))
    if spent := seconds(run.seconds):
        parts.append(ours(spent, "$faint"))
    right = ours("  ").join([part for part in parts if part])
    head = join(label(SIGN[run.origin], _word(run), STYLE[run.origin]), line(_title(block)))
    rows = [Row(spread(head, right, width))]
    if run.tests is not None and run.outcome is not None and block.folded:
        return rows + _failures(run.tests, len(run.output.lines()), width)
    style = "$quiet" if run.origin is Origin.REAL else "$imagined"
    if run.outcome is None and not run.stopped:
        return rows + _live(run, width, style)
    lines = run.output.lines() or run.observation.rstrip("\n").split("\n")
    return rows + output_rows([each for each in lines if each or len(lines) > 1], width, style, folded_=block.folded)


def _failures(report: TestsReported, lines: int, width: int) -> list[Row]:
    """A test run shown as tests: what failed, and how much text there is to open."""
    margin = ours(MARGIN, "$line")
    room = width - len(MARGIN)
    shown = [named(each, room, before=failed(report), style="$quiet") for each in report.failures[:FAILURES]]
    rows = [Row(join(margin, each)) for each in shown]
    if len(report.failures) > FAILURES:
        rows.append(Row(join(margin, failed(report), ours(f"{len(report.failures) - FAILURES:,} more", "$faint"))))
    return [*rows, _more(lines)] if lines else rows


def _live(run: Run, width: int, style: str) -> list[Row]:
    """The end of what is still written."""
    hidden, lines = run.output.end(LIVE)
    rows = [_more(hidden, "earlier")] if hidden else []
    return rows + _cut([each for each in lines if each or len(lines) > 1], width, style, ours(MARGIN, "$line"))


def output_rows(lines: list[str], width: int, style: str, *, folded_: bool) -> list[Row]:
    """Output under its action, once it is over: the beginning and the end, or all of it."""
    margin = ours(MARGIN, "$line")
    if folded_ and len(lines) <= FIRST + LAST + 1:
        return _cut(lines, width, style, margin)
    if not folded_:
        return folded([text(each, style) for each in lines], width, margin)
    rows = _cut(lines[:FIRST], width, style, margin)
    rows.append(_more(len(lines) - FIRST - LAST, "more"))
    return rows + _cut(lines[-LAST:], width, style, margin)


def _cut(lines: list[str], width: int, style: str, margin: Content) -> list[Row]:
    return [Row(join(margin, _line(each[: width * 4], width - len(MARGIN), style))) for each in lines]


def _line(value: str, room: int, style: str) -> Content:
    """A line of output in its room; where it says something of a test, that is kept, and the test's path gives way."""
    test, sign, said = value.partition(": ")
    if sign and ".py::" in test and " " not in test and len(value) > room:
        said = f"{sign}{said}"
        return clip(join(ours(short(test, max(room - len(said), room // 2)), style), line(said, style)), room)
    return clip(text(value, style), room)


def _more(number: int, what: str = "") -> Row:
    return Row(join(ours(MARGIN, "$line"), ours(f"⋯ {count(number, f'{what} line'.strip())}", "$faint")))


def _edit_rows(block: Acted, run: Run, edit: Edit, width: int) -> list[Row]:
    words = {"edit": ("editing", "edited"), "create": ("creating", "created")}[block.call.tool]
    word = "stopped" if run.stopped else words[run.outcome is not None]
    mine = [each for each in block.files if edit.path.endswith(each.name) or each.name.endswith(edit.path)]
    right = stat(mine[0]) if mine else Content("")
    rows = [Row(named(edit.path, width, before=label("✎", word, "$lead"), right=right))]
    head, old, new, tail = trimmed(edit)
    marked = [(" ", each) for each in head[-2:]]
    marked += [("−", each) for each in old] + [("+", each) for each in new]
    marked += [(" ", each) for each in tail[:2]]
    shown = marked[:DIFF_LINES] if block.folded and len(marked) > DIFF_LINES + 1 else marked
    rows += [diff_row(sign, each, width) for sign, each in shown]
    if len(shown) < len(marked):
        rows.append(_more(len(marked) - len(shown), "more"))
    return rows


def diff_row(sign: str, value: str, width: int) -> Row:
    """One line of a small diff, under its action."""
    style, fill = {"+": ("$added", "on $added-bg"), "−": ("$removed", "on $removed-bg")}.get(sign, ("$quiet", ""))
    return Row(
        join(ours(MARGIN, "$line"), clip(join(ours(f"{sign} ", style), text(value, style)), width - len(MARGIN))), fill
    )


def foldable(block: Acted) -> bool:
    """Whether opening the block would show more."""
    if not block.runs:
        return False
    edit = edit_of(block.call)
    if edit is not None and block.runs[-1].outcome == Completed(0):
        _, old, new, _ = trimmed(edit)
        return len(old) + len(new) + 4 > DIFF_LINES
    return any(run.tests or run.outcome is None or len(run.output.lines()) > 1 for run in block.runs)
