"""The debugger over the imagined world itself, with a scripted model behind it."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from cwm_agent.core.debugger import looking, moves
from cwm_agent.core.debugger.engine import Debugger, Worlds
from cwm_agent.observations import Mode, TraceCall
from cwm_agent.testing_models import ScriptedTraceModel, belief
from cwm_agent.traces.frames import Basis, Frame, FrameKind
from cwm_agent.worlds.imagined import ImaginedWorld, Method
from tests.unit.core.debugger.stage import at, said
from tests.unit.worlds.stage import METHODS, TOKENS, bare, believed, real

SOURCE = """\
def area(w, h):
    if w < 0:
        return None
    return w * h


def twice(w):
    found = area(w, 2)
    return found + found
"""
ASKED = TraceCall(SOURCE, "twice(3)", "f.py")


async def standing(model: ScriptedTraceModel, method: Method) -> Debugger:
    world = ImaginedWorld(model, method=method)
    debugger = Debugger(SOURCE, ASKED.path, ASKED.entry, Worlds(None, world), mode=Mode.IMAGINED)
    assert await debugger.start()
    return debugger


async def known() -> tuple[str, tuple[Frame, ...], tuple[Frame, ...]]:
    """What the model is shown, what it believes of that, and what really runs."""
    return *await believed(ASKED), real(SOURCE, ASKED.entry)


@pytest.mark.parametrize("method", METHODS)
async def test_steps_imagine_what_runs_and_each_value_has_its_basis(method: Method) -> None:
    context, inside, truth = await known()
    model = ScriptedTraceModel(belief(context, inside), merges=TOKENS)
    debugger = await standing(model, method)
    arrived = await moves.go_on(debugger.cursor)
    assert "as imagined, twice returned 12" in said(arrived)
    assert bare(list(debugger.run.frames)) == list(truth)
    if method == "stepwise":
        moves.back(debugger.cursor)
        (names,) = looking.names(debugger)
        assert names.basis["w"] is Basis.FORCED
        assert names.basis["found"] is Basis.FREE
    await debugger.aclose()
    assert model.streams == 0


async def test_the_model_writes_no_more_than_the_user_steps() -> None:
    context, inside, _ = await known()
    model = ScriptedTraceModel(belief(context, inside), merges=TOKENS)
    debugger = await standing(model, "stepwise")
    asked = []
    for _ in range(4):
        asked.append(len(model.requests))
        await moves.step(debugger.cursor)
    await moves.last(debugger.cursor)
    assert asked[0] == 0
    assert asked[-1] < len(model.requests)
    await debugger.aclose()


@pytest.mark.parametrize("method", ["free", "stepwise"])  # the double follows no grammar, so guided forces nothing here
async def test_next_forces_the_return_of_a_call(method: Method) -> None:
    context, inside, truth = await known()
    back = next(number for number, frame in enumerate(inside) if frame.event is FrameKind.RETURN)
    call = next(number for number, frame in enumerate(inside) if frame.function == "area")
    short = belief(context, [*inside[: call + 1], *inside[back:]])
    model = ScriptedTraceModel(short, belief(context, inside), merges=TOKENS)
    debugger = await standing(model, method)
    lines = []
    for _ in range(3):
        await moves.step_over(debugger.cursor)
        lines.append(at(debugger))
    assert lines == ["line twice 8", "line twice 9", "return twice 9"]
    assert [row.frame.value for row in looking.rows(debugger) if row.over] == ["6"]
    moves.first(debugger.cursor)
    await moves.step(debugger.cursor)
    await moves.step(debugger.cursor)
    await moves.step(debugger.cursor)
    assert at(debugger) == "line area 2"
    await moves.last(debugger.cursor)
    assert bare(list(debugger.run.frames)) == list(truth)


@pytest.mark.parametrize("method", METHODS)
async def test_what_if_goes_on_from_the_edited_state(method: Method) -> None:
    context, inside, _ = await known()
    number = len(inside) - 2
    assert inside[number].locals == {"w": "3", "found": "6"}
    edited = replace(inside[number], locals={"w": "3", "found": "50"})
    end = replace(inside[number + 1], value="100")
    model = ScriptedTraceModel(belief(context, inside), belief(context, [*inside[:number], edited, end]))
    debugger = await standing(model, method)
    await moves.goto_line(debugger.cursor, debugger.text, 9)
    await debugger.what_if("found", "found * 8 + 2")
    assert debugger.frame.locals["found"] == "50"
    arrived = await moves.last(debugger.cursor)
    assert "as imagined, twice returned 100" in said(arrived)
    assert model.strayed == []
    await debugger.aclose()


async def test_ctrl_c_closes_the_stream_of_the_model() -> None:
    context, inside, truth = await known()
    model = ScriptedTraceModel(belief(context, inside), merges=TOKENS, delay=0.02)
    debugger = await standing(model, "free")
    going = asyncio.ensure_future(moves.go_on(debugger.cursor))
    await asyncio.sleep(0.3)
    debugger.interrupt()
    arrived = await going
    assert "was stopped" in said(arrived)
    assert model.streams == 0
    kept = len(debugger.run.frames)
    assert 0 < kept < len(truth)
    model._delay = 0.0
    await moves.last(debugger.cursor)
    assert bare(list(debugger.run.frames)) == list(truth)


@pytest.mark.parametrize("method", METHODS)
async def test_a_model_that_writes_nonsense_or_stops_is_heard_out(method: Method) -> None:
    context, inside, _ = await known()
    for garbage in ((), ("{broken",), ("x" * 300_000,)):
        model = ScriptedTraceModel(belief(context, inside, until=5, garbage=garbage))
        debugger = await standing(model, method)
        arrived = await moves.go_on(debugger.cursor)
        assert arrived.reason == "end"
        assert "cannot be read" in said(arrived) or "limit" in said(arrived)
        assert len(said(arrived)) < 1000
        assert model.streams == 0
        await debugger.aclose()
