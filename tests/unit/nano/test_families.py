"""The families of programs beyond the random ones: templates by construct, small changes, and real functions."""

from __future__ import annotations

import ast
import random
from collections import Counter

import pytest

from cwm_agent.nano.curriculum import STAGES, plan
from cwm_agent.nano.dataset import HELD_OUT, examples
from cwm_agent.nano.harvest import harvest_call, harvested, others
from cwm_agent.nano.mutation import mutated
from cwm_agent.nano.programs import DRILLED, HARVESTED, MUTATED, WIDER, is_classic, is_withheld, program, skeleton
from cwm_agent.nano.recording import traces_of
from cwm_agent.nano.split import is_held_out
from cwm_agent.nano.templates import filled, templates

FAMILIES = (WIDER, MUTATED, HARVESTED, DRILLED)
CONSTRUCTS = {
    "floats", "tuples", "sets", "slices", "methods", "f-strings", "comprehensions", "while", "else", "range",
    "recursion", "defaults", "exceptions", "generators", "lambdas", "classes", "dataclasses", "nested", "helpers",
}  # fmt: skip


@pytest.mark.parametrize("level", FAMILIES)
def test_a_seed_is_a_program_for_ever_in_every_family(level: int) -> None:
    first = [program(seed, level) for seed in range(30)]
    assert first == [program(seed, level) for seed in range(30)]
    assert len({each.source for each in first}) > 15
    assert not any(is_classic(each.source) for each in first)
    for each in first:
        assert isinstance(ast.parse(each.call, mode="eval").body, ast.Call)


def test_every_template_runs_however_its_holes_are_filled() -> None:
    rng = random.Random(0)
    made = [(each, *filled(rng, each)) for each in templates() for _ in range(4)]
    traced = Counter(
        each.text
        for (each, _, _), trace in zip(made, traces_of([(source, call) for _, source, call in made]), strict=True)
        if trace is not None and trace.frames
    )
    assert [each.text for each in templates() if traced[each.text] < 3] == []
    assert {each.construct for each in templates()} >= CONSTRUCTS


def test_most_templates_end_without_an_exception() -> None:
    made = [program(seed, WIDER) for seed in range(200)]
    traces = [trace for trace in traces_of([(each.source, each.call) for each in made]) if trace is not None]
    raised = sum(trace.frames[-2].event == "exception" for trace in traces)
    assert len(traces) > 190
    assert raised < 30


def test_reserved_templates_and_functions_are_withheld() -> None:
    made = [program(seed, level) for level in (WIDER, HARVESTED) for seed in range(300)]
    kept = [each for each in made if each.reserved]
    assert 20 < len(kept) < 250
    assert all(each.withheld for each in kept)
    assert all(is_held_out(each.construct) for each in kept if "." in each.construct)


def test_nothing_that_is_withheld_is_trained_on() -> None:
    for level in (0, 1, *FAMILIES):
        found = list(examples(range(60), level, withheld=False))
        assert found
        assert not any(each.program.withheld or is_withheld(each.program.source) for each in found)
    assert all(each.program.withheld for each in examples(range(60), WIDER, withheld=True))


def test_a_change_of_a_withheld_program_is_no_way_into_training() -> None:
    kept = [each for each in templates() if each.reserved]
    reserved = {skeleton(filled(random.Random(seed), each)[0]) for each in kept for seed in range(9)}
    assert not reserved & {skeleton(program(seed, MUTATED).source) for seed in range(150)}


def test_training_seeds_stay_below_the_held_out_ones() -> None:
    for number in (0, 3, 5, 16, 21, 200_000):
        for level, seeds in plan(number):
            assert level in range(DRILLED + 1)
            assert seeds.stop <= HELD_OUT
    with pytest.raises(AssertionError):
        plan(HELD_OUT // 1000)
    for each in STAGES:
        assert sum(each.shares.values()) == pytest.approx(1)


def test_shards_have_no_seed_in_common() -> None:
    seen: set[tuple[int, int]] = set()
    for number in range(20):
        for level, seeds in plan(number):
            here = {(level, seed) for seed in (seeds[0], seeds[-1])}
            assert not here & seen
            seen |= here


def test_a_change_is_one_change() -> None:
    source = "def f(a):\n    if a > 3:\n        return a - 1\n    return a // 2\n"
    found = {mutated(random.Random(seed), source) for seed in range(60)}
    assert source not in found
    assert len(found) > 8
    for each in found:
        pairs = zip(source.splitlines(), each.splitlines(), strict=True)
        assert sum(one != other for one, other in pairs) == 1


def test_what_cannot_be_changed_stays() -> None:
    assert mutated(random.Random(0), "def f(a):\n    return a\n") == "def f(a):\n    return a\n"


def test_harvested_functions_run_with_their_arguments() -> None:
    rng = random.Random(0)
    assert len(harvested()) > 60
    asked = [(each.source, harvest_call(rng, each)) for each in harvested() for _ in range(3)]
    ended: Counter[str] = Counter()
    for (source, _), trace in zip(asked, traces_of(asked), strict=True):
        if trace is not None and trace.frames and trace.frames[-2].event != "exception":
            ended[source] += 1
    assert len(ended) > 0.9 * len(harvested())


def test_functions_that_are_kept_for_the_evaluation_are_not_among_the_others() -> None:
    assert len(others()) > 100
    assert not any(is_held_out(each.qualified) for each in others())


def test_drills_are_many_small_steps_that_nothing_fails_in() -> None:
    made = [program(seed, DRILLED) for seed in range(200)]
    traces = list(traces_of([(each.source, each.call) for each in made]))
    assert all(trace is not None and trace.frames[-1].event == "return" for trace in traces)
    assert not any(frame.event == "exception" for trace in traces if trace for frame in trace.frames)
    steps = [ast.parse(each.source).body[0] for each in made]
    assert all(isinstance(each, ast.FunctionDef) and 6 <= len(each.body) <= 13 for each in steps)
