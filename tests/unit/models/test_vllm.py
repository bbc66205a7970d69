"""The client of a vLLM server, against a scripted server on a real socket."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest

from cwm_agent.errors import LimitError, ModelUnavailable
from cwm_agent.models.server import Patience
from cwm_agent.models.vllm import VllmModel
from cwm_agent.protocols import Sampling, Token, TraceModel
from cwm_agent.traces.grammar import Special
from tests.unit.models.scripted_server import Exchange, ScriptedServer, serving

SPECIALS = {special.value: 1000 + at for at, special in enumerate(Special)}
FRAME = SPECIALS[Special.FRAME.value]
END = SPECIALS[Special.END.value]
QUICK = Patience(connect=1.0, first=0.3, silence=0.3, attempts=3, pause=0.01)
COMPLETIONS = "/v1/completions"


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with serving(SPECIALS) as scripted:
        yield scripted


@pytest.fixture
async def model(server: ScriptedServer) -> AsyncIterator[VllmModel]:
    made = await VllmModel.connect(server.url, "tiny", patience=QUICK)
    yield made
    await made.aclose()


async def answer(model: VllmModel, **sampling: object) -> list[Token]:
    return [token async for token in model.complete([1, 2], Sampling(**sampling))]


def text_of(tokens: list[Token]) -> str:
    return "".join(token.text for token in tokens)


async def test_it_meets_the_server(model: VllmModel) -> None:
    met: TraceModel = model
    assert (met.name, met.context_tokens) == ("tiny", 64)
    assert met.vocabulary.id(Special.FRAME) == FRAME


async def test_the_address_may_end_in_v1(server: ScriptedServer) -> None:
    made = await VllmModel.connect(server.url + "/v1/", "tiny", patience=QUICK)
    await made.aclose()


async def test_a_refused_connection_has_a_remedy() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1") as raised:
            await VllmModel.connect(url, "tiny", patience=QUICK)
    assert "model_url" in raised.value.remedy
    assert raised.value.exit_code == 3


@pytest.mark.parametrize("url", ["", "localhost", "http://[", "ftp://x", "http://no such host"])
async def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ModelUnavailable):
        await VllmModel.connect(url, "tiny", patience=QUICK)


async def test_a_model_that_is_not_served_is_named_with_those_that_are(server: ScriptedServer) -> None:
    with pytest.raises(ModelUnavailable, match="serves tiny, not huge"):
        await VllmModel.connect(server.url, "huge", patience=QUICK)


async def test_a_server_of_another_kind(server: ScriptedServer) -> None:
    server.script["/v1/models"] = [lambda each: each.json({"detail": "Not Found"}, 404)]
    with pytest.raises(ModelUnavailable, match="404"):
        await VllmModel.connect(server.url, "tiny", patience=QUICK)
    assert len(server.seen) == 1, "what will not pass is not tried again"


async def test_a_model_without_separators() -> None:
    fewer = {name: number for name, number in SPECIALS.items() if name != Special.ARGUMENT.value}
    async with serving(fewer) as plain:
        with pytest.raises(ModelUnavailable, match="arg_sep"):
            await VllmModel.connect(plain.url, "tiny", patience=QUICK)


async def test_text_stays_text(model: VllmModel, server: ScriptedServer) -> None:
    text = f"a{Special.FRAME.value}<|<<|é"
    assert await model.encode(text) == tuple(text.encode())
    before = len(server.seen)
    assert await model.encode(text) == tuple(text.encode())
    assert len(server.seen) == before, "a text that is known is not asked for again"
    assert await model.encode("") == ()


async def test_tokens_stream_and_the_stop_is_left_out(model: VllmModel, server: ScriptedServer) -> None:
    server.script[COMPLETIONS] = [lambda each: each.tokens((97, "a"), (FRAME, "<|frame_sep|>"), (98, "b"), (END, ""))]
    found = await answer(model, stop=(END,), max_tokens=100, grammar="root ::= x")
    assert [token.id for token in found] == [97, FRAME, 98]
    assert text_of(found) == "a<|frame_sep|>b"
    assert found[0].logprob == -0.5
    (asked,) = server.asked(COMPLETIONS)
    assert asked.content["prompt"] == [1, 2]
    assert asked.content["max_tokens"] == 62, "the prompt and its answer fit the context"
    assert asked.content["stop_token_ids"] == [END]
    assert asked.content["structured_outputs"] == {"grammar": "root ::= x"}


async def test_an_end_that_is_no_stop_is_given(model: VllmModel, server: ScriptedServer) -> None:
    server.script[COMPLETIONS] = [lambda each: each.tokens((97, "a"), (END, ""))]
    assert text_of(await answer(model)) == "a<|end_of_text|>"


async def test_several_tokens_in_one_event(model: VllmModel, server: ScriptedServer) -> None:
    server.script[COMPLETIONS] = [
        lambda each: each.tokens((97, "a"), (98, "b"), (FRAME, "<|frame_sep|>"), (99, "c"), (END, ""), each=4)
    ]
    found = await answer(model, stop=(END,))
    assert [(token.id, token.text) for token in found] == [
        (97, "a"), (98, "b"), (FRAME, "<|frame_sep|>"), (99, "c")
    ]  # fmt: skip


async def test_a_character_spread_over_tokens(model: VllmModel, server: ScriptedServer) -> None:
    async def spread(exchange: Exchange) -> None:
        told = {"tokens": ["\ufffd", "\ufffd", "<|frame_sep|>"], "token_logprobs": [-1, -1, -1]}
        choice = {"text": "é<|frame_sep|>", "token_ids": [195, 169, FRAME], "logprobs": told}
        await exchange.head(200)
        await exchange.send("data: " + json.dumps({"choices": [choice]}) + "\n\ndata: [DONE]\n\n")

    server.script[COMPLETIONS] = [spread]
    found = await answer(model)
    assert [(token.id, token.text) for token in found] == [(195, ""), (169, "é"), (FRAME, "<|frame_sep|>")]


async def test_a_failure_that_passes_is_tried_again(model: VllmModel, server: ScriptedServer) -> None:
    def failing(each: Exchange) -> object:
        return each.json({"error": {"message": "busy"}}, 500)

    server.script[COMPLETIONS] = [failing, failing, lambda each: each.tokens((97, "a"))]
    assert text_of(await answer(model)) == "a"
    assert len(server.asked(COMPLETIONS)) == 3


async def test_one_that_does_not_pass_is_told(model: VllmModel, server: ScriptedServer) -> None:
    server.script[COMPLETIONS] = [lambda each: each.json({"error": {"message": "out of\nmemory"}}, 500)]
    with pytest.raises(ModelUnavailable, match="500: out of memory"):
        await answer(model)
    assert len(server.asked(COMPLETIONS)) == 3


async def test_a_bad_request_is_not_tried_again(model: VllmModel, server: ScriptedServer) -> None:
    server.script[COMPLETIONS] = [lambda each: each.json({"error": {"message": "no such grammar"}}, 400)]
    with pytest.raises(ModelUnavailable, match="no such grammar"):
        await answer(model)
    assert len(server.asked(COMPLETIONS)) == 1


@pytest.mark.parametrize("given", [0, 1])
async def test_a_stream_that_breaks_off(model: VllmModel, server: ScriptedServer, given: int) -> None:
    tokens = [(97, "a")][:given]
    server.script[COMPLETIONS] = [lambda each: each.tokens(*tokens, done=False)]
    found: list[int] = []

    async def collect() -> None:
        async for token in model.complete([1], Sampling()):
            found.append(token.id)  # noqa: PERF401 - what came before the break counts

    with pytest.raises(ModelUnavailable, match="broke off"):
        await collect()
    assert found == [97][:given]
    assert len(server.asked(COMPLETIONS)) == (1 if given else 3), "an answer is not put together from two"


@pytest.mark.parametrize("given", [0, 1])
async def test_silence(model: VllmModel, server: ScriptedServer, given: int) -> None:
    async def silent(exchange: Exchange) -> None:
        if given:
            await exchange.tokens((97, "a"), done=False)
        await asyncio.sleep(3)

    server.script[COMPLETIONS] = [silent]
    with pytest.raises(ModelUnavailable, match=r"nothing for 0\.3 s"):
        await answer(model)


@pytest.mark.parametrize("said", ["data: {nonsense\n\n", "data: [1]\n\n", 'data: {"error": {"message": "dead"}}\n\n'])
async def test_a_stream_of_nonsense(model: VllmModel, server: ScriptedServer, said: str) -> None:
    async def nonsense(exchange: Exchange) -> None:
        await exchange.head(200)
        await exchange.send(said)

    server.script[COMPLETIONS] = [nonsense]
    with pytest.raises(ModelUnavailable):
        await answer(model)


async def test_text_without_ids(model: VllmModel, server: ScriptedServer) -> None:
    async def old(exchange: Exchange) -> None:
        await exchange.head(200)
        await exchange.send('data: {"choices": [{"text": "a"}]}\n\n')

    server.script[COMPLETIONS] = [old]
    with pytest.raises(ModelUnavailable, match="token ids"):
        await answer(model)


async def test_closing_hangs_up_at_once(model: VllmModel, server: ScriptedServer) -> None:
    hung_up = asyncio.Event()

    async def endless(exchange: Exchange) -> None:
        await exchange.tokens((97, "a"), done=False)
        try:
            for _ in range(500):
                await exchange.send(": nothing yet\n\n")
                await asyncio.sleep(0.01)
        except ConnectionError:
            hung_up.set()

    server.script[COMPLETIONS] = [endless]
    tokens = model.complete([1], Sampling())
    await anext(tokens)
    await tokens.aclose()
    await asyncio.wait_for(hung_up.wait(), 2)


async def test_a_prompt_that_leaves_no_room(model: VllmModel) -> None:
    with pytest.raises(LimitError, match="64 tokens"):
        await anext(model.complete([1] * 64, Sampling()))
