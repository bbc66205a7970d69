"""How much of a run the source alone foretells: what can come next, which locals may change, against real traces."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from msgspec import Struct

from benchmarks.table import machine, write
from cwm_agent.analysis.effects import Effects
from cwm_agent.analysis.flow import Flow, Successor
from cwm_agent.traces.frames import Frame, FrameKind
from tests.unit.analysis.flow_corpus import DYNAMIC, PROGRAMS
from tests.unit.analysis.generated import programs
from tests.unit.analysis.real import changes, run, steps
from tests.unit.tracer_corpus import MORE, SAME, sources
from tests.unit.tracing import RUNNING, version_of

HEADER = (
    "programs",
    "transitions",
    "foretold",
    "not certain",
    "successors each",
    "exactly one",
    "lines run",
    "changes foretold",
    "names that may change",
    "names that changed",
)


class Tally(Struct):
    """What was counted over some programs."""

    transitions: int = 0
    foretold: int = 0
    uncertain: int = 0
    successors: int = 0
    single: int = 0
    lines: int = 0
    sound: int = 0
    may_change: int = 0
    changed: int = 0

    def add(self, source: str, frames: list[Frame]) -> None:
        """Count one thread of a program."""
        flow = Flow(source)
        effects = Effects(source, flow)
        for frame, following, stack in steps(frames):
            told = flow.after(frame, stack)
            self.transitions += 1
            self.foretold += Successor(following.event, following.function, following.line or 0) in told.successors
            self.uncertain += not told.certain
            self.successors += len(told.successors)
            self.single += told.certain and len(told.successors) == 1
        for change in changes(frames):
            frame = change.frame
            may = effects.may_change(frame.function, frame.line or 0, frame.locals)
            self.lines += 1
            self.sound += change.names <= may
            self.may_change += len(may)
            self.changed += len(change.names)

    def row(self, title: str) -> list[str]:
        """The line of the table."""
        return [
            title,
            f"{self.transitions:,}",
            f"{100 * self.foretold / self.transitions:.2f} %",
            f"{100 * self.uncertain / self.transitions:.2f} %",
            f"{self.successors / self.transitions:.2f}",
            f"{100 * self.single / self.transitions:.0f} %",
            f"{self.lines:,}",
            f"{100 * self.sound / self.lines:.2f} %",
            f"{self.may_change / self.lines:.2f}",
            f"{self.changed / self.lines:.2f}",
        ]


def tally(corpus: dict[str, str], python: str = RUNNING) -> Tally:
    """Run the programs for real, and count."""
    found = Tally()
    with tempfile.TemporaryDirectory() as folder:
        traces = run(Path(folder) / "programs", corpus, python)
    for name, threads in traces.items():
        for frames in threads:
            if any(frame.event is FrameKind.LINE for frame in frames):
                found.add(corpus[name], frames)
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--python", default=RUNNING, help="the interpreter that runs the programs")
    arguments.add_argument("--generated", type=int, default=60, help="how many random programs")
    given = arguments.parse_args()
    written = sources({name: text for name, text in {**SAME, **MORE}.items() if name not in DYNAMIC}, PROGRAMS)
    plain = {name: written[name] for name in ("strawberry", "recursion", "closures", "algorithms", "branches")}
    groups = {
        f"plain functions ({len(plain)})": plain,
        f"every construct ({len(written)})": written,
        f"random ({given.generated})": programs(1000, given.generated),
    }
    started = time.process_time()
    rows = [tally(corpus, given.python).row(title) for title, corpus in groups.items()]
    version = ".".join(map(str, version_of(given.python)))
    write(
        "flow",
        "What the source alone foretells of a run",
        f"Real traces of Python {version}; successors are the events that can come next, with their lines. "
        f"Dynamic code is left out ({', '.join(DYNAMIC)}); CPU time for all: {time.process_time() - started:.0f} s. "
        + machine(),
        HEADER,
        rows,
    )


if __name__ == "__main__":
    main()
