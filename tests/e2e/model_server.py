"""A scripted world model behind a real socket, as `--model-url` finds one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from cwm_agent.protocols import Sampling
from cwm_agent.testing_models import ScriptedTraceModel
from cwm_agent.traces.grammar import Special
from tests.unit.models.scripted_server import Exchange, ScriptedServer, serving

NAME = "scripted"


@contextmanager
def model_server(make: Callable[[], Awaitable[ScriptedTraceModel]]) -> Iterator[str]:
    """The address of a server with that model, on a thread of its own."""
    found: list[str] = []
    started = threading.Event()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        model = await make()
        specials = {special.value: model.vocabulary.id(special) for special in Special}
        async with serving(specials) as server:
            answer_with(server, model)
            found.append(server.url)
            started.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert started.wait(20)
    yield found[0]
    loop.call_soon_threadsafe(over.set)
    thread.join(10)


def answer_with(server: ScriptedServer, model: ScriptedTraceModel) -> None:
    async def models(exchange: Exchange) -> None:
        await exchange.json({"data": [{"id": NAME, "max_model_len": 32_000}]})

    async def complete(exchange: Exchange) -> None:
        asked = exchange.content
        stop = tuple(asked["stop_token_ids"])
        sampling = Sampling(max_tokens=asked["max_tokens"], stop=stop)
        tokens = [(each.id, each.text) async for each in model.complete(asked["prompt"], sampling)]
        await exchange.tokens(*tokens)

    server.script["/v1/models"] = [models]
    server.script["/v1/completions"] = [complete]
