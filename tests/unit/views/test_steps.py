from __future__ import annotations

from hypothesis import given, settings

from cwm_agent.traces.frames import FrameKind, Trace
from cwm_agent.traces.grammar import HAS_LOCALS
from cwm_agent.views.rounds import folds, rounds
from cwm_agent.views.steps import steps
from tests.unit.traces.strategies import traces
from tests.unit.views.programs import NESTED, real

lean = settings(deadline=None, max_examples=60)


def test_changes_stand_at_the_frame_that_shows_them() -> None:
    read = steps(real(NESTED, "total([1, 2])").frames)
    told = {step.number: {each.name: each.kind for each in step.changes} for step in read if step.changes}
    assert told[0] == {"xs": "new", "scale": "new"}
    assert told[2] == {"sum": "new"}
    assert told[7] == {"sum": "changed"}
    assert read[7].since == 3
    assert {"row": "gone", "error": "gone"} in told.values()


def test_a_return_by_an_exception_is_known() -> None:
    read = steps(real(NESTED, "total([1])").frames)
    left = [step for step in read if step.left_by is not None]
    assert [step.left_by for step in left] == ["ValueError: bad 2"]
    assert left[0].frame.event is FrameKind.RETURN


@lean
@given(trace=traces())
def test_the_changes_make_the_state(trace: Trace) -> None:
    """Whoever applies the changes of each call in order has the locals of every frame."""
    states: dict[int, dict[str, str]] = {}
    for step in steps(trace.frames):
        frame = step.frame
        if frame.event not in HAS_LOCALS:
            continue
        if step.since is None:
            states[frame.depth] = {}
        state = states[frame.depth]
        for each in step.changes:
            if each.after is None:
                del state[each.name]
            else:
                state[each.name] = each.after
        assert state == frame.locals


def test_rounds_of_loops_in_loops() -> None:
    source = "def f(n):\n    for a in range(n):\n        for b in range(a):\n            pass\n    return n\n"
    found = rounds(real(source, "f(3)").frames)
    assert sorted(len(visits) for visits in found) == [1, 2, 3, 4]


def test_a_round_that_matters_is_never_left_out() -> None:
    frames = real(NESTED, "total(list(range(30)))").frames
    hidden = {row for fold in folds(frames, ()) for row in range(fold.start, fold.stop)}
    assert 100 in hidden
    kept = {row for fold in folds(frames, {100}) for row in range(fold.start, fold.stop)}
    assert 100 not in kept
    assert kept < hidden


@lean
@given(trace=traces())
def test_folds_never_overlap(trace: Trace) -> None:
    end = 0
    for fold in folds(trace.frames, ()):
        assert end <= fold.start < fold.stop <= len(trace.frames)
        end = fold.stop
