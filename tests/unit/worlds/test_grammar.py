"""The grammar of a call has every trace that can really be, and none of the others that are tried here."""

from __future__ import annotations

import pytest

from cwm_agent.observations import Limits, TraceCall, WorldNoticed
from cwm_agent.testing_models import ScriptedTraceModel, belief
from cwm_agent.traces.encode import trace_segments
from cwm_agent.traces.frames import Frame, FrameKind
from cwm_agent.traces.segments import as_text
from cwm_agent.worlds.imagination.ebnf import SIZE_LIMIT, Grammar
from cwm_agent.worlds.imagination.reader import Reader
from cwm_agent.worlds.imagination.shapes import Shapes
from cwm_agent.worlds.imagined import ImaginedWorld
from tests.unit.worlds.programs import PROGRAMS
from tests.unit.worlds.recogniser import Grammar as Recogniser
from tests.unit.worlds.stage import ask, believed, real, request, scene


async def grammar(asked: TraceCall, given: int = 0, then: FrameKind | None = None) -> tuple[Recogniser, str]:
    """The grammar after so many frames, the told ones where 0, and the true text that follows them."""
    _, truth = await believed(asked)
    found = await scene(asked)
    reader = Reader(found)
    before = truth[: given or len(found.told)]
    reader.given(before)
    assert reader.last is not None
    text = Grammar(found, Shapes(found.entry.text, found.tree)).write(reader.stack, reader.last, then)
    assert len(text) <= SIZE_LIMIT
    return Recogniser(text), text_after(truth, len(before))


def text_after(frames: tuple[Frame, ...], at: int) -> str:
    whole, start = (as_text(trace_segments(each, complete=False)) for each in (frames, frames[:at]))
    assert whole.startswith(start)
    return whole[len(start) :]


@pytest.mark.parametrize("name", PROGRAMS)
async def test_the_true_trace_is_of_the_grammar(name: str) -> None:
    found, text = await grammar(request(name))
    assert found.accepts(text), text[found.reach(text) - 200 :][:400]


@pytest.mark.parametrize("name", ["handled", "nested_calls", "two_calls", "generator", "raised"])
async def test_what_follows_any_frame_is_of_the_grammar_from_there(name: str) -> None:
    _, truth = await believed(request(name))
    for at in range(2, len(truth), 2):
        found, text = await grammar(request(name), at)
        assert found.accepts(text), (at, text[found.reach(text) - 200 :][:400])


async def test_other_texts_are_not_of_the_grammar() -> None:
    found, text = await grammar(request("strawberry"))
    first, second = "    n = 0\n", "    for each in word:\n"
    wrong = {
        "a line that cannot come": text.replace(second, "    return n\n", 1),
        "a line that is not there": text.replace(second, "    for every in word:\n", 1),
        "a name that is not there": text.replace('"n": ', '"m": ', 1),
        "a number": text.replace('"n": "0"', '"n": 0', 1),
        "no quote": text.replace('"n": "0"', '"n": "0', 1),
        "a separator in a value": text.replace('"n": "0"', '"n": "<|frame_sep|>"', 1),
        "a frame less": text[text.index("<|line_sep|>", 1) :],
        "a frame more": text + '<|return_sep|><|action_sep|>    return n\n<|arg_sep|>"3"<|frame_sep|>',
        "no end": text[: text.rindex("<|return_sep|>")],
        "a return without a value": text.replace('<|arg_sep|>"3"', "", 1),
    }
    assert first in text
    for what, other in wrong.items():
        assert other != text, what
        assert not found.accepts(other), what
    for value in ('"<"', '"<<= |"', '"a \\" \\\\ \\u00e4 <x>"', '""'):
        assert found.accepts(text.replace('"n": "0"', f'"n": {value}', 1)), value


async def test_a_kind_of_frame_can_be_asked_for() -> None:
    asked = request("nested_calls")
    _, truth = await believed(asked)
    at = next(number for number, frame in enumerate(truth) if frame.function == "area") + 1
    found, text = await grammar(asked, at, FrameKind.LINE)
    assert found.accepts(text)
    found, text = await grammar(asked, at + 1, FrameKind.RETURN)
    assert found.accepts(text)
    found, text = await grammar(asked, at + 1, FrameKind.EXCEPTION)
    assert not found.accepts(text)


async def test_the_model_is_asked_once_under_the_grammar() -> None:
    asked = request("handled")
    model = ScriptedTraceModel(belief(*await believed(asked)))
    await ask(ImaginedWorld(model, method="guided"), asked)
    [(_, sampling)] = model.requests
    assert sampling.grammar is not None
    assert Recogniser(sampling.grammar)


async def test_a_source_that_is_too_large_is_imagined_free_and_says_so() -> None:
    lines = "".join(f"    n = n + {number}\n" for number in range(1000))
    asked = TraceCall(f"def f(n):\n{lines}    return n\n", "f(1)", "f.py")
    found = await scene(asked)
    model = ScriptedTraceModel(belief(found.entry.text, real(found.entry.text, "f(1)")[:20]))
    world = ImaginedWorld(model, method="guided")
    events = [event async for event in world.run(asked, Limits(frames=10))]
    assert WorldNoticed("This call is imagined without a grammar: its source is too large for one.") in events
    assert [sampling.grammar for _, sampling in model.requests] == [None]
