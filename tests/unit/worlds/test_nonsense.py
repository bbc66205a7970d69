"""What a model gets wrong is a value: the good frames come first, then what could not be read and why."""

from __future__ import annotations

import pytest

from cwm_agent.errors import ModelUnavailable
from cwm_agent.observations import Limits, Outcome, TraceCall, Unreadable
from cwm_agent.testing_models import ScriptedTraceModel, belief
from cwm_agent.traces.frames import Frame, FrameKind
from cwm_agent.traces.grammar import Special
from cwm_agent.traces.segments import Segment
from cwm_agent.worlds.imagined import ImaginedWorld, Method
from tests.unit.worlds.stage import METHODS, ask, bare, believed, real, request

CALL = request("strawberry")
LINE, ACTION, END = Special.LINE, Special.ACTION, Special.FRAME


async def broken(method: Method, until: int, *garbage: Segment, endless: str = "") -> tuple[list[Frame], Outcome]:
    """What becomes of a model that knows the first frames, and then writes this."""
    model = ScriptedTraceModel(belief(*await believed(CALL), until=until, garbage=garbage), endless=endless)
    frames, outcome = await ask(ImaginedWorld(model, method=method, frame_tokens=300), CALL)
    assert model.streams == 0
    return frames, outcome


def reason(outcome: Outcome) -> str:
    assert isinstance(outcome, Unreadable), outcome
    return outcome.reason


@pytest.mark.parametrize("method", METHODS)
async def test_good_frames_come_before_a_silence(method: Method) -> None:
    for until in (1, 4, 7):
        frames, outcome = await broken(method, until)
        assert bare(frames[:until]) == list(real(CALL.source, CALL.entry)[:until])
        assert until <= len(frames) <= until + 2  # what the source tells needs no model
        assert reason(outcome)


GARBAGE: dict[str, tuple[tuple[Segment, ...], str]] = {
    "text": (("once upon a time",), "text that belongs to no frame"),
    "no frame": ((Special.HEADER, "x"), "begins no frame"),
    "json": ((LINE, '{"word": }', ACTION, "    n = 0\n", END), "not JSON"),
    "no object": ((LINE, "[1]", ACTION, "    n = 0\n", END), "not a JSON object"),
    "no strings": ((LINE, '{"word": 1}', ACTION, "    n = 0\n", END), "not a JSON string"),
    "twice": ((LINE, '{"word": "1", "word": "2"}', ACTION, "    n = 0\n", END), "stands twice"),
    "unknown": ((LINE, '{"word": "..", "q": ".."}', ACTION, "    n = 0\n", END), "has no value yet"),
    "two parts": ((LINE, "{}", LINE), "has no place here"),
    "ended": ((Special.END,), "stopped before the entry returned"),
}


@pytest.mark.parametrize("kind", GARBAGE)
async def test_garbage_is_told_as_it_was_written(kind: str) -> None:
    garbage, why = GARBAGE[kind]
    frames, outcome = await broken("free", 1, *garbage)
    assert len(frames) == 1
    assert why in reason(outcome)
    if kind != "ended":
        assert isinstance(outcome, Unreadable)
        assert outcome.raw


AT_FOR = '{"word": "..", "letter": "..", "n": ".."'
STEPS: dict[str, tuple[int, tuple[Segment, ...], str]] = {
    "value": (
        3,
        (LINE, AT_FOR + ', "each": 5}', ACTION),
        "Frame 4: a value is not a JSON string",
    ),
    "escape": (5, (LINE, AT_FOR + ', "each": "\\x"}', ACTION), "not a JSON string"),
    "separator": (
        5,
        (LINE, AT_FOR + ', "each":', ACTION),
        "<|action_sep|> in the middle",
    ),
    "name": (3, (LINE, AT_FOR + ', "q": "1"}', ACTION), "stopped in the middle of a value"),
    "line": (
        4,
        (LINE, AT_FOR + ', "each": ".."}', ACTION, "    boom\n", END),
        "at no line that can come next: b",
    ),
}


@pytest.mark.parametrize("kind", STEPS)
async def test_a_step_that_the_source_does_not_allow_is_told(kind: str) -> None:
    until, garbage, why = STEPS[kind]
    frames, outcome = await broken("stepwise", until, *garbage)
    assert bare(frames) == list(real(CALL.source, CALL.entry)[:until])
    assert why in reason(outcome)


async def test_a_kind_of_frame_that_cannot_come_next_is_told() -> None:
    asked = request("handled")
    frames = (await believed(asked))[1]
    until = next(at for at, frame in enumerate(frames) if frame.event is FrameKind.EXCEPTION)
    model = ScriptedTraceModel(belief(*await believed(asked), until=until, garbage=(Special.CALL, "{}", ACTION)))
    _, outcome = await ask(ImaginedWorld(model), asked)
    assert "it begins as no exception" in reason(outcome)


@pytest.mark.parametrize("method", METHODS)
async def test_an_endless_frame_has_no_end(method: Method) -> None:
    begun = '{"word": "..", "letter": "..", "n": "..", "each": "'
    frames, outcome = await broken(method, 3, LINE, begun, endless="0")
    assert len(frames) == 3
    assert "300 tokens it has no end" in reason(outcome)


async def test_an_endless_value_is_too_long() -> None:
    call = TraceCall("def f(n):\n    m = n + 1\n    return m\n", "f(1)", "f.py")
    context, frames = await believed(call)
    model = ScriptedTraceModel(belief(context, frames, until=2, garbage=(LINE, '{"n": "..", "m": "')), endless="9")
    found, outcome = await ask(ImaginedWorld(model, frame_tokens=10**6, token_limit=10**6), call)
    assert len(found) == 2
    assert "longer than 4,000 characters" in reason(outcome)


@pytest.mark.parametrize("method", METHODS)
async def test_a_wrong_value_is_shown_as_it_was_imagined(method: Method) -> None:
    context, truth = await believed(CALL)
    at = next(number for number, frame in enumerate(truth) if frame.locals.get("n") == "1")
    model = ScriptedTraceModel(belief(context, truth, wrong={(at, "n"): "7"}))
    frames, outcome = await ask(ImaginedWorld(model, method=method), CALL)
    assert frames[at].locals["n"] == "7"
    assert frames[at + 1].locals["n"] == "7"
    assert not isinstance(outcome, Unreadable)


@pytest.mark.parametrize("method", METHODS)
async def test_a_broken_server_is_an_exception(method: Method) -> None:
    world = ImaginedWorld(ScriptedTraceModel(error=ModelUnavailable("gone")), method=method)
    with pytest.raises(ModelUnavailable):
        await ask(world, CALL, Limits())
    assert world.usage.requests == 1
