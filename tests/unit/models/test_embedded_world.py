"""Imagination with an embedded model that babbles: each trace comes to one end, and nothing is raised."""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cwm_agent.errors import ModelUnavailable, UsageError
from cwm_agent.models.embedded import EmbeddedModel
from cwm_agent.models.shipped import ShippedModel
from cwm_agent.observations import Completed, LimitReached, Limits, TraceCall, Unreadable
from cwm_agent.traces.frames import Basis
from cwm_agent.worlds.imagined import ImaginedWorld, Lead, Method
from tests.unit.models import tiny
from tests.unit.worlds.programs import PROGRAMS
from tests.unit.worlds.stage import ask, request


@pytest.fixture(params=range(2))
async def model(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EmbeddedModel]:
    tiny.write(tmp_path, seed=request.param, max_position_embeddings=1500)
    made = await EmbeddedModel.load(tmp_path)
    yield made
    await made.aclose()


@pytest.mark.parametrize("method", ["stepwise", "free"])
async def test_whatever_it_babbles_is_a_value(model: EmbeddedModel, method: Method) -> None:
    count = 0
    for name in PROGRAMS:
        frames, outcome = await ask(ImaginedWorld(model, method=method, token_limit=60), request(name))
        assert isinstance(outcome, Unreadable | LimitReached | Completed), outcome
        count += len(frames)
    assert count >= (len(PROGRAMS) if method == "stepwise" else 1)


async def test_guided_imagination_is_refused_with_the_way_out(model: EmbeddedModel) -> None:
    with pytest.raises(UsageError, match="stepwise"):
        await ask(ImaginedWorld(model, method="guided"), request("strawberry"))


async def test_what_the_model_chose_or_wrote_carries_its_log_probability(model: EmbeddedModel) -> None:
    found = 0
    for name in PROGRAMS:
        frames, _ = await ask(ImaginedWorld(model, token_limit=60), request(name))
        for frame in frames:
            asked = {key for key, basis in frame.basis.items() if basis is not Basis.FORCED}
            assert frame.logprobs.keys() <= asked
            assert all(-math.inf < each <= 0 for each in frame.logprobs.values())
            found += len(frame.logprobs)
    assert found >= 3


async def test_the_model_of_the_package_is_loaded_by_the_first_text(tmp_path: Path) -> None:
    tiny.write(tmp_path / "m", max_position_embeddings=1500)
    loaded = await EmbeddedModel.load(tmp_path / "m")
    weights = tmp_path / "m" / "model.safetensors"
    later = weights.rename(tmp_path / "elsewhere")
    shipped = ShippedModel(tmp_path / "m", "small")
    assert (shipped.name, shipped.context_tokens, shipped.vocabulary) == ("small", 1500, loaded.vocabulary)
    later.rename(weights)
    both = [ImaginedWorld(each, token_limit=60) for each in (loaded, shipped)]
    for name in PROGRAMS:
        one, other = [await ask(world, request(name)) for world in both]
        assert one == other
    for each in (loaded, shipped):
        await each.aclose()


async def test_a_broken_model_of_the_package_is_told_by_each_who_asks(tmp_path: Path) -> None:
    tiny.write(tmp_path)
    shipped = ShippedModel(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"nonsense")
    for _ in range(2):
        with pytest.raises(ModelUnavailable, match="cannot be read"):
            await shipped.encode("x")
    await shipped.aclose()
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelUnavailable, match=re.escape(str(tmp_path))) as refused:
        ShippedModel(tmp_path)
    assert "world.embedded" in refused.value.remedy
    with pytest.raises(ModelUnavailable, match=r"config\.json"):
        ShippedModel(tmp_path / "nowhere")


LONG = "def f(a):\n" + "    a = a + 1\n" * 600 + "    return a\n"
SPREAD = "def f(a):\n    return g(a)\n\n\ndef g(a):\n" + "    a = a + 1\n" * 120 + "    return a\n"


@pytest.mark.parametrize("source", [LONG, SPREAD])
async def test_a_small_model_is_asked_nothing_that_it_cannot_be_shown_whole(source: str, tmp_path: Path) -> None:
    tiny.write(tmp_path, max_position_embeddings=600)
    shipped = ShippedModel(tmp_path)
    world = ImaginedWorld(shipped, lead=Lead())
    frames, outcome = await ask(world, TraceCall(source, "f(1)", "p.py"))
    assert frames == []
    assert isinstance(outcome, LimitReached)
    assert "300 tokens that fit" in outcome.detail
    assert world.usage.requests == 0
    await shipped.aclose()


async def test_a_trace_has_the_seconds_of_its_world_where_the_limits_have_more(model: EmbeddedModel) -> None:
    world = ImaginedWorld(model, method="free", lead=Lead(seconds=0.0001))
    _, outcome = await ask(world, request("strawberry"), Limits(seconds=60))
    assert isinstance(outcome, LimitReached)
    assert outcome.which == "time"


async def test_a_trace_ends_where_the_model_is_too_unsure_of_it(model: EmbeddedModel) -> None:
    long, cut = ImaginedWorld(model, token_limit=60), ImaginedWorld(model, token_limit=60, lead=Lead(sure=0.1))
    ended = 0
    for name in PROGRAMS:
        frames, outcome = await ask(cut, request(name))
        assert math.exp(sum(each for frame in frames for each in frame.logprobs.values())) >= 0.1
        if isinstance(outcome, LimitReached) and outcome.which == "doubt":
            whole, _ = await ask(long, request(name))
            assert whole[: len(frames)] == frames
            assert math.exp(sum(each for frame in whole[: len(frames) + 1] for each in frame.logprobs.values())) < 0.1
            ended += 1
    assert ended >= 3
