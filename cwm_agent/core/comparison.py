"""A comparison of rollouts as a table and in sentences, the same for every front end. Texts are safe to print."""

from __future__ import annotations

from itertools import zip_longest

from cwm_agent.events import FileStat, RolloutRow, RolloutsCompared
from cwm_agent.text import printable_line

HEAD = ("", "rollout", "ended", "kept", "repaired", "agreed", "same", "tokens", "patch")
LEGEND = (
    "kept: tests of the repository that passed before and pass now; repaired: those that failed before and pass now; "
    "agreed: generated tests that pass; same: rollouts with this patch. All of that ran; only what stands behind ◇ was "
    "imagined, and it orders which patch is judged first."
)
_NUMBERS = frozenset({"rollout", "kept", "repaired", "agreed", "same", "tokens"})


def table(compared: RolloutsCompared) -> list[tuple[str, ...]]:
    """The rows under HEAD, the winner's marked with a star."""
    return [_cells(compared, row) for row in compared.rows]


def lines(compared: RolloutsCompared) -> list[str]:
    """The table in columns, with its head."""
    rows = [HEAD, *table(compared)]
    widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]
    laid = []
    for row in rows:
        cells = [
            cell.rjust(width) if head in _NUMBERS else cell.ljust(width)
            for head, cell, width in zip(HEAD, row, widths, strict=True)
        ]
        laid.append("  ".join(cells).rstrip())
    return laid


def markdown(compared: RolloutsCompared) -> str:
    """The table as Markdown."""
    rows = [HEAD, tuple("---:" if head in _NUMBERS else "---" for head in HEAD), *table(compared)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def sentences(compared: RolloutsCompared) -> list[str]:
    """Why the winner won, and on what that stands."""
    told = [printable_line(compared.reason)]
    if compared.passing is not None:
        told.append(f"Of the repository's own tests, {compared.passing} passed before and {compared.failing} failed.")
    if compared.written:
        told.append(
            f"{_count(compared.written, 'test')} written by the model; {compared.reproducing} failed before as they "
            f"should; the {compared.counted} that most agreed count."
        )
    if compared.note:
        told.append(printable_line(compared.note))
    return told


def _cells(compared: RolloutsCompared, row: RolloutRow) -> tuple[str, ...]:
    same = sum(each.patch == row.patch for each in compared.rows) if row.patch else None
    what = changed(row.files)
    if row.patch and row.patch != row.rollout:
        what += f", the same as {row.patch}"
    return (
        "★" if row.rollout == compared.winner else "",
        str(row.rollout),
        row.status.replace("_", " "),
        _of(row.kept, compared.passing),
        _of(row.repaired, compared.failing),
        _of(row.agreed, compared.counted),
        "—" if same is None else str(same),
        f"{row.tokens:,}" if row.tokens else "—",
        "; ".join(part for part in (what, _foretold(row), printable_line(row.note)) if part),
    )


def _foretold(row: RolloutRow) -> str:
    """What a world model expected of the patch."""
    return "◇ {} of {} failing tests imagined to pass".format(*row.foretold) if row.foretold else ""


def changed(files: tuple[FileStat, ...]) -> str:
    """The files of a patch in one line."""
    return ", ".join(
        f"{each.name} " + ("binary" if each.binary else f"+{each.added} −{each.removed}") for each in files
    )


def _of(count: int | None, total: int | None) -> str:
    return "—" if count is None else f"{count}/{total}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun} was" if number == 1 else f"{number} {noun}s were"
