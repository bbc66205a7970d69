"""What imagining costs: the method of Meta's demo debugger, one free request, one under a grammar, and step by step.

All four on one vLLM server with one small model, greedy, from the same prompt, on the same programs, which the model
never saw. The server's own counter says how many tokens were generated. Takes minutes: `python -m benchmarks` leaves it
out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from msgspec import Struct

from benchmarks.imagining.peer import Imagined, demo
from benchmarks.imagining.served import NAME, forget, generated, serving
from benchmarks.table import machine, write
from cwm_agent.models.vllm import VllmModel
from cwm_agent.nano.dataset import HELD_OUT
from cwm_agent.nano.programs import Program, program
from cwm_agent.nano.recording import traces_of
from cwm_agent.observations import Completed, Finished, FrameReached, LimitReached, Limits, TraceCall
from cwm_agent.resources import shipped_model
from cwm_agent.traces.compare import Comparison, compare
from cwm_agent.traces.frames import Frame, Trace
from cwm_agent.worlds.imagined import ImaginedWorld, Method

METHODS: tuple[Method, ...] = ("free", "guided", "stepwise")
SHORTEST, LONGEST = 10, 60  # frames
FRAME_TOKENS = 256
"""Tokens that a method may spend on one frame: a small model that repeats itself would decide the means."""
CONTEXT = 2048
SPECULATION = {"method": "ngram", "num_speculative_tokens": 6, "prompt_lookup_max": 4, "prompt_lookup_min": 2}
DEMO = "demo"
HEADER = (
    "method", "frames", "requests / frame", "tokens / frame", "time / frame", "fewer tokens", "less time",
    "mean of all frames", "whole trace exact", "frames before the first divergence",
)  # fmt: skip


class Run(Struct, frozen=True):
    """One trace that was imagined; `frames` counts those that were not given, one that broke off among them."""

    frames: int
    requests: int
    tokens: int
    seconds: float
    comparison: Comparison

    def per_frame(self, field: str) -> float:
        """One of the costs, for each frame."""
        return float(getattr(self, field)) / max(self.frames, 1)


class Case(Struct, frozen=True):
    program: Program
    real: Trace

    @property
    def request(self) -> TraceCall:
        return TraceCall(source=self.program.source, entry=self.program.call, path="program.py")


def cases(number: int, first: int) -> Iterator[Case]:
    """Held-out programs whose traces are of middle length, half of them of level 1, half of level 2."""
    made = [program(HELD_OUT + seed, 1 + seed % 2) for seed in range(first, first + number * 20)]
    found = 0
    for each, trace in zip(made, traces_of([(each.source, each.call) for each in made]), strict=True):
        if trace is not None and SHORTEST <= len(trace.frames) <= LONGEST and found < number:
            found += 1
            yield Case(each, trace)


async def imagine(model: VllmModel, method: Method, case: Case, most: int) -> Imagined:
    """What our world imagines."""
    world = ImaginedWorld(model, method=method, frame_tokens=FRAME_TOKENS)
    frames: list[Frame] = []
    complete = broken = False
    async for event in world.run(case.request, Limits(frames=most, seconds=300)):
        match event:
            case FrameReached(frame):
                frames.append(frame)
            case Finished(outcome):
                complete = isinstance(outcome, Completed)
                broken = not complete and not (isinstance(outcome, LimitReached) and outcome.which == "frames")
    return Imagined(Trace(tuple(frames), complete), world.usage.requests, broken)


async def measure(url: str, met: VllmModel, method: str, case: Case) -> Run:
    """One run, in which nothing is cached from another."""
    model = met.afresh()
    most = len(case.real.frames) + 10
    forget(url)
    before = generated(url)
    began = time.perf_counter()
    if method == DEMO:
        found = await demo(url, model, case.request, most, FRAME_TOKENS)
    else:
        found = await imagine(model, method, case, most)  # type: ignore[arg-type]
    seconds = time.perf_counter() - began
    frames = len(found.trace.frames) - 1 + found.broken
    return Run(frames, found.requests, generated(url) - before, seconds, compare(found.trace, case.real))


async def measure_all(url: str, chosen: list[Case]) -> dict[str, list[Run]]:
    """Every method on every case, in turns; the first case once more before, to warm the server up."""
    model = await VllmModel.connect(url, NAME)
    runs: dict[str, list[Run]] = {method: [] for method in (DEMO, *METHODS)}
    for method in runs:
        await measure(url, model, method, chosen[0])
    for number, case in enumerate(chosen, 1):
        for method, done in runs.items():
            done.append(await measure(url, model, method, case))
            last = done[-1]
            print(f"{number:3} {method:9} {last.frames:3} frames {last.requests:3} requests {last.tokens:5} tokens "
                  f"{last.seconds:6.2f} s  {last.comparison.sentence}", flush=True)  # fmt: skip
    await model.aclose()
    return runs


def row(method: str, done: list[Run], peer: list[Run]) -> tuple[str, ...]:
    """The median program's costs, and what all of them cost together."""

    def ratio(field: str) -> float:
        return median(
            other.per_frame(field) / max(run.per_frame(field), 1e-9) for run, other in zip(done, peer, strict=True)
        )

    frames = sum(run.frames for run in done)
    exact = sum(run.comparison.exact for run in done)
    right = sum(run.comparison.frames_before_divergence for run in done) / len(done)
    return (
        method,
        str(frames),
        f"{median(run.per_frame('requests') for run in done):.2f}",
        f"{median(run.per_frame('tokens') for run in done):.1f}",
        f"{median(run.per_frame('seconds') for run in done) * 1000:.0f} ms",
        f"{ratio('tokens'):.1f}×",
        f"{ratio('seconds'):.1f}×",
        f"{sum(run.tokens for run in done) / frames:.1f}, {sum(run.seconds for run in done) / frames * 1000:.0f} ms",
        f"{exact} of {len(done)}",
        f"{right:.1f}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=24)
    parser.add_argument("--first", type=int, default=0, help="the seed of the first program, among the held-out ones")
    parser.add_argument("--model", type=Path, default=shipped_model(), help="its folder (default: the one that ships)")
    parser.add_argument("--speculation", action="store_true", help="n-gram speculation, for all methods")
    options = parser.parse_args()
    notes = json.loads((options.model / "training.json").read_text(encoding="utf-8"))
    chosen = list(cases(options.programs, options.first))
    arguments = ["--enforce-eager", "--max-model-len", str(CONTEXT)]
    if options.speculation:
        arguments += ["--speculative-config", json.dumps(SPECULATION)]
    with serving(options.model, arguments) as url:
        runs = asyncio.run(measure_all(url, chosen))
    real = [len(case.real.frames) for case in chosen]
    note = (
        f"{len(chosen)} held-out programs from seed {options.first} on, real traces of {min(real)} to "
        f"{max(real)} frames, {sum(real) / len(real):.0f} on average. One vLLM 0.32 server on the "
        f"processor (`{' '.join(arguments)}`), "
        f"a model of {notes['parameters'] / 1e6:.1f} M parameters that has seen {notes['tokens'] / 1e6:.1f} M tokens; "
        "all greedy. Every method begins with the same prompt and the call frame, and counts the frames that follow, "
        "one at which it breaks off among them. *demo* is the method of the debugger among the demos of "
        "facebookresearch/cwm: one request a frame. Tokens are those that the server counted, at most "
        f"{FRAME_TOKENS} for a frame, and time is all that passed, encoding included; the caches were emptied before "
        "each run. Costs and ratios are those of the median program, for a model as small as this now and then repeats "
        f"itself up to that limit, which the mean of all frames shows. {machine()}"
    )
    rows = [row(method, done, runs[DEMO]) for method, done in runs.items()]
    write("imagination", "What imagining costs", note, HEADER, rows)


if __name__ == "__main__":
    main()
