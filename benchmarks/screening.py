"""What imagining candidates before they are run costs and saves: real runs and seconds until the first repair.

    python -m benchmarks.screening [MODEL] [--seconds 10]

The seeded bugs are those of the golden tests. Both runs are the same but for the screener.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import resource
import time
from pathlib import Path

from msgspec import Struct

from benchmarks.table import machine, write
from cwm_agent.models.embedded import EmbeddedModel
from cwm_agent.models.trust import Trust, trust_in
from cwm_agent.policies.forager import search
from cwm_agent.policies.forager.policy import Forager
from cwm_agent.protocols import Verdict
from cwm_agent.resources import shipped_model
from cwm_agent.settings import ForagerSettings
from cwm_agent.worlds.imagined import ImaginedWorld, Lead
from cwm_agent.worlds.screening import ImaginedScreener
from tests.golden.forager.test_cases import NAMES, opened

MEMORY = 4 << 30
FRAME_TOKENS, EACH = 256, 2.0


class Found(Struct, frozen=True):
    """How many candidates were run for real until one survived, how long that took, and how many were imagined."""

    runs: int
    seconds: float
    imagined: int = 0


async def repair(name: str, model: EmbeddedModel | None, trust: Trust, seconds: float) -> Found:
    """One search, watched from outside."""
    talk = opened(name)
    screener = None
    if model is not None:
        screener = ImaginedScreener(
            lambda files: ImaginedWorld(model, files=files, frame_tokens=FRAME_TOKENS, lead=Lead(seconds=EACH)),
            talk.repository,
            trust.right,
            seconds,
        )
        talk.policy = Forager(talk.bench, talk.repository, ForagerSettings(test_seconds=0.5), screener)
    runs = 0
    first: list[Found] = []
    began = time.perf_counter()
    note = search.Search._note  # noqa: SLF001 -- watched from outside, so that both runs are the shipped code

    def watched(self: search.Search, verdict: Verdict) -> None:
        nonlocal runs
        runs += verdict.number > 0
        if verdict.stage == "survived" and verdict.number and not first:
            first.append(Found(runs, time.perf_counter() - began, screener.imagined if screener else 0))
        note(self, verdict)

    search.Search._note = watched  # type: ignore[method-assign]  # noqa: SLF001
    try:
        await talk.ask("fix the failing tests")
    finally:
        search.Search._note = note  # type: ignore[method-assign]  # noqa: SLF001
    return first[0]


async def measure(folder: Path, seconds: float) -> list[tuple[str, Found, Found]]:
    """Every bug without and with imagination."""
    model, trust = await EmbeddedModel.load(folder), trust_in(folder)
    found = []
    for name in NAMES:
        without = await repair(name, None, trust, seconds)
        found.append((name, without, await repair(name, model, trust, seconds)))
        print(*found[-1], flush=True)
    return found


def _mean(found: list[Found]) -> float:
    return math.exp(sum(math.log(each.runs) for each in found) / len(found))


def _seconds(found: list[Found]) -> float:
    return sum(each.seconds for each in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, nargs="?", default=shipped_model())
    parser.add_argument("--seconds", type=float, default=10.0, help="how long candidates are imagined")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    found = asyncio.run(measure(options.model.expanduser(), options.seconds))
    rows = [
        (name, str(one.runs), str(other.runs), str(other.imagined), f"{one.seconds:.1f} s", f"{other.seconds:.1f} s")
        for name, one, other in found
    ]
    plain, screened = [one for _, one, _ in found], [other for _, _, other in found]
    rows.append(
        (
            "geometric mean of runs, sum of the rest",
            f"{_mean(plain):.1f}",
            f"{_mean(screened):.1f}",
            str(sum(each.imagined for each in screened)),
            f"{_seconds(plain):.1f} s",
            f"{_seconds(screened):.1f} s",
        )
    )
    pays = _seconds(screened) < _seconds(plain)
    note = (
        f"{len(NAMES)} seeded bugs in small programs; each search may imagine candidates for {options.seconds:g} s "
        "before the first is run, and moves those whose imagined outcome is to be trusted by the model's own "
        f"evaluation. Imagination {'pays' if pays else 'does not pay'} here in time; `forager.imagine_seconds` is "
        f"{ForagerSettings().imagine_seconds:g} unless it is set. {machine()}"
    )
    header = (
        "bug",
        "runs until the repair",
        "with imagination",
        "imagined",
        "time until the repair",
        "with imagination",
    )
    write("screening", "Candidates imagined before they are run", note, header, rows)


if __name__ == "__main__":
    main()
