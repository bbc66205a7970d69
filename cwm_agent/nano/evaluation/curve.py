"""Accuracy against tokens and against parameters, from the checkpoints of one or several runs, and where it leads."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import linear_regression

from msgspec import Struct

from cwm_agent.errors import UsageError
from cwm_agent.nano.evaluation.cases import REAL, cases
from cwm_agent.nano.evaluation.measures import Estimate, share
from cwm_agent.nano.evaluation.report import SHORT, percent, table
from cwm_agent.nano.evaluation.runs import Case, Run, runs
from cwm_agent.nano.notes import NOTES, notes

_FEW = 3


class Point(Struct, frozen=True):
    """One checkpoint, scaffolded: what it had learnt from, and the shares that were right.

    `short` and `long` are whole traces of made-up programs up to SHORT frames and of more, `returned` the return
    values of everything, `real` those of functions that people wrote.
    """

    parameters: int
    tokens: int
    short: Estimate | None
    long: Estimate | None
    returned: Estimate | None
    real: Estimate | None


class Column(Struct, frozen=True):
    """One of the shares, and what is wanted of it."""

    name: str
    of: Callable[[Point], Estimate | None]
    goal: float


COLUMNS = (
    Column(f"whole trace, up to {SHORT} frames", lambda point: point.short, 0.9),
    Column(f"whole trace, {SHORT + 1} to 40 frames", lambda point: point.long, 0.7),
    Column("return value, all", lambda point: point.returned, 0.85),
    Column("return value, real functions", lambda point: point.real, 0.5),
)


def curve(folder: Path, *, programs: int, workers: int) -> list[Point]:
    """A point for every checkpoint below a folder, the smallest first; UsageError where there is none."""
    found = [_point(file.parent, programs, workers) for file in sorted(folder.rglob(NOTES))]
    if not found:
        raise UsageError(f"There is no checkpoint below {folder}.", remedy="Keep some while training.")
    return sorted(found, key=lambda each: (each.parameters, each.tokens))


def _point(folder: Path, programs: int, workers: int) -> Point:
    chosen = cases(programs)
    done = list(runs(folder, chosen, ("stepwise",), workers))
    said = notes(folder)
    return point(int(said.get("parameters", 0)), int(said.get("tokens", 0)), chosen, done)


def point(parameters: int, tokens: int, chosen: Sequence[Case], done: Sequence[Run]) -> Point:
    """What these runs of the cases come to."""
    real = [run for run in done if chosen[run.case].group == REAL]
    made = [run for run in done if chosen[run.case].group != REAL]
    short = [run for run in made if len(chosen[run.case].real.frames) <= SHORT]
    long = [run for run in made if len(chosen[run.case].real.frames) > SHORT]
    return Point(
        parameters=parameters,
        tokens=tokens,
        short=share(sum(run.exact for run in short), len(short)),
        long=share(sum(run.exact for run in long), len(long)),
        returned=share(sum(run.returned for run in done), len(done)),
        real=share(sum(run.returned for run in real), len(real)),
    )


def needed(points: Sequence[Point], column: Column) -> float | None:
    """Tokens to the goal if the log-odds went on as a straight line over the logarithm of tokens.

    None where fewer than three points say anything, or they do not rise.
    """
    known = [(point.tokens, of.value) for point in points if (of := column.of(point)) and 0 < of.value < 1]
    if len(known) < _FEW:
        return None
    slope, start = linear_regression(
        [math.log(tokens) for tokens, _ in known], [math.log(value / (1 - value)) for _, value in known]
    )
    return math.exp((math.log(column.goal / (1 - column.goal)) - start) / slope) if slope > 0 else None


def curve_page(points: Sequence[Point]) -> str:
    """The curve as Markdown, with where it leads."""
    header = ("parameters", "tokens learnt from", *(each.name for each in COLUMNS))
    rows = [
        (f"{each.parameters / 1e6:.2f} M", f"{each.tokens / 1e6:.1f} M", *(percent(one.of(each)) for one in COLUMNS))
        for each in points
    ]
    largest = max(each.parameters for each in points)
    series = [each for each in points if each.parameters == largest]
    told = [_told(series, each) for each in COLUMNS]
    return "\n\n".join(
        [
            "# Accuracy against tokens and parameters",
            "Scaffolded, greedy, on the programs of the evaluation. Points but the last of a run are the running mean "
            "of the weights while the rate was constant. Written by `python -m cwm_agent.nano evaluate --curve`.",
            table(header, rows),
            "## Where it leads",
            f"If the log-odds of {largest / 1e6:.2f} M parameters went on as a straight line over the logarithm of the "
            "tokens, which no curve does for ever:",
            table(("", "goal", "tokens to the goal"), told),
        ]
    )


def _told(series: Sequence[Point], column: Column) -> tuple[str, str, str]:
    tokens = needed(series, column)
    words = "not told by these points" if tokens is None else f"{tokens / 1e6:,.0f} M"
    return column.name, f"{column.goal:.0%}", words
