"""Each method, asking a model that believes the truth, imagines exactly what runs."""

from __future__ import annotations

import pytest

from cwm_agent.observations import Completed, Origin, TraceCall
from cwm_agent.protocols import Dreamer, TraceModel, World
from cwm_agent.testing_models import ScriptedTraceModel, belief
from cwm_agent.worlds.imagination.gather import gather
from cwm_agent.worlds.imagined import ImaginedWorld, Lead, Method
from tests.unit.forager.doubles import Repository
from tests.unit.worlds.programs import PROGRAMS
from tests.unit.worlds.stage import METHODS, ask, bare, knowing, real, request


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_model_that_knows_the_truth_is_read_as_the_truth(name: str, method: Method) -> None:
    asked = request(name)
    model = await knowing(asked)
    world = ImaginedWorld(model, method=method)
    frames, outcome = await ask(world, asked)
    assert model.strayed == []
    assert outcome == Completed(1 if name == "raised" else 0)
    assert bare(frames) == list(real(asked.source, asked.entry))
    assert model.streams == 0


async def test_stepwise_asks_for_a_fifth_at_most() -> None:
    written = {}
    for method in ("free", "stepwise"):
        written[method] = 0
        for name in PROGRAMS:
            asked = request(name)
            world = ImaginedWorld(await knowing(asked, ()), method=method)
            await ask(world, asked)
            written[method] += world.usage.generated_tokens
    assert written["free"] >= 5 * written["stepwise"]


def test_it_satisfies_the_seams() -> None:
    model = ScriptedTraceModel()
    _: TraceModel = model
    world = ImaginedWorld(model)
    seen: World = world
    dreams: Dreamer = world
    assert seen.origin is Origin.IMAGINED
    assert dreams is world


WORDY = '''\
"""What this module is for."""

# how it counts
def count(text, letter):
    """How often a letter stands in a text.

    Upper case is another letter.
    """
    n = 0
    for each in text:
        # one at a time
        if each == letter:
            n += 1
    return n
'''


@pytest.mark.parametrize("files", [None, Repository({"f.py": WORDY})])
async def test_a_small_model_is_shown_no_words_and_its_frames_have_the_lines_of_the_file(
    files: Repository | None,
) -> None:
    asked = TraceCall(WORDY, "count('bob', 'b')", "f.py")
    shown = await gather(asked, files, 1000, bare=True)
    assert '"""' not in shown.entry.text
    assert "one at a time" not in shown.entry.text
    run = f"{shown.entry.function}()" if shown.wrapped else asked.entry
    model = ScriptedTraceModel(belief(shown.entry.text, real(shown.entry.text, run)))
    frames, outcome = await ask(ImaginedWorld(model, files=files, lead=Lead()), asked)
    assert model.strayed == []
    assert outcome == Completed(0)
    assert [(each.line, each.locals) for each in frames] == [
        (each.line, each.locals) for each in real(WORDY, asked.entry)
    ]
