"""How many candidates the forager tries before its first repair, with and without the trace of the failing test.

    python -m benchmarks.localisation

The seeded bugs are those of the golden tests. Both runs are the same but for the trace events in the history.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.table import machine, write
from cwm_agent.containers.tracer import read_frames
from cwm_agent.events import AgentEvent, FramesReached, TraceBegan
from cwm_agent.observations import Origin
from cwm_agent.policies.forager import search
from cwm_agent.policies.forager.turn import PYTEST
from cwm_agent.protocols import Verdict
from cwm_agent.traces.frames import Frame
from tests.golden.forager.test_cases import NAMES, opened

TRACER = Path(__file__).parents[1] / "sandbox" / "tracer" / "trace.py"
SECONDS = 5
MEMORY = 4 << 30


def traced(files: dict[str, str], test: str) -> tuple[Frame, ...]:
    """The real frames of one test."""
    with tempfile.TemporaryDirectory() as parent:
        folder, out = Path(parent, "project"), Path(parent, "frames")
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        command = [sys.executable, "-B", str(TRACER), "--root", str(folder), "--out", str(out), "--frames", "5000"]
        with contextlib.suppress(subprocess.TimeoutExpired):  # a bug that never ends: what was traced is kept
            subprocess.run([*command, "--test", test], cwd=folder, capture_output=True, timeout=SECONDS, check=False)
        return tuple(read_frames(out.read_bytes().split(b"\0")[0]))


class Traced:
    """A policy that is told of the trace, as a session tells it."""

    def __init__(self, policy: object, events: list[AgentEvent]) -> None:
        self._policy = policy
        self._events = events

    def decide(self, history: tuple[AgentEvent, ...]) -> object:
        ran = any(getattr(getattr(event, "call", None), "content", "").startswith(PYTEST) for event in history)
        return self._policy.decide((*history, *self._events) if ran else history)  # type: ignore[attr-defined]


def first_repair(name: str, *, with_trace: bool) -> int:
    """The number of the first candidate that survives."""
    talk = opened(name)
    if with_trace:
        first = next(iter(failing(talk.bench.look((), SECONDS / 10))))
        frames = traced(talk.repository.files, first)
        began = TraceBegan(1, Origin.REAL, first, f"test_{name}.py")
        talk.policy = Traced(talk.policy, [began, FramesReached(1, Origin.REAL, frames)])  # type: ignore[assignment]
    numbers: list[int] = []
    note = search.Search._note  # noqa: SLF001 -- watched from outside, so that both runs are the shipped code

    def watched(self: search.Search, verdict: Verdict) -> None:
        if verdict.stage == "survived":
            numbers.append(verdict.number)
        note(self, verdict)

    search.Search._note = watched  # type: ignore[method-assign]  # noqa: SLF001
    try:
        asyncio.run(talk.ask("fix the failing tests"))
    finally:
        search.Search._note = note  # type: ignore[method-assign]  # noqa: SLF001
    return numbers[0]


def failing(spectrum: object) -> list[str]:
    return [each.id for each in spectrum.results if each.outcome not in ("passed", "skipped")]  # type: ignore[attr-defined]


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    rows, logs = [], [0.0, 0.0]
    for name in NAMES:
        without, with_ = first_repair(name, with_trace=False), first_repair(name, with_trace=True)
        logs[0] += math.log(without)
        logs[1] += math.log(with_)
        rows.append((name, str(without), str(with_)))
    means = [math.exp(each / len(rows)) for each in logs]
    rows.append(("geometric mean", f"{means[0]:.1f}", f"{means[1]:.1f}"))
    write(
        "localisation",
        "Candidates before the first repair",
        f"{len(NAMES)} seeded bugs in small programs. {machine()}",
        ("bug", "from the lines of all tests", "and from the trace of the failing one"),
        rows,
    )


if __name__ == "__main__":
    main()
