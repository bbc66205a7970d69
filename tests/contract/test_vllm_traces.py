"""Traces that a real vLLM server imagines with a model that knows nothing: frames that can be, or an honest word."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from pathlib import Path

import pytest

from cwm_agent.analysis.flow import Flow, Successor
from cwm_agent.models.vllm import VllmModel
from cwm_agent.observations import Completed, Finished, FrameReached, LimitReached, Limits, TraceCall, Unreadable
from cwm_agent.traces.frames import Frame
from cwm_agent.traces.grammar import HAS_LOCALS
from cwm_agent.worlds.imagined import ImaginedWorld, Method
from tests.contract.vllm_server import Served, run

SOURCE = """\
def count(text, letter):
    n = 0
    for each in text:
        if each == letter:
            n += 1
    return n
"""
ENTRY = "count('abba', 'b')"
CALL = TraceCall(SOURCE, ENTRY, "letters.py")
METHODS: tuple[Method, ...] = ("free", "guided", "stepwise")
MOST = 16


async def imagine(world: ImaginedWorld) -> tuple[list[Frame], Completed | LimitReached | Unreadable]:
    """The frames and how it ended; the outcome is the last thing, and comes once."""
    *steps, last = [event async for event in world.run(CALL, Limits(frames=MOST, seconds=60))]
    assert isinstance(last, Finished)
    assert all(isinstance(step, FrameReached) for step in steps)
    return [step.frame for step in steps if isinstance(step, FrameReached)], last.outcome


@pytest.mark.parametrize("method", METHODS)
async def test_what_is_imagined_can_be_or_is_said_to_be_unreadable(
    model: VllmModel, served: Served, method: Method
) -> None:
    served.rests()
    before = served.count("generation_tokens_total")
    world = ImaginedWorld(model, method=method, token_limit=1_000, frame_tokens=150)
    frames, outcome = await imagine(world)
    assert frames[0].locals == {"text": "'abba'", "letter": "'b'"}
    assert all(frame.source == SOURCE.splitlines()[(frame.line or 0) - 1] for frame in frames)
    if method != "free":
        flow = Flow(SOURCE)
        for frame, after in pairwise(frames):
            step = Successor(after.event, after.function, after.line or 0)
            assert step in flow.after(frame, ()).successors
            assert after.event not in HAS_LOCALS or set(after.locals) <= {"text", "letter", "n", "each"}
        assert len(frames) == MOST
    if isinstance(outcome, Unreadable):
        assert outcome.raw
        assert outcome.reason
    served.rests()
    assert world.usage.requests >= 1
    assert 0 < world.usage.generated_tokens <= served.count("generation_tokens_total") - before


async def test_imaginations_side_by_side_are_the_same_as_alone(model: VllmModel) -> None:
    alone = await imagine(ImaginedWorld(model))
    worlds = [ImaginedWorld(model) for _ in range(4)]
    assert await asyncio.gather(*map(imagine, worlds)) == [alone] * 4


def test_verify_lays_what_ran_beside_it(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "letters.py"
    file.write_text(SOURCE)
    done = run(served, tmp_path / "home", "trace", str(file), "--call", ENTRY, "--mode", "verify", "--format", "jsonl")
    assert "Traceback" not in done.stderr
    *frames, last = [json.loads(line) for line in done.stdout.splitlines()]
    ran = [frame for frame in frames if frame["origin"] == "real"]
    assert (ran[-1]["event"], ran[-1]["value"]) == ("return", "2")
    assert any(frame["origin"] == "imagined" for frame in frames)
    assert last["comparison"]["exact"] is False
    assert last["comparison"]["sentence"]
