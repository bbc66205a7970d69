"""Evaluates a model in a folder, or the checkpoints of its training, and writes the tables."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from cwm_agent.errors import UsageError
from cwm_agent.nano.evaluation.cases import LONGEST, REAL, cases
from cwm_agent.nano.evaluation.measures import Estimate, share
from cwm_agent.nano.evaluation.report import Evaluation, evaluation, markdown, percent, table
from cwm_agent.nano.evaluation.runs import Case, runs

NOTES = "training.json"
_NOTE = (
    "Free is one request in which the model writes everything; scaffolded is the method of the program, in which it "
    "writes only what the source does not tell. Greedy, in this process. Traces have up to {longest} frames. Shares "
    "are of programs or their mean over programs, with 95 % intervals: Wilson's for shares of programs, bootstrap for "
    "means. Unseen templates are programs whose shape without names and constants was never trained on; real functions "
    "are {functions} pure ones of the standard library and of our dependencies, with made-up arguments. "
    "{seconds:.0f} s on {workers} processes. Written by `python -m cwm_agent.nano evaluate`."
)


class Point(Struct, frozen=True):
    """One checkpoint of the curve: what was right when so many tokens had been learnt from, scaffolded."""

    tokens: int
    exact: Estimate | None
    returned: Estimate | None


def evaluate(folder: Path, *, programs: int, workers: int) -> Evaluation:
    """Imagine so many programs of each group, free and scaffolded."""
    began = time.monotonic()
    chosen = cases(programs)
    done = list(runs(folder, chosen, ("free", "stepwise"), workers))
    functions = len({case.source for case in chosen if case.group == REAL})
    said = _NOTE.format(longest=LONGEST, functions=functions, seconds=time.monotonic() - began, workers=workers)
    return evaluation(folder.name, notes(folder), chosen, done, said)


def curve(folder: Path, *, programs: int, workers: int) -> list[Point]:
    """The same for every checkpoint below a folder, the earliest first; UsageError where there is none."""
    found = sorted({file.parent for file in folder.rglob(NOTES)}, key=lambda each: int(notes(each).get("tokens", 0)))
    if not found:
        raise UsageError(f"There is no checkpoint below {folder}.", remedy="Keep some while training.")
    chosen = cases(programs)
    return [_point(each, chosen, workers) for each in found]


def _point(folder: Path, chosen: Sequence[Case], workers: int) -> Point:
    done = list(runs(folder, chosen, ("stepwise",), workers))
    exact, returned = sum(run.exact for run in done), sum(run.returned for run in done)
    return Point(int(notes(folder).get("tokens", 0)), share(exact, len(done)), share(returned, len(done)))


def curve_table(points: Sequence[Point]) -> str:
    """The curve as Markdown."""
    rows = [(f"{each.tokens / 1e6:.1f} M", percent(each.exact), percent(each.returned)) for each in points]
    return table(("tokens learnt from", "whole trace exact", "return exact"), rows)


def notes(folder: Path) -> dict[str, Any]:
    """What training wrote beside the model; nothing where it wrote nothing."""
    file = folder / NOTES
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


def write(page: str, data: object, output: Path) -> None:
    """The page, and the same as JSON beside it."""
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(page, encoding="utf-8")
    output.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(data), indent=1) + b"\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("folder", type=Path, help="the model, or with --curve the folder of its checkpoints")
    parser.add_argument("--curve", action="store_true", help="accuracy against tokens, from the checkpoints of a run")
    parser.add_argument("--programs", type=int, default=120, help="how many of each group (default: 120)")
    parser.add_argument("--workers", type=int, default=2, help="how many processes (default: 2)")
    parser.add_argument(
        "--output", type=Path, help="the page to write, beside the same as JSON (default: in the folder)"
    )


def main(options: argparse.Namespace) -> None:
    """Evaluate, print the page, and write it."""
    folder: Path = options.folder.expanduser()
    if options.curve:
        points = curve(folder, programs=options.programs, workers=options.workers)
        page, data = f"# Accuracy against tokens\n\n{curve_table(points)}\n", msgspec.to_builtins(points)
    else:
        found = evaluate(folder, programs=options.programs, workers=options.workers)
        page, data = markdown(found), msgspec.to_builtins(found)
    print(page)
    write(page, data, options.output or folder / ("curve.md" if options.curve else "evaluation.md"))
