"""Imagination with an embedded model that babbles: each trace comes to one end, and nothing is raised."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cwm_agent.errors import UsageError
from cwm_agent.models.embedded import EmbeddedModel
from cwm_agent.observations import Completed, LimitReached, Unreadable
from cwm_agent.worlds.imagined import ImaginedWorld, Method
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
