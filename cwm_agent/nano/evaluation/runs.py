"""Cases imagined by the worlds of the program, in a few processes, each with the model of its own."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from msgspec import Struct

from cwm_agent.models.embedded import EmbeddedModel
from cwm_agent.nano.evaluation.measures import Said
from cwm_agent.observations import Completed, Finished, FrameReached, Limits, TraceCall
from cwm_agent.traces.compare import Comparison, compare, fate, normalised, same_line
from cwm_agent.traces.doubt import sureness
from cwm_agent.traces.frames import Frame, Trace
from cwm_agent.worlds.imagined import ImaginedWorld, Lead, Method

FRAME_TOKENS = 256
_SPARE = 5
_SECONDS = 120.0
_LINE, _VALUE = "<line>", "<value>"


class Case(Struct, frozen=True):
    """A call in a source, and how it really ran. `group` is where it comes from, `constructs` what it is made of."""

    group: str
    source: str
    call: str
    constructs: tuple[str, ...]
    real: Trace


class Run(Struct, frozen=True):
    """One imagination of a case; `said` are the values that the model wrote before it first erred, or where it did.

    `whole` is the confidence in the whole trace, None where the trace came to no end.
    """

    case: int
    method: Method
    exact: bool
    returned: bool
    frames: int
    before: int
    tokens: int
    seconds: float
    said: tuple[Said, ...]
    whole: Said | None


def runs(folder: Path, cases: Sequence[Case], methods: Sequence[Method], workers: int) -> Iterator[Run]:
    """Every case by every method, in no particular order of time but in that of the cases."""
    asked = [(number, case, method) for number, case in enumerate(cases) for method in methods]
    with ProcessPoolExecutor(workers, initializer=_load, initargs=(folder,)) as pool:
        yield from pool.map(_run, asked, chunksize=4)


_model: EmbeddedModel | None = None


def _load(folder: Path) -> None:
    global _model  # noqa: PLW0603 -- what an initializer leaves to the calls of its process
    _model = asyncio.run(EmbeddedModel.load(folder))


def _run(asked: tuple[int, Case, Method]) -> Run:
    number, case, method = asked
    assert _model is not None
    world = ImaginedWorld(_model, method=method, frame_tokens=FRAME_TOKENS, lead=Lead())
    trace = asyncio.run(_imagined(world, case))
    usage = world.usage
    return judged(number, method, case, trace, tokens=usage.generated_tokens, seconds=usage.seconds)


def judged(number: int, method: Method, case: Case, trace: Trace, *, tokens: int, seconds: float) -> Run:
    """What came of one imagination."""
    found = compare(trace, case.real)
    return Run(
        case=number,
        method=method,
        exact=found.exact,
        returned=found.return_exact,
        frames=len(trace.frames),
        before=found.frames_before_divergence,
        tokens=tokens,
        seconds=seconds,
        said=tuple(_said(trace, case.real, found)),
        whole=_whole(trace, found),
    )


async def _imagined(world: ImaginedWorld, case: Case) -> Trace:
    frames: list[Frame] = []
    complete = False
    limits = Limits(frames=len(case.real.frames) + _SPARE, seconds=_SECONDS)
    async for event in world.run(TraceCall(case.source, case.call, "program.py"), limits):
        match event:
            case FrameReached(frame):
                frames.append(frame)
            case Finished(outcome):
                complete = isinstance(outcome, Completed)
    return Trace(tuple(frames), complete)


def _said(trace: Trace, real: Trace, found: Comparison) -> Iterator[Said]:
    """What the model wrote up to the first frame that differs; past that there is no telling what would be right."""
    for guess, fact in list(zip(trace.frames, real.frames, strict=False))[: found.frames_before_divergence + 1]:
        stands = guess.event is fact.event and same_line(guess, fact)
        for name, logprob in guess.logprobs.items():
            if name == _LINE:
                yield Said(math.exp(logprob), stands)
            elif stands:
                said, was = (
                    (guess.value, fact.value) if name == _VALUE else (guess.locals.get(name), fact.locals.get(name))
                )
                yield Said(math.exp(logprob), normalised(said or "") == normalised(was or ""))


def _whole(trace: Trace, found: Comparison) -> Said | None:
    sure = sureness(trace.frames)
    return None if fate(trace) is None or sure is None else Said(sure, found.exact)
