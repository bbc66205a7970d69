"""What a model is evaluated on: programs of unseen seeds and of unseen templates, and functions that people wrote."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice

from cwm_agent.nano.dataset import HELD_OUT
from cwm_agent.nano.evaluation.constructs import constructs
from cwm_agent.nano.evaluation.real import calls, functions
from cwm_agent.nano.evaluation.runs import Case
from cwm_agent.nano.programs import LEVELS, is_withheld, program
from cwm_agent.nano.recording import traces_of
from cwm_agent.nano.split import is_held_out
from cwm_agent.traces.compare import fate
from cwm_agent.traces.frames import FrameKind, Trace

LONGEST = 40
"""Frames; what is longer is left out."""
SEEDS, TEMPLATES, REAL = "unseen seeds", "unseen templates", "real functions"
_OF_ONE = 2
"""Calls of one function that people wrote."""
_SHORTEST = 4
_BATCH = 40


def cases(number: int) -> list[Case]:
    """About so many of each group."""
    return [*generated(number, withheld=False), *generated(number, withheld=True), *islice(real(), number)]


def generated(number: int, *, withheld: bool) -> Iterator[Case]:
    """Programs of held-out seeds, as many of each level; `withheld` are those of templates that training leaves out."""
    for level in range(LEVELS):
        yield from islice(_of_level(level, withheld=withheld), number // LEVELS)


def _of_level(level: int, *, withheld: bool) -> Iterator[Case]:
    known: set[str] = set()
    for first in range(HELD_OUT, HELD_OUT + 100_000, _BATCH):
        made = [program(seed, level) for seed in range(first, first + _BATCH)]
        made = [each for each in made if is_withheld(each.source) is withheld and each.source not in known]
        known.update(each.source for each in made)
        asked = [(each.source, each.call) for each in made]
        for (source, call), trace in zip(asked, traces_of(asked), strict=True):
            if trace is not None and 1 < len(trace.frames) <= LONGEST:
                yield Case(TEMPLATES if withheld else SEEDS, source, call, constructs(source), trace)


def real() -> Iterator[Case]:
    """A few calls of each function that is held out, of those that return."""
    found = list(functions(is_held_out))
    random.Random(0).shuffle(found)
    asked = [(each.source, call) for each in found for call in calls(each)]
    taken: dict[str, int] = {}
    for (source, call), trace in zip(asked, traces_of(asked), strict=True):
        if trace is not None and _runs_well(trace) and taken.get(source, 0) < _OF_ONE:
            taken[source] = taken.get(source, 0) + 1
            yield Case(REAL, source, call, constructs(source), trace)


def _runs_well(trace: Trace) -> bool:
    end = fate(trace)
    return _SHORTEST <= len(trace.frames) <= LONGEST and end is not None and end[0] is FrameKind.RETURN
