"""Going on from a state that nobody reached, and where each part of an imagined frame comes from."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from cwm_agent.observations import Completed, Limits, TraceCall
from cwm_agent.testing_models import ScriptedTraceModel, belief
from cwm_agent.traces.frames import Basis, FrameKind
from cwm_agent.worlds.imagined import ImaginedWorld, Method
from tests.unit.worlds.programs import PROGRAMS
from tests.unit.worlds.stage import METHODS, TOKENS, ask, bare, believed, gathered, knowing, real, request


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["nested_calls", "handled", "two_calls", "generator", "recursive_list"])
async def test_a_trace_goes_on_from_any_frame(name: str, method: Method) -> None:
    asked = request(name)
    truth = list(real(asked.source, asked.entry))
    world = ImaginedWorld(await knowing(asked), method=method)
    for at in range(1, len(truth), 3):
        frames, outcome = await gathered(world.imagine_on(asked, truth[:at], Limits()))
        assert (bare(frames), outcome) == (truth[at:], Completed(0))


@pytest.mark.parametrize("method", METHODS)
async def test_a_trace_that_is_over_has_nothing_more(method: Method) -> None:
    asked = request("strawberry")
    model = await knowing(asked)
    world = ImaginedWorld(model, method=method)
    truth = real(asked.source, asked.entry)
    assert await gathered(world.imagine_on(asked, truth, Limits())) == ([], Completed(0))
    assert model.requests == []


@pytest.mark.parametrize("method", METHODS)
async def test_edited_locals_are_what_the_model_sees(method: Method) -> None:
    asked = request("strawberry")
    context, truth = await believed(asked)
    edited = [replace(frame, locals=frame.locals | {"letter": "'q'"}) if frame.locals else frame for frame in truth]
    changed = [*truth[:4], *edited[4:]]
    world = ImaginedWorld(ScriptedTraceModel(belief(context, changed), merges=TOKENS), method=method)
    frames, outcome = await gathered(world.imagine_on(asked, changed[:5], Limits()))
    assert (bare(frames), outcome) == (changed[5:], Completed(0))
    assert {frame.locals["letter"] for frame in frames if frame.locals} == {"'q'"}


STEPPED = """\
def area(w, h):
    if w < 0:
        return None
    return w * h


def twice(w):
    found = area(w, 2)
    return found + found
