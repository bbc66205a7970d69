"""The client of chat completions, against a scripted server on a real socket."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator

import pytest

from cwm_agent.errors import CwmAgentError, LimitError, ModelUnavailable, UsageError
from cwm_agent.models.chat import CONTEXT, ChatModel
from cwm_agent.models.chat_messages import Ended, Message, Offer, ReplyPiece, Text, Thought, Wish
from cwm_agent.models.server import Patience
from cwm_agent.protocols import Chat
from tests.unit.models import chat_pieces as pieces
from tests.unit.models.chat_pieces import COMPLETIONS, answering, refusing
from tests.unit.models.scripted_server import Exchange, ScriptedServer, serving

QUICK = Patience(connect=1.0, first=0.5, silence=0.3, attempts=3, pause=0.01)
KEY = "sk-sekret-0123456789"
OFFER = Offer("bash", "Runs.", {"type": "object", "properties": {"command": {"type": "string"}}})
ASKED = (Message("system", "S"), Message("user", "U"))
REPLY = pieces.whole(
    pieces.thought("hm"), pieces.text("I look."), pieces.call("bash", {"command": "ls"}), reason="tool_calls"
)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with serving({}) as scripted:
        yield scripted


@pytest.fixture
async def model(server: ScriptedServer) -> AsyncIterator[ChatModel]:
    made = await ChatModel.connect(server.url, "tiny", key=KEY, patience=QUICK)
    yield made
    await made.aclose()


async def reply(model: Chat) -> list[ReplyPiece]:
    return [piece async for piece in model.reply(ASKED, [OFFER])]


def models(*listed: dict[str, object]) -> object:
    return lambda exchange: exchange.json({"object": "list", "data": list(listed)})


async def test_it_meets_the_server(model: ChatModel, server: ScriptedServer) -> None:
    met: Chat = model
    assert (met.name, met.context_tokens, model.assumed) == ("tiny", 64, False)
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"


async def test_a_reply_streams(model: ChatModel, server: ScriptedServer) -> None:
    server.script[COMPLETIONS] = [answering(REPLY)]
    found = await reply(model)
    assert found[:2] == [Thought("hm"), Text("I look.")]
    wish = Wish("c0", "bash", '{"command": "ls"}')
    assert found[2:] == [Ended(how="complete", wishes=(wish,), prompt_tokens=1000, reply_tokens=50)]
    (asked,) = server.asked(COMPLETIONS)
    assert asked.content["stream"]
    assert asked.content["messages"] == [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]
    assert asked.content["tools"][0]["type"] == "function"
    assert asked.content["tools"][0]["function"]["name"] == "bash"
    assert "temperature" not in asked.content


async def test_calls_and_their_answers_go_back_as_they_are_named(model: ChatModel, server: ScriptedServer) -> None:
    server.script[COMPLETIONS] = [answering(REPLY)]
    wish = Wish("c7", "bash", '{"command": "ls"}')
    said = [*ASKED, Message("assistant", "", (wish,)), Message("tool", "a.py", answers="c7")]
    assert [piece async for piece in model.reply(said, [])][-1]
    (asked,) = server.asked(COMPLETIONS)
    function = {"name": "bash", "arguments": '{"command": "ls"}'}
    assert asked.content["messages"][2]["tool_calls"] == [{"id": "c7", "type": "function", "function": function}]
    assert asked.content["messages"][3] == {"role": "tool", "content": "a.py", "tool_call_id": "c7"}
    assert "tools" not in asked.content


@pytest.mark.parametrize(
    ("suffix", "path"),
    [("", COMPLETIONS), ("/", COMPLETIONS), ("/v1", COMPLETIONS), ("/api/v1/", "/api" + COMPLETIONS),
     ("/v1beta/openai", "/v1beta/openai/chat/completions")],
)  # fmt: skip
async def test_where_the_paths_are(server: ScriptedServer, suffix: str, path: str) -> None:
    server.script[path.replace("chat/completions", "models")] = [models({"id": "m", "context_length": 9000})]
    server.script[path] = [answering(REPLY)]
    made = await ChatModel.connect(server.url + suffix, None, patience=QUICK)
    assert (made.name, made.context_tokens) == ("m", 9000)
    assert isinstance((await reply(made))[-1], Ended)
    await made.aclose()


async def test_what_is_set_comes_before_what_the_server_says(server: ScriptedServer) -> None:
    server.script[COMPLETIONS] = [answering(REPLY)]
    made = await ChatModel.connect(server.url, "tiny", temperature=0.3, context=5000, patience=QUICK)
    assert (made.context_tokens, made.assumed) == (5000, False)
    await reply(made)
    assert server.asked(COMPLETIONS)[0].content["temperature"] == 0.3
    await made.aclose()


async def test_a_server_that_tells_no_context(server: ScriptedServer) -> None:
    server.script["/v1/models"] = [models({"id": "qwen:latest"}, {"id": "other"})]
    made = await ChatModel.connect(server.url, "qwen", patience=QUICK)
    assert (made.name, made.context_tokens, made.assumed) == ("qwen", CONTEXT, True)
    await made.aclose()


async def test_a_server_that_lists_nothing_is_believed(server: ScriptedServer) -> None:
    server.script["/v1/models"] = [refusing(404, "Not Found")]
    made = await ChatModel.connect(server.url, "m", patience=QUICK)
    assert made.assumed
    await made.aclose()
    with pytest.raises(UsageError, match="No model is named"):
        await ChatModel.connect(server.url, None, patience=QUICK)


async def test_one_of_several_must_be_named(server: ScriptedServer) -> None:
    server.script["/v1/models"] = [models({"id": "b"}, {"id": "a"})]
    with pytest.raises(UsageError, match="has a, b") as raised:
        await ChatModel.connect(server.url, None, patience=QUICK)
    assert "chat.model" in raised.value.remedy


async def test_a_model_that_is_not_there_is_named_with_those_that_are(server: ScriptedServer) -> None:
    with pytest.raises(ModelUnavailable, match=r"has tiny, not gpt/4\.") as raised:
        await ChatModel.connect(server.url, "gpt/4", patience=QUICK)
    assert raised.value.exit_code == 3
    assert server.seen[-1].path == "/v1/models/gpt%2F4"


async def test_a_model_under_another_name_is_asked_for(server: ScriptedServer) -> None:
    server.script["/v1/models/latest"] = [lambda each: each.json({"id": "tiny-2", "max_model_len": 7000})]
    made = await ChatModel.connect(server.url, "latest", patience=QUICK)
    assert (made.name, made.context_tokens) == ("latest", 7000)
    await made.aclose()


def told(error: CwmAgentError) -> str:
    """All that could be shown of an error, with what it came from."""
    found, each = [], error
    while each is not None:
        found += [str(each), repr(each), *map(str, each.args)]
        each = each.__cause__ or each.__context__  # type: ignore[assignment]
    return "\n".join(found)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("path", ["/v1/models", COMPLETIONS])
async def test_a_wrong_key_is_said_and_never_shown(server: ScriptedServer, status: int, path: str) -> None:
    server.script[path] = [refusing(status, f"Incorrect API key provided: {KEY}.")]

    async def talk() -> None:
        made = await ChatModel.connect(server.url, "tiny", key=KEY, patience=QUICK)
        try:
            await reply(made)
        finally:
            await made.aclose()

    with pytest.raises(ModelUnavailable, match="key") as raised:
        await talk()
    assert "chat.key_env" in raised.value.remedy
    assert "sekret" not in told(raised.value)
    assert len(server.asked(path)) == 1


@pytest.mark.parametrize("status", [400, 404, 500])
async def test_no_answer_shows_the_key(model: ChatModel, server: ScriptedServer, status: int) -> None:
    server.script[COMPLETIONS] = [refusing(status, f"bad {KEY}")]
    with pytest.raises(ModelUnavailable) as raised:
        await reply(model)
    assert "sekret" not in told(raised.value)


async def test_a_stream_that_quotes_the_key(model: ChatModel, server: ScriptedServer) -> None:
    server.script[COMPLETIONS] = [answering([{"error": {"message": f"for {KEY}"}}])]
    with pytest.raises(ModelUnavailable, match="it reports: for …") as raised:
        await reply(model)
    assert "sekret" not in told(raised.value)


async def test_the_logs_have_no_key(model: ChatModel, server: ScriptedServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.script[COMPLETIONS] = [answering(REPLY)]
    await reply(model)
    assert caplog.records, "the libraries say something"
    assert "sekret" not in caplog.text


async def test_a_model_that_goes_away_is_named(model: ChatModel, server: ScriptedServer) -> None:
    server.script[COMPLETIONS] = [refusing(404, "The model `tiny` does not exist")]
    with pytest.raises(ModelUnavailable, match="knows no tiny") as raised:
        await reply(model)
    assert "chat.model" in raised.value.remedy


@pytest.mark.parametrize(
    "said",
    [
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
        "registry.ollama.ai/library/gemma:latest does not support tools",
        "tools param requires --jinja flag",
        "No endpoints found that support tool use.",
    ],
)
async def test_a_server_without_tools_is_said_so(model: ChatModel, server: ScriptedServer, said: str) -> None:
    server.script[COMPLETIONS] = [refusing(400, said)]
    with pytest.raises(ModelUnavailable, match="no tools for tiny") as raised:
        await reply(model)
    assert "--enable-auto-tool-choice" in raised.value.remedy


async def test_another_refusal_is_told_as_it_is(model: ChatModel, server: ScriptedServer) -> None:
    said = "messages with role 'tool' must be a response to a preceding message with 'tool_calls'"
    server.script[COMPLETIONS] = [refusing(400, said)]
    with pytest.raises(ModelUnavailable, match=f"gives status 400: {said}"):
        await reply(model)


@pytest.mark.parametrize(
    "said",
    [
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens",
        "the request exceeds the available context size. try increasing the context size",
        "prompt is too long: 250000 tokens > 200000 maximum",
    ],
)
async def test_too_much_is_a_limit(model: ChatModel, server: ScriptedServer, said: str) -> None:
    server.script[COMPLETIONS] = [refusing(400, said)]
    with pytest.raises(LimitError) as raised:
        await reply(model)
    assert raised.value.exit_code == 4


async def test_a_server_that_does_not_count_is_not_asked_to(model: ChatModel, server: ScriptedServer) -> None:
    no = refusing(422, "body.stream_options: Extra inputs are not permitted")
    server.script[COMPLETIONS] = [no, answering(REPLY[:-1])]
    ended = (await reply(model))[-1]
    assert isinstance(ended, Ended)
    assert (len(ended.wishes), ended.prompt_tokens) == (1, None)
    await reply(model)
    assert ["stream_options" in each.content for each in server.asked(COMPLETIONS)] == [True, False, False]
    server.script[COMPLETIONS] = [no]
    with pytest.raises(ModelUnavailable, match="stream_options"):
        await reply(model)


async def test_what_passes_is_tried_again(model: ChatModel, server: ScriptedServer) -> None:
    server.script[COMPLETIONS] = [refusing(500, "busy"), refusing(429, "slow down"), answering(REPLY)]
    assert isinstance((await reply(model))[-1], Ended)
    assert len(server.asked(COMPLETIONS)) == 3


@pytest.mark.parametrize("kept", range(len(REPLY) - 2))
async def test_a_stream_that_breaks_off_gives_no_call(model: ChatModel, server: ScriptedServer, kept: int) -> None:
    server.script[COMPLETIONS] = [answering(REPLY[:kept], done=False)]
    found = []

    async def collect() -> None:
        async for piece in model.reply(ASKED, [OFFER]):
            found.append(piece)  # noqa: PERF401 - what came before the break counts

    with pytest.raises(ModelUnavailable, match="broke off"):
        await collect()
    assert not any(isinstance(piece, Ended) for piece in found)
    assert len(server.asked(COMPLETIONS)) == (1 if kept else 3)


async def test_a_stream_that_is_done_without_an_end_gives_no_call(model: ChatModel, server: ScriptedServer) -> None:
    server.script[COMPLETIONS] = [answering(REPLY[:-2])]
    with pytest.raises(ModelUnavailable, match="did not end"):
        await reply(model)


@pytest.mark.parametrize("kept", [len(REPLY) - 1, len(REPLY)])
async def test_one_that_has_ended_needs_nothing_more(model: ChatModel, server: ScriptedServer, kept: int) -> None:
    server.script[COMPLETIONS] = [answering(REPLY[:kept], done=False)]
    ended = (await reply(model))[-1]
    assert isinstance(ended, Ended)
    assert len(ended.wishes) == 1
    assert ended.prompt_tokens == (1000 if kept == len(REPLY) else None)


@pytest.mark.parametrize("nonsense", ["{", "[1]", '{"choices": 3}', '{"choices": [{"delta": {"content": 7}}]}'])
async def test_nonsense_is_no_reply(model: ChatModel, server: ScriptedServer, nonsense: str) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.head(200)
        await exchange.send(f"data: {nonsense}\n\ndata: [DONE]\n\n")

    server.script[COMPLETIONS] = [answer]
    with pytest.raises(ModelUnavailable):
        await reply(model)


async def test_silence(model: ChatModel, server: ScriptedServer) -> None:
    async def silent(exchange: Exchange) -> None:
        await exchange.head(200)
        await exchange.send(f"data: {json.dumps(REPLY[1])}\n\n")
        await asyncio.sleep(3)

    server.script[COMPLETIONS] = [silent]
    with pytest.raises(ModelUnavailable, match=r"nothing for 0\.3 s"):
        await reply(model)


async def test_closing_hangs_up_at_once(model: ChatModel, server: ScriptedServer) -> None:
    hung_up = asyncio.Event()

    async def endless(exchange: Exchange) -> None:
        await exchange.head(200)
        await exchange.send(f"data: {json.dumps(REPLY[1])}\n\n")
        try:
            for _ in range(500):
                await exchange.send(": nothing yet\n\n")
                await asyncio.sleep(0.01)
        except ConnectionError:
            hung_up.set()

    server.script[COMPLETIONS] = [endless]
    said = model.reply(ASKED, [OFFER])
    await anext(said)
    await said.aclose()
    await asyncio.wait_for(hung_up.wait(), 2)


async def test_nobody_there_has_a_remedy() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1") as raised:
            await ChatModel.connect(url, "m", patience=QUICK)
    assert "chat.url" in raised.value.remedy
