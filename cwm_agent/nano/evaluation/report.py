"""The tables of an evaluation, as data and as Markdown: the same numbers in both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from cwm_agent.nano.evaluation.measures import Calibration, Estimate, calibration, mean, share
from cwm_agent.nano.evaluation.runs import Case, Run

SHORT = 10
LEAST = 10
"""Programs that a construct must stand in to have a row."""
METHODS = {"free": "free", "stepwise": "scaffolded"}
HEADER = (
    "group", "method", "programs", "whole trace exact", "return exact", "frames before the first divergence",
    "tokens / frame",
)  # fmt: skip


class Row(Struct, frozen=True):
    """What came of one method on one group of programs; shares are from 0 to 1, `before` counts frames."""

    group: str
    method: str
    programs: int
    exact: Estimate | None
    returned: Estimate | None
    before: Estimate | None
    tokens_per_frame: float


class Evaluation(Struct, frozen=True):
    """All that is told of one model: accuracy by group and length and by construct, confidence in the scaffolded runs.

    `values` are the values and lines that the model wrote or chose, `traces` whole traces that came to an end.
    """

    model: str
    parameters: int
    trained_tokens: int
    by_group: tuple[Row, ...]
    by_construct: tuple[Row, ...]
    values: Calibration
    traces: Calibration
    note: str = ""


def by_group(cases: Sequence[Case], runs: Sequence[Run]) -> tuple[Row, ...]:
    """Each group as a whole and by length."""
    found: list[Row] = []
    for group in dict.fromkeys(case.group for case in cases):
        own = [number for number, case in enumerate(cases) if case.group == group]
        short = [number for number in own if len(cases[number].real.frames) <= SHORT]
        long = sorted({*own} - {*short})
        found += _rows(group, own, runs)
        found += _rows(f"{group}, up to {SHORT} frames", short, runs)
        found += _rows(f"{group}, {SHORT + 1} to 40 frames", long, runs)
    return tuple(found)


def by_construct(cases: Sequence[Case], runs: Sequence[Run]) -> tuple[Row, ...]:
    """Each construct that stands in enough programs."""
    found: list[Row] = []
    for name in sorted({each for case in cases for each in case.constructs}):
        own = [number for number, case in enumerate(cases) if name in case.constructs]
        found += _rows(name, own, runs) if len(own) >= LEAST else ()
    return tuple(found)


def _rows(words: str, numbers: Iterable[int], runs: Sequence[Run]) -> Iterable[Row]:
    own = {*numbers}
    for method in METHODS:
        chosen = [run for run in runs if run.method == method and run.case in own]
        if chosen:
            yield _row(words, METHODS[method], chosen)


def _row(words: str, method: str, chosen: Sequence[Run]) -> Row:
    frames = sum(max(run.frames - 1, 1) for run in chosen)
    return Row(
        group=words,
        method=method,
        programs=len(chosen),
        exact=share(sum(run.exact for run in chosen), len(chosen)),
        returned=share(sum(run.returned for run in chosen), len(chosen)),
        before=mean([float(run.before) for run in chosen]),
        tokens_per_frame=sum(run.tokens for run in chosen) / frames,
    )


def evaluation(
    model: str, notes: dict[str, object], cases: Sequence[Case], runs: Sequence[Run], note: str
) -> Evaluation:
    """Everything that the runs tell; `notes` are those of the training."""
    scaffolded = [run for run in runs if run.method == "stepwise"]
    return Evaluation(
        model=model,
        parameters=int(str(notes.get("parameters", 0))),
        trained_tokens=int(str(notes.get("tokens", 0))),
        by_group=by_group(cases, runs),
        by_construct=by_construct(cases, runs),
        values=calibration([each for run in scaffolded for each in run.said]),
        traces=calibration([run.whole for run in scaffolded if run.whole is not None]),
        note=note,
    )


def markdown(found: Evaluation) -> str:
    """The tables as a page."""
    parts = [
        "# What the small model knows",
        f"{found.model}: {found.parameters / 1e6:.1f} M parameters, trained on {found.trained_tokens / 1e6:.1f} M "
        f"tokens. {found.note}",
        table(HEADER, map(_cells, found.by_group)),
        "## By construct",
        "A program counts for each construct that stands in it; scaffolded alone.",
        table(HEADER, [_cells(row) for row in found.by_construct if row.method == METHODS["stepwise"]]),
        "## Confidence",
        _confidence("Values and lines that the model wrote or chose, up to where the trace first errs", found.values),
        _confidence("Whole traces: the product of all of their confidences", found.traces),
    ]
    return "\n\n".join(parts) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    return "\n".join(
        ["| " + " | ".join(header) + " |", "|" + "---|" * len(header), *("| " + " | ".join(row) + " |" for row in rows)]
    )


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.group, row.method, str(row.programs), percent(row.exact), percent(row.returned), _number(row.before),
        f"{row.tokens_per_frame:.1f}",
    )  # fmt: skip


def percent(each: Estimate | None) -> str:
    """A share and its interval; empty where there is none."""
    return "" if each is None else f"{each.value:.0%} ({each.low * 100:.0f}–{each.high * 100:.0f})"


def _number(each: Estimate | None) -> str:
    return "" if each is None else f"{each.value:.1f} ({each.low:.1f}–{each.high:.1f})"


def _confidence(words: str, found: Calibration) -> str:
    told = (
        ""
        if found.ranking is None
        else f"; a right one is said with more confidence than a wrong one in {found.ranking:.0%}"
    )
    bins = table(
        ("confidence", "right", "how many"),
        [(f"{each.confidence:.0%}", f"{each.right:.0%}", f"{each.of:,}") for each in found.bins],
    )
    return f"{words}: expected calibration error {found.error * 100:.1f} points over {found.of:,}{told}.\n\n{bins}"
