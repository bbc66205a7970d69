"""A scripted world model behind a real socket, as `--model-url` finds one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from cwm_agent.protocols import Sampling
from cwm_agent.testing_models import ScriptedTraceModel
from cwm_agent.traces.grammar import Special
from tests.unit.models.scripted_server import Exchange, ScriptedServer, serving

NAME = "scripted"
_MODEL = ScriptedTraceModel()
SPECIALS = {special.value: _MODEL.vocabulary.id(special) for special in Special}


@contextmanager
def model_server(make: Callable[[], Awaitable[ScriptedTraceModel]]) -> Iterator[str]:
    """The address of a server with that model, on a thread of its own."""

    async def prepare(server: ScriptedServer) -> None:
        answer_with(server, await make())

    with at_work(prepare) as url:
        yield url


@contextmanager
def chat_server(replies: Sequence[str], told: list[str] | None = None, room: int = 32_000) -> Iterator[str]:
    """The address of a model that says these one after the other, and writes no trace.

    `told` takes the prompts as text, without what the model wrote itself; `room` is how many tokens it has.
    """
    said = list(replies)

    async def complete(exchange: Exchange) -> None:
        if SPECIALS[Special.CONTEXT.value] in exchange.content["prompt"]:
            await exchange.tokens()
            return
        if told is not None:
            told.append(spelt(exchange.content["prompt"]))
        text = said.pop(0) if said else "</think>\n\nI have nothing more to say."
        pieces = [text[at : at + 7] for at in range(0, len(text), 7)]
        end = (SPECIALS[Special.END_OF_TURN.value], "")
        await exchange.tokens(*((2000 + at, piece) for at, piece in enumerate(pieces)), end, each=3)

    async def prepare(server: ScriptedServer) -> None:
        server.script["/v1/models"] = [partial(_models, room=room)]
        server.script["/v1/completions"] = [complete]

    with at_work(prepare) as url:
        yield url


def spelt(prompt: Sequence[int]) -> str:
    """A prompt as text; a token that the model wrote, or a separator, is one sign."""
    return b"".join(bytes((number,)) if number < 256 else b"|" for number in prompt).decode("utf-8", "replace")


@contextmanager
def at_work(prepare: Callable[[ScriptedServer], Awaitable[None]]) -> Iterator[str]:
    """The address of a scripted server, on a thread of its own."""
    found: list[str] = []
    started = threading.Event()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        async with serving(SPECIALS) as server:
            await prepare(server)
            found.append(server.url)
            started.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert started.wait(20)
    yield found[0]
    loop.call_soon_threadsafe(over.set)
    thread.join(10)


async def _models(exchange: Exchange, room: int = 32_000) -> None:
    await exchange.json({"data": [{"id": NAME, "max_model_len": room}]})


def answer_with(server: ScriptedServer, model: ScriptedTraceModel) -> None:
    async def complete(exchange: Exchange) -> None:
        asked = exchange.content
        stop = tuple(asked["stop_token_ids"])
        sampling = Sampling(max_tokens=asked["max_tokens"], stop=stop)
        tokens = [(each.id, each.text) async for each in model.complete(asked["prompt"], sampling)]
        await exchange.tokens(*tokens)

    server.script["/v1/models"] = [_models]
    server.script["/v1/completions"] = [complete]
