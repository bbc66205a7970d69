"""The stream of candidate repairs, the most promising first, made only as far as it is read."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, count

from cwm_agent.policies.forager.kinds import Edit, Kind, Proposal
from cwm_agent.policies.forager.localise import Suspect
from cwm_agent.policies.forager.propose import (
    arguments,
    arithmetic,
    booleans,
    bounds,
    calls,
    comparisons,
    constants,
    defaults,
    donors,
    exceptions,
    guards,
    loops,
    methods,
    names,
    order,
    returns,
    strings,
)
from cwm_agent.policies.forager.propose.check import Novelty
from cwm_agent.policies.forager.propose.place import Place
from cwm_agent.policies.forager.scope import ModuleScope
from cwm_agent.policies.forager.source import Site, Source

Family = Callable[[Place], Iterator[Edit]]
FAMILIES: tuple[Family, ...] = (
    comparisons.edits,
    bounds.edits,
    arithmetic.edits,
    names.edits,
    constants.edits,
    booleans.edits,
    methods.edits,
    arguments.edits,
    returns.edits,
    guards.edits,
    calls.edits,
    defaults.edits,
    exceptions.edits,
    loops.edits,
    strings.edits,
    order.edits,
    donors.edits,
)
_TOKEN = re.compile(r"\w+|[^\w\s]")


def proposals(sources: Mapping[str, Source], suspects: Sequence[Suspect]) -> Iterator[Proposal]:
    """Candidates of one edit in the order of suspicion × prior; each compiles, no two have the same syntax tree."""
    novelty = {path: Novelty(source) for path, source in sources.items()}
    scopes = {path: ModuleScope(source) for path, source in sources.items()}
    number = count()
    heap: list[tuple[float, int, Suspect, Site, list[Edit] | None]] = []
    for suspect in suspects:
        source = sources.get(suspect.path)
        site = source.site_of_line.get(suspect.line) if source else None
        if site is not None:
            heap.append((-suspect.score, next(number), suspect, site, None))
    heapq.heapify(heap)
    while heap:
        _, _, suspect, site, edits = heapq.heappop(heap)
        if edits is None:
            edits = edits_of(site, scopes[suspect.path])
        else:
            edit = edits.pop()
            if novelty[suspect.path].accepts(site, edit):
                yield proposal(sources[suspect.path], edit, suspect.score)
        if edits:
            heapq.heappush(heap, (-suspect.score * edits[-1].prior, next(number), suspect, site, edits))


def edits_of(site: Site, scope: ModuleScope) -> list[Edit]:
    """Every edit of one statement, the most common kind last."""
    place = Place(site, scope)
    found = [edit for family in FAMILIES for edit in family(place)]
    found.sort(key=lambda edit: -edit.prior)
    found.reverse()
    return found


def proposal(source: Source, edit: Edit, suspicion: float) -> Proposal:
    """The candidate that an edit of a file makes."""
    before = source.text
    line = _first_changed(source, edit)
    size = size_of(before[edit.start : edit.end], edit.text)
    return Proposal(source.path, line, edit, before, suspicion, suspicion * edit.prior, size)


def _first_changed(source: Source, edit: Edit) -> int:
    old = source.text[edit.start : edit.end]
    same = next((n for n, (a, b) in enumerate(zip(old, edit.text, strict=False)) if a != b), 0)
    return source.line_of(min(edit.start + same, max(len(source.text) - 1, 0)))


def size_of(old: str, new: str) -> int:
    """How many words and signs differ between two texts, their common beginning and end left out."""
    a, b = _TOKEN.findall(old), _TOKEN.findall(new)
    while a and b and a[0] == b[0]:
        del a[0], b[0]
    while a and b and a[-1] == b[-1]:
        del a[-1], b[-1]
    return max(len(a) + len(b), 1)


_NOT_PAIRED = frozenset({Kind.DELETE, Kind.DUPLICATE, Kind.MOVE, Kind.ORDER, Kind.DONOR, Kind.UNGUARD})


def pairs(promising: Sequence[Proposal]) -> Iterator[tuple[Proposal, Proposal]]:
    """Two edits at once, the most promising first: of different lines, neither of them moving statements."""
    usable = [one for one in promising if one.kind not in _NOT_PAIRED and not one.edit.structural]
    ordered = sorted(combinations(range(len(usable)), 2), key=lambda pair: pair[0] + pair[1])
    for first, second in ordered:
        left, right = usable[first], usable[second]
        apart = left.path != right.path or left.edit.end < right.edit.start or right.edit.end < left.edit.start
        if apart and (left.path != right.path or left.line != right.line):
            yield left, right


def combined(left: Proposal, right: Proposal) -> dict[str, str]:
    """The files' new text when both edits are made."""
    if left.path != right.path:
        return {left.path: left.after, right.path: right.after}
    first, second = sorted((left, right), key=lambda one: one.edit.start)
    text = second.after[: first.edit.start] + first.edit.text + second.after[first.edit.end :]
    return {left.path: text}
