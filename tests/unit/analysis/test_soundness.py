"""Flow and effects against reality: what the tracer recorded was among what they foretold, in every step.

Left out as dynamic: the programs of `flow_corpus.DYNAMIC`, for the reasons that stand there. On Python 3.8 and 3.9 line
events follow other rules (no event for `pass`, `break` and `while True`), so these versions are not held to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from cwm_agent.analysis.effects import Effects
from cwm_agent.analysis.flow import Flow, Successor
from cwm_agent.traces.frames import Frame, FrameKind
from tests.unit.analysis.flow_corpus import DYNAMIC, PROGRAMS
from tests.unit.analysis.generated import programs
from tests.unit.analysis.real import changes, run, steps
from tests.unit.tracer_corpus import MORE, SAME, sources
from tests.unit.tracing import RUNNING, newer_than, version_of

WRITTEN = sources({name: text for name, text in {**SAME, **MORE}.items() if name not in DYNAMIC}, PROGRAMS)
CORPUS = {**WRITTEN, **programs(seed=0, number=20)}
OTHERS = [python for python in newer_than(3, 11) if version_of(python) != version_of(RUNNING)]

Traces = dict[str, list[list[Frame]]]


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return run(tmp_path_factory.mktemp("programs"), CORPUS)


@cache
def flow(name: str) -> Flow:
    return Flow(CORPUS[name])


def each(traces: Traces) -> Iterator[tuple[str, list[Frame]]]:
    for name, threads in traces.items():
        for frames in threads:
            yield name, frames


def surprises(traces: Traces) -> list[str]:
    """The transitions that were not foretold."""
    found = []
    for name, frames in each(traces):
        for frame, following, stack in steps(frames):
            told = flow(name).after(frame, stack)
            if told.certain and _successor(following) not in told.successors:
                found.append(f"{name}: {frame.event} {frame.function} {frame.line} → {_successor(following)}")
    return found


def _successor(frame: Frame) -> Successor:
    assert frame.line is not None
    return Successor(frame.event, frame.function, frame.line)


def test_every_transition_was_foretold(traces: Traces) -> None:
    assert surprises(traces) == []


@pytest.mark.parametrize("python", OTHERS)
def test_every_transition_of_newer_versions_was_foretold(tmp_path: Path, python: str) -> None:
    assert surprises(run(tmp_path, WRITTEN, python)) == []


def test_nearly_all_of_it_is_certain(traces: Traces) -> None:
    told = [flow(name).after(step.frame, step.stack).certain for name, frames in each(traces) for step in steps(frames)]
    assert len(told) > 5000
    assert sum(told) / len(told) > 0.99


def test_every_line_that_came_next_is_a_successor_for_the_placer(traces: Traces) -> None:
    missed = []
    for name, frames in each(traces):
        last: dict[int, Frame] = {}
        for frame in frames:
            before = last.get(frame.depth)
            if frame.event is FrameKind.LINE and before and frame.line:
                assert before.line is not None
                if frame.line not in flow(name).successors(before.function, before.line):
                    missed.append(f"{name}: {before.function} {before.line} → {frame.line}")
            last[frame.depth] = frame
    assert missed == []


def test_every_local_that_changed_may_change(traces: Traces) -> None:
    missed = []
    for name, frames in each(traces):
        effects = Effects(CORPUS[name], flow(name))
        for change in changes(frames):
            frame = change.frame
            assert frame.line is not None
            rest = change.names - effects.may_change(frame.function, frame.line, frame.locals)
            if rest:
                missed.append(f"{name}: {frame.function} {frame.line} {frame.source.strip()}: {rest}")
    assert missed == []


def test_what_the_source_tells_of_a_value_is_so(traces: Traces) -> None:
    checked = 0
    for name, frames in each(traces):
        effects = Effects(CORPUS[name], flow(name))
        for change in changes(frames):
            frame = change.frame
            assert frame.line is not None
            told = effects.of(frame.function, frame.line)
            assert set(told.literals) <= set(told.binds)
            for bound, text in told.literals.items():
                assert change.following.locals[bound] == text, (name, frame.line)
                checked += 1
    assert checked > 100
