"""How rollouts compare: a table of what ran, the winner's row marked, and why it won."""

from __future__ import annotations

from itertools import zip_longest

from textual.content import Content

from cwm_agent.core.comparison import HEAD, LEGEND, sentences, table
from cwm_agent.tui.picture import Contest
from cwm_agent.tui.render.marks import REAL, count
from cwm_agent.tui.render.rows import Row, blank, clip, join, line, ours, wrapped

_LEFT = (0, 2, 8)
_SPARE = 7
"""The column that says how many tokens it took: the first to go where the screen is narrow."""
_NARROW = 76


def contest_rows(block: Contest, width: int) -> list[Row]:
    """Head, one row for each rollout, reasons."""
    compared = block.compared
    bar, room = ours("┃ ", "$real"), width - 2
    title = f" {count(len(compared.rows), 'rollout')} compared by tests that ran"
    laid = [Row(join(ours(REAL, "$real"), ours(title, "bold")))]
    rows = [HEAD, *table(compared)]
    shown = [at for at in range(len(HEAD)) if room >= _NARROW or at != _SPARE]
    widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]
    for number, row in enumerate(rows):
        style = "$faint" if not number else "bold $good" if row[0] else ""
        cells = [row[at].ljust(widths[at]) if at in _LEFT else row[at].rjust(widths[at]) for at in shown]
        laid.append(Row(clip(line("  ".join(cells).rstrip(), style), room)))
    for reason in sentences(compared):
        laid += wrapped(line(reason, "$quiet"), room)
    laid += wrapped(ours(LEGEND, "$faint"), room)
    return [blank(), *(_behind(bar, row) for row in laid), blank()]


def _behind(bar: Content, row: Row) -> Row:
    return Row(join(bar, row.content), row.fill)
