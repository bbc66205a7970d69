"""Connections that are kept, pauses that are obeyed, and servers that are no longer what they were."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from cwm_agent.errors import LimitError, ModelUnavailable, RequestRefused
from cwm_agent.models.server import Patience
from cwm_agent.models.vllm import VllmModel
from cwm_agent.protocols import Sampling
from tests.e2e import faults
from tests.e2e.faults import status
from tests.e2e.faulty_server import FaultyServer
from tests.e2e.model_server import NAME

QUICK = Patience(connect=1.0, first=1.0, silence=0.5, attempts=2, pause=0.01, longest=0.6)


@pytest.fixture
async def server() -> AsyncIterator[FaultyServer]:
    made = FaultyServer()
    await made.start()
    yield made
    made.kill()


@pytest.fixture
async def model(server: FaultyServer) -> AsyncIterator[VllmModel]:
    made = await VllmModel.connect(server.url, NAME, patience=QUICK)
    yield made
    await made.aclose()


async def answer(model: VllmModel) -> str:
    return "".join([token.text async for token in model.complete([1], Sampling(max_tokens=500, temperature=1.0))])


async def test_a_connection_is_kept_from_answer_to_answer(server: FaultyServer, model: VllmModel) -> None:
    await answer(model)
    before = server.connections
    for _ in range(5):
        assert "nothing more" in await answer(model)
    assert server.connections == before


async def test_a_kept_connection_that_was_closed_meanwhile_costs_nothing(
    server: FaultyServer, model: VllmModel
) -> None:
    await answer(model)
    server.kill()
    await server.start()
    assert "nothing more" in await answer(model)


async def test_a_pause_that_the_server_names_is_kept(server: FaultyServer, model: VllmModel) -> None:
    model._server.patience = Patience(pause=0.01, attempts=2, longest=1.5)
    server.faults = [status(429, "busy", retry_after="1")]
    began = time.monotonic()
    assert "nothing more" in await answer(model)
    assert time.monotonic() - began >= 1.0


async def test_one_that_is_too_long_is_told_at_once(server: FaultyServer, model: VllmModel) -> None:
    server.faults = [status(503, "busy", retry_after="1")]
    began = time.monotonic()
    with pytest.raises(ModelUnavailable, match="busy") as raised:
        await answer(model)
    assert time.monotonic() - began < 0.9
    assert "in 1 s" in raised.value.remedy


async def test_a_shorter_context_is_learnt(server: FaultyServer, model: VllmModel) -> None:
    server.context = 777
    server.faults = [status(400, {"error": {"message": "too long"}})]
    with pytest.raises(LimitError, match="777"):
        await answer(model)
    assert model.context_tokens == 777


async def test_a_refusal_for_another_reason_stays_one(server: FaultyServer, model: VllmModel) -> None:
    before = model.context_tokens
    server.faults = [status(400, {"error": {"message": "no such grammar"}})]
    with pytest.raises(RequestRefused, match="no such grammar"):
        await answer(model)
    assert model.context_tokens == before


async def test_what_was_tokenised_before_a_refusal_is_asked_for_again(server: FaultyServer, model: VllmModel) -> None:
    await model.encode("once")
    server.faults = [status(400, {"error": {"message": "no such id"}})]
    with pytest.raises(RequestRefused):
        await answer(model)
    server.kill()
    with pytest.raises(ModelUnavailable):
        await model.encode("once")


@pytest.mark.parametrize("tokens", [[1, 2, 3], ["a"], [-1], None, {"a": 1}, [2**40]], ids=str)
async def test_a_tokenizer_that_answers_nonsense(server: FaultyServer, model: VllmModel, tokens: object) -> None:
    server.tokenizing = faults.answering(b'{"tokens": %s}' % str(tokens).replace("'", '"').encode(), "application/json")
    with pytest.raises(ModelUnavailable, match=r"texts of|does not tokenise|not JSON"):
        await model.encode("a text <|frame_sep|> with a separator in it")