"""


@pytest.mark.parametrize("method", METHODS)
async def test_a_return_right_after_a_call_steps_over_it(method: Method) -> None:
    asked = TraceCall(STEPPED, "twice(3)", "f.py")
    context, truth = await believed(asked)
    back = next(at for at, frame in enumerate(truth) if frame.event is FrameKind.RETURN)
    so_far = truth[:3]
    assert so_far[-1].event is FrameKind.CALL
    model = ScriptedTraceModel(belief(context, [*so_far, *truth[back:]]), merges=TOKENS)
    world = ImaginedWorld(model, method=method)
    frames, outcome = await gathered(world.imagine_on(asked, so_far, Limits(), then=FrameKind.RETURN))
    assert (bare(frames), outcome) == (list(truth[back:]), Completed(0))
    assert model.strayed == []


@pytest.mark.parametrize("method", METHODS)
async def test_a_step_into_a_call_and_an_exception_can_be_asked_for(method: Method) -> None:
    asked = TraceCall(STEPPED, "twice(3)", "f.py")
    context, truth = await believed(asked)
    world = ImaginedWorld(ScriptedTraceModel(belief(context, truth)), method=method)
    frames, _ = await gathered(world.imagine_on(asked, truth[:3], Limits(frames=1), then=FrameKind.LINE))
    assert bare(frames) == [truth[3]]
    line = truth[-2]
    raised = [
        replace(line, event=FrameKind.EXCEPTION, locals={}, value="TypeError: no"),
        replace(line, event=FrameKind.RETURN, locals={}, value="None"),
    ]
    model = ScriptedTraceModel(belief(context, [*truth[:-1], *raised]))
    world = ImaginedWorld(model, method=method)
    frames, outcome = await gathered(world.imagine_on(asked, truth[:-1], Limits(), then=FrameKind.EXCEPTION))
    assert (bare(frames), outcome) == (raised, Completed(1))


@pytest.mark.parametrize("method", METHODS)
async def test_a_frame_that_stands_nowhere_is_gone_on_from_unbound(method: Method) -> None:
    asked = request("strawberry")
    context, truth = await believed(asked)
    lost = [*truth[:2], replace(truth[2], source="    for every in word:", line=None)]
    model = ScriptedTraceModel(belief(context, [*lost, *truth[3:]]), merges=TOKENS)
    frames, outcome = await gathered(ImaginedWorld(model, method=method).imagine_on(asked, lost, Limits()))
    assert (bare(frames), outcome) == (list(truth[3:]), Completed(0))
    assert set(frames[0].basis.values()) == {Basis.FREE}
    assert model.strayed == []


async def test_a_loop_is_entered_where_its_name_was_bound_and_nowhere_else() -> None:
    asked = request("strawberry")
    context, truth = await believed(asked)
    first, second = truth[3], next(each for each in truth[4:] if each.source == truth[3].source)
    assert first.source.strip() == "if each == letter:"
    never = replace(first, locals={name: value for name, value in first.locals.items() if name != "each"})
    told = replace(second, source=truth[-1].source)
    for torn, goes_in in ((never, False), (told, True)):
        so_far = truth[: truth.index(first if torn is never else second)]
        world = ImaginedWorld(ScriptedTraceModel(belief(context, [*so_far, torn])), method="stepwise")
        frames, _ = await gathered(world.imagine_on(asked, so_far, Limits(frames=1)))
        assert frames[0].locals == torn.locals
        assert (frames[0].source == first.source) is goes_in
        assert frames[0].basis["<line>"] is Basis.FORCED


async def basis(name: str, method: Method = "stepwise") -> list[tuple[str, dict[str, str]]]:
    asked = request(name)
    frames, _ = await ask(ImaginedWorld(await knowing(asked), method=method), asked)
    return [(frame.source.strip(), {key: str(value) for key, value in frame.basis.items()}) for frame in frames]


async def test_each_part_of_a_frame_says_where_it_comes_from() -> None:
    found = await basis("strawberry")
    told = {"word": "forced", "letter": "forced"}
    assert found[:4] == [
        ("def count(word, letter):", {"<line>": "forced", **told}),
        ("n = 0", {"<line>": "forced", **told}),
        ("for each in word:", {"<line>": "forced", **told, "n": "forced"}),
        ("if each == letter:", {"<line>": "forced", **told, "n": "forced", "each": "free"}),
    ]
    assert found[-1] == ("return n", {"<line>": "forced", "<value>": "forced"})


async def test_a_free_trace_is_free_in_all_its_parts() -> None:
    for source, parts in (await basis("strawberry", "free"))[1:]:
        assert set(parts.values()) == {"free"}, source


@pytest.mark.parametrize("name", PROGRAMS)
async def test_every_local_and_value_has_its_basis(name: str) -> None:
    asked = request(name)
    frames, _ = await ask(ImaginedWorld(await knowing(asked)), asked)
    for frame in frames:
        extra = {"<line>"} if frame.event in (FrameKind.CALL, FrameKind.LINE) else {"<line>", "<value>"}
        assert set(frame.basis) == set(frame.locals) | extra, frame


async def test_what_flow_is_unsure_of_is_written_free_and_then_gone_on_from_with_the_source() -> None:
    source = "def f(g, n):\n    m = eval(g)\n    k = 1\n    return k\n\n\ndef add(n):\n    return n + 1\n"
    asked = TraceCall(source, "f('add(n)', 2)", "f.py")
    context, truth = await believed(asked)
    model = ScriptedTraceModel(belief(context, truth), merges=TOKENS)
    frames, outcome = await ask(ImaginedWorld(model), asked)
    seen, ran = ([(f.event, f.depth, f.source, f.locals, f.value) for f in each] for each in (frames, truth))
    assert (seen, outcome) == (ran, Completed(0))
    kinds = [frame.basis["<line>"] for frame in frames]
    assert Basis.FREE in kinds
    assert kinds[-1] is Basis.FORCED
