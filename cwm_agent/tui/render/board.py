"""What the panel shows: the test board, the shell, and the diff so far."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from textual.content import Content

from cwm_agent.events import TestsReported
from cwm_agent.observations import Origin
from cwm_agent.tui.picture import Picture
from cwm_agent.tui.render.marks import SIGN, STYLE, count, failed, outcome, stat, tests
from cwm_agent.tui.render.rows import Row, blank, clip, folded, join, line, named, ours, spread, text, wrapped

if TYPE_CHECKING:
    from cwm_agent.workspace.review import Review

EARLIER = 20
SHELL_LINES = 400
DIFF_ROWS = 3_000


def empty(words: str, width: int) -> list[Row]:
    """What a tab says while it has nothing."""
    return [blank(), *wrapped(ours(words, "$faint"), width - 1, ours(" "))]


def board(picture: Picture, width: int) -> list[Row]:
    """The last test run in full, earlier ones one line each."""
    if not picture.board:
        return empty("No tests have run yet.", width)
    *earlier, last = picture.board
    rows = [blank(), *_report(last, width)]
    if earlier:
        rows += [blank(), Row(ours(" earlier", "$faint"))]
        for report in reversed(earlier[-EARLIER:]):
            rows.append(Row(spread(join(_sign(report), line(report.command, "$quiet")), tests(report), width - 1)))
    return rows


def _sign(report: TestsReported) -> Content:
    return ours(f" {SIGN[report.origin]} ", STYLE[report.origin])


def _report(report: TestsReported, width: int) -> list[Row]:
    total = report.passed + report.failed
    ran = "ran" if report.origin is Origin.REAL else "imagined, not run"
    rows = [
        Row(clip(join(_sign(report), line(report.command, "bold")), width - 1)),
        Row(join(ours("   "), tests(report), ours(f"   {ran}", "$faint"))),
        blank(),
    ]
    room = max(8, min(40, width - 6))
    if total:
        bad = min(room, max(1, round(room * report.failed / total))) if report.failed else 0
        stroke, style = ("━", "$good") if report.origin is Origin.REAL else ("╌", "$imagined")
        rows += [Row(join(ours("   "), ours(stroke * bad, "$bad"), ours(stroke * (room - bad), style))), blank()]
    for failure in report.failures:
        path, _, test = failure.partition("::")
        head = join(ours(" "), failed(report), line(f"{test}  " if test else "", _ghost(report)))
        if test and width - 1 - head.cell_length < line(path.rpartition("/")[2]).cell_length:
            rows.append(Row(clip(head, width - 1)))  # less of the file's name would say nothing
        else:
            rows.append(Row(named(path, width - 1, before=head, style="$faint" if test else _ghost(report))))
    missing = report.failed - len(report.failures)
    if missing > 0:
        rows.append(Row(ours(f"   and {count(missing, 'more failure')}", "$faint")))
    return rows


def _ghost(report: TestsReported) -> str:
    return "$imagined" if report.origin is Origin.IMAGINED else ""


def shell(picture: Picture, width: int) -> list[Row]:
    """What the sandbox really printed, command by command."""
    if not picture.shell:
        return empty("Nothing has run in the sandbox yet. !ls runs ls there.", width)
    rows: list[Row] = []
    for acted in reversed(picture.shell):
        run = acted.run(Origin.REAL)
        _, lines = run.output.end(SHELL_LINES)
        head = join(ours("$ ", "bold $real"), line(acted.call.content.strip(), "bold"))
        right = outcome(run.outcome) if run.outcome else ours("stopped" if run.stopped else "running", "$warn")
        body = [row for each in lines for row in _printed(each, width - 1)]
        rows = [blank(), Row(spread(join(ours(" "), head), right, width - 1)), *body, *rows]
        if len(rows) > SHELL_LINES:
            break
    return rows


@lru_cache(2 * SHELL_LINES)
def _printed(printed: str, width: int) -> list[Row]:
    """The rows of a line of output: the same objects again while the same line is shown."""
    return folded([text(printed, "$quiet")], width, Content(" "))


def changes(review: Review | None, width: int) -> list[Row]:
    """Everything that differs from the user's files, file by file."""
    if review is None or not review.files:
        return empty("No file differs from yours.", width)
    from cwm_agent.tui.render import diff  # not needed for the first paint

    rows: list[Row] = []
    for file in review.files:
        rows += [blank(), Row(named(file.stat.name, width - 1, before=ours(" "), right=stat(file.stat), style="bold"))]
        rows += diff.warnings(file, width)
        for number, hunk in enumerate(file.hunks):
            if not hunk.old_lines and not hunk.new_lines:
                rows += diff.without_lines(file)
                continue
            if number:
                rows.append(Row(ours("     ⋯", "$faint")))
            rows += diff.unified(diff.hunk_lines(file, hunk), width)
            if len(rows) > DIFF_ROWS:
                return [*rows, Row(ours(" ⋯ the rest is in the review: ^R", "$warn"))]
    return rows
