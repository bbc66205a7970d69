"""What imagining costs in time: the same session in `verify` and in `real` mode, after one another and in turn.

    python -m benchmarks.verify_cost [--pace TOKENS] [--rounds R]

One scripted model behind a real socket decides and writes traces, as fast as a served CWM-32B does; what it knows of
the traces is what really happens. Sandbox, tests and traces are real. The model has a batch and a prefix cache: a trace
takes nothing from a reply that is written at the same time, and its small requests begin sooner than a reply does.
Timed is from the request to its rest, with the sandbox open.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from msgspec import Struct

from benchmarks.table import machine, write
from cwm_agent.compose import House
from cwm_agent.core.dreams import LATE
from cwm_agent.events import AgentEvent, PredictionScored, SubmitPrompt, TraceEnded
from cwm_agent.observations import Mode, Origin
from cwm_agent.settings import Settings, WorldSettings
from cwm_agent.workspace.repository import Repository
from tests.e2e.model_server import NAME
from tests.e2e.thinking_server import Pace, knows, thinking_server
from tests.unit.policies.chat_model import call, says

PACE, FIRST, TRACE, ROUNDS = 45.0, 0.2, 0.03, 7
CODE = """\
def count(text, letter):
    n = 0
    for each in text:
        if each != letter:
            n += 1
    return n


def most(text, letters):
    best = ""
    for letter in letters:
        if not best or count(text, letter) > count(text, best):
            best = letter
    return best


def share(text, letter):
    return count(text, letter) / len(text)
"""
FIXED = CODE.replace("!=", "==")
CHECKS = {
    "count": 'count("strawberry", "r") == 3',
    "most": 'most("banana", "abn") == "a"',
    "share": 'share("bookkeeper", "e") == 0.3',
}
TESTS = {
    f"test_{name}.py": f"from words import {name}\n\n\ndef test_{name}():\n    assert {check}\n"
    for name, check in CHECKS.items()
}
THOUGHT = "I look at what the test expects, at what the code does with it, and at where the two part. " * 6
EDIT = "words.py\n<<<<<<< SEARCH\n        if each != letter:\n=======\n        if each == letter:\n>>>>>>> REPLACE"
PYTEST = f"python3 -m pytest -q {' '.join(TESTS)}"
REPLIES = [
    call("bash", "ls; cat words.py", thought=THOUGHT),
    call("bash", PYTEST, thought=THOUGHT),
    call("edit", EDIT, thought=THOUGHT),
    call("bash", PYTEST, thought=THOUGHT),
    call("bash", "git diff > /tmp/fix.patch; cat /tmp/fix.patch", thought=THOUGHT),
    call("submit", "/tmp/fix.patch", thought=THOUGHT),
    says("The comparison in count was the wrong way round.", THOUGHT),
]
CALLS = (
    "count(text='strawberry', letter='r')",
    "most(text='banana', letters='abn')",
    "count(text='banana', letter='b')",
)


class Took(Struct, frozen=True):
    """One session: seconds from the request to its rest, and what was imagined in it."""

    seconds: float
    imagined: int
    scored: int
    late: int


def project(folder: Path) -> Path:
    """The repository with the bug."""
    made = folder / "words"
    made.mkdir()
    for name, text in {"words.py": CODE, **TESTS}.items():
        (made / name).write_text(text)
    git = ["git", "-c", "user.name=b", "-c", "user.email=b@localhost", "-C", str(made)]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *arguments], check=True)
    return made


async def beliefs() -> list[Any]:
    """What really happens in both states of the code, test by test, and in the calls that the tests make."""
    found = []
    for code in (CODE, FIXED):
        files = {"words.py": code, **TESTS}
        found += [await knows(files, path, f"{path.removesuffix('.py')}()") for path in TESTS]
        found += [await knows(files, "words.py", entry) for entry in CALLS]
    return found


async def session(url: str, mode: Mode, repository: Path) -> Took:
    """One session from its request to its rest."""
    settings = Settings(mode=mode, model_url=url, model=NAME, policy="cwm", world=WorldSettings())
    house = House(settings, Repository.open(repository))
    try:
        opened = await house.open(lambda _: None)
        await opened.start()
        began = time.perf_counter()
        await opened.send(SubmitPrompt("The tests fail, please fix them."))
        rested = await opened.idle()
        seconds = time.perf_counter() - began
        assert rested is not None
        assert rested.status == "fixed", rested
        await opened.aclose()
        return took(seconds, opened.history)
    finally:
        await house.aclose()


def took(seconds: float, history: tuple[AgentEvent, ...]) -> Took:
    """Count what was imagined; `late` are traces that were open when their fact was there."""
    ended = [each for each in history if isinstance(each, TraceEnded) and each.origin is Origin.IMAGINED]
    scored = sum(isinstance(each, PredictionScored) for each in history)
    return Took(seconds, len(ended), scored, sum(each.outcome == LATE for each in ended))


def measure(mode: Mode, known: list[Any], pace: Pace) -> Took:
    """One session with a home and a repository of its own."""
    with tempfile.TemporaryDirectory() as folder, thinking_server(REPLIES, known, pace=pace) as (url, _):
        os.environ["CWM_AGENT_HOME"] = f"{folder}/home"
        return asyncio.run(session(url, mode, project(Path(folder))))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pace", type=float, default=PACE)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    args = parser.parse_args()
    known = asyncio.run(beliefs())
    modes = (Mode.REAL, Mode.VERIFY)
    measured: dict[Mode, list[Took]] = {mode: [] for mode in modes}
    for number in range(args.rounds):
        for mode in modes if number % 2 else modes[::-1]:
            measured[mode].append(measure(mode, known, Pace(FIRST, TRACE, 1 / args.pace)))
    report(measured, args.pace)
    return 0


def report(measured: dict[Mode, list[Took]], pace: float) -> None:
    """The table; the ratio is that of the medians, and the spread that of the pairs."""
    base = statistics.median(each.seconds for each in measured[Mode.REAL])
    pairs = zip(measured[Mode.VERIFY], measured[Mode.REAL], strict=True)
    ratios = sorted(verify.seconds / real.seconds for verify, real in pairs)
    rows = []
    for mode, runs in measured.items():
        seconds = [each.seconds for each in runs]
        middle = statistics.median(seconds)
        counts = [statistics.median(getattr(each, name) for each in runs) for name in ("imagined", "scored", "late")]
        spread = f"{min(seconds):.1f} to {max(seconds):.1f}"
        rows.append((mode.value, f"{middle:.1f}", spread, f"{middle / base:.3f}", *(f"{each:g}" for each in counts)))
    note = (
        f"One repair of {len(REPLIES)} replies, some 150 tokens each, by a scripted model behind HTTP that writes "
        f"{pace:g} tokens a second in each of its streams, the first after {FIRST:g} s, in a trace after {TRACE:g} s; "
        "it knows how the traces go. Sandbox, tests and traces are real. "
        f"{len(ratios)} sessions in each mode, in turn. Goal: `verify` costs under 10 % more. "
        f"Session by session it took {ratios[0]:.2f} to {ratios[-1]:.2f} times as long. `late`: traces that were still "
        f"open {WorldSettings().patience:g} s after the real run, and were given up. {machine()} "
        f"Load at the end: {os.getloadavg()[0]:.1f}."
    )
    header = ("mode", "median, s", "least to most, s", "of real", "traces imagined", "predictions scored", "late")
    write("verify_cost", "What imagining costs beside running", note, header, rows)


if __name__ == "__main__":
    sys.exit(main())
