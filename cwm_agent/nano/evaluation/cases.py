"""What a model is evaluated on: programs of unseen seeds and of unseen templates, and functions that people wrote."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterable, Iterator
from itertools import islice

from cwm_agent.nano.dataset import HELD_OUT
from cwm_agent.nano.evaluation.constructs import constructs
from cwm_agent.nano.evaluation.real import CALLS, calls, functions
from cwm_agent.nano.evaluation.runs import Case
from cwm_agent.nano.harvest import harvest_call, harvested, others
from cwm_agent.nano.programs import LEVELS, WIDER, program, skeleton
from cwm_agent.nano.recording import traces_of
from cwm_agent.nano.split import is_held_out
from cwm_agent.traces.compare import fate
from cwm_agent.traces.frames import FrameKind, Trace

LONGEST = 40
"""Frames; what is longer is left out."""
SEEDS, TEMPLATES, REAL = "unseen seeds", "unseen templates", "real functions"
FAMILIES = (*range(LEVELS), WIDER)
_OF_ONE = 3
"""Calls of one function that people wrote."""
_SHORTEST = 4
_BATCH = 60


def cases(number: int) -> list[Case]:
    """About so many of each group."""
    return [*generated(number, withheld=False), *generated(number, withheld=True), *islice(real(), number)]


def generated(number: int, *, withheld: bool) -> Iterator[Case]:
    """Programs of held-out seeds, as many of each family; `withheld` are those whose templates training leaves out."""
    for family in FAMILIES:
        yield from islice(_of_family(family, withheld=withheld), -(-number // len(FAMILIES)))


def _of_family(family: int, *, withheld: bool) -> Iterator[Case]:
    known: set[str] = set()
    for first in range(HELD_OUT, HELD_OUT + 100_000, _BATCH):
        made = [program(seed, family) for seed in range(first, first + _BATCH)]
        made = [each for each in made if each.withheld is withheld and each.source not in known]
        known.update(each.source for each in made)
        asked = [(each.source, each.call) for each in made]
        for (source, call), trace in zip(asked, traces_of(asked), strict=True):
            if trace is not None and 1 < len(trace.frames) <= LONGEST:
                yield Case(TEMPLATES if withheld else SEEDS, source, call, constructs(source), trace)


def real() -> Iterator[Case]:
    """A few calls of each function that training never sees, of those that return."""
    found = list(unseen())
    random.Random(0).shuffle(found)
    asked = [(source, call) for source, made in found for call in made]
    taken: dict[str, int] = {}
    for (source, call), trace in zip(asked, traces_of(asked), strict=True):
        if trace is not None and _runs_well(trace) and taken.get(source, 0) < _OF_ONE:
            taken[source] = taken.get(source, 0) + 1
            yield Case(REAL, source, call, constructs(source), trace)


def unseen() -> Iterator[tuple[str, list[str]]]:
    """Sources with calls, of functions that are held out and are no part of what training sees of others either."""
    trained = [each.source for each in others()] + [each.source for each in harvested() if not each.reserved]
    seen = set().union(*map(_functions, trained))
    described = [each for each in harvested() if each.reserved]
    rng = random.Random(0)
    for each in described:
        if not _functions(each.source) & seen:
            yield each.source, list(dict.fromkeys(harvest_call(rng, each) for _ in range(CALLS)))
    named = {each.path for each in described}
    for other in functions(is_held_out):
        if other.qualified not in named and not _functions(other.source) & seen:
            yield other.source, calls(other)


def _functions(source: str) -> set[str]:
    """What tells the functions of a source, whatever they and their variables are called."""
    found: Iterable[ast.stmt] = ast.parse(source).body
    return {skeleton(ast.unparse(node)) for node in found if isinstance(node, ast.FunctionDef)}


def _runs_well(trace: Trace) -> bool:
    end = fate(trace)
    return _SHORTEST <= len(trace.frames) <= LONGEST and end is not None and end[0] is FrameKind.RETURN
