"""Evaluates a model in a folder, or the checkpoints of its training, and writes the tables."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import msgspec

from cwm_agent.nano.evaluation.cases import LONGEST, REAL, cases
from cwm_agent.nano.evaluation.curve import curve, curve_page
from cwm_agent.nano.evaluation.report import Evaluation, evaluation, markdown
from cwm_agent.nano.evaluation.runs import runs
from cwm_agent.nano.notes import notes

_NOTE = (
    "Free is one request in which the model writes everything; scaffolded is the method of the program, in which it "
    "writes only what the source does not tell. Greedy, in this process. Traces have up to {longest} frames. Shares "
    "are of programs or their mean over programs, with 95 % intervals: Wilson's for shares of programs, bootstrap for "
    "means. Unseen templates are programs whose shape without names and constants was never trained on; real functions "
    "are {functions} pure ones of the standard library and of our dependencies, with made-up arguments. "
    "{seconds:.0f} s on {workers} processes. Written by `python -m cwm_agent.nano evaluate`."
)


def evaluate(folder: Path, *, programs: int, workers: int) -> Evaluation:
    """Imagine so many programs of each group, free and scaffolded."""
    began = time.monotonic()
    chosen = cases(programs)
    done = list(runs(folder, chosen, ("free", "stepwise"), workers))
    functions = len({case.source for case in chosen if case.group == REAL})
    said = _NOTE.format(longest=LONGEST, functions=functions, seconds=time.monotonic() - began, workers=workers)
    return evaluation(folder.name, notes(folder), chosen, done, said)


def write(page: str, data: object, output: Path) -> None:
    """The page, and the same as JSON beside it."""
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(page, encoding="utf-8")
    output.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(data), indent=1) + b"\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("folder", type=Path, help="the model, or with --curve the folder of its checkpoints")
    about = "accuracy against tokens and parameters, from the checkpoints of runs"
    parser.add_argument("--curve", action="store_true", help=about)
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
        page, data = f"{curve_page(points)}\n", msgspec.to_builtins(points)
    else:
        found = evaluate(folder, programs=options.programs, workers=options.workers)
        page, data = markdown(found), msgspec.to_builtins(found)
    print(page)
    write(page, data, options.output or folder / ("curve.md" if options.curve else "evaluation.md"))
