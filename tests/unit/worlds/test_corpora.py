"""Step by step over programs that were not written for it: nothing that the client writes contradicts what runs."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from cwm_agent.nano.programs import program
from cwm_agent.nano.recording import traces_of
from cwm_agent.observations import Completed, TraceCall
from cwm_agent.testing_models import ScriptedTraceModel, belief
from cwm_agent.traces.frames import Frame
from cwm_agent.worlds.imagined import ImaginedWorld
from tests.unit.tracer_corpus import MORE, SAME, sources
from tests.unit.worlds.stage import FILE, TOKENS, ask, bare, believed, scene

CORPUS = sources(SAME, MORE)
del CORPUS["threads"]  # its frames come thread by thread, with depths of their own
SEEDS, LEVELS = 12, 4


def same(imagined: list[Frame], truth: list[Frame]) -> bool:
    """Whether the frames are alike where the imagined ones are placed."""
    return len(imagined) == len(truth) and all(
        guess == (fact if guess.line else replace(fact, line=None, function=guess.function, file=guess.file))
        for guess, fact in zip(bare(imagined), truth, strict=True)
    )


@pytest.mark.parametrize("name", CORPUS)
async def test_programs_for_the_tracer(name: str) -> None:
    asked = TraceCall(CORPUS[name], "main()", FILE)
    context, truth = await believed(asked)
    model = ScriptedTraceModel(belief(context, truth), merges=TOKENS)
    frames, outcome = await ask(ImaginedWorld(model, token_limit=10**6), asked)
    assert model.strayed == []
    assert same(frames, list(truth))
    assert isinstance(outcome, Completed)


async def test_generated_programs() -> None:
    asked = [
        TraceCall(each.source, each.call, FILE)
        for each in (program(seed, level) for level in range(LEVELS) for seed in range(SEEDS))
    ]
    scenes = [await scene(each) for each in asked]
    assert not any(each.wrapped for each in scenes)
    traces = traces_of([(found.entry.text, each.entry) for found, each in zip(scenes, asked, strict=True)])
    tried = 0
    for each, found, trace in zip(asked, scenes, traces, strict=True):
        if trace is None or not trace.complete or not trace.frames:
            continue
        truth = [replace(frame, file=FILE) for frame in trace.frames]
        truth[0] = replace(truth[0], source=found.entry.source)
        model = ScriptedTraceModel(belief(found.entry.text, truth), merges=TOKENS)
        frames, outcome = await ask(ImaginedWorld(model, token_limit=10**6), each)
        assert model.strayed == [], each.source
        assert isinstance(outcome, Completed), each.source
        assert same(frames, truth), each.source
        tried += 1
    assert tried >= LEVELS * SEEDS // 2
