"""What a server reads again at each step of a conversation: with our stream that only grows, and with message lists
that are rendered anew and lose the thinking of earlier turns on the way, as chat templates do it.

One server, one conversation, whose commands are run; the server's own counters say how much of each prompt it had in
its cache. Takes some minutes, and vLLM: `python -m benchmarks` leaves it out.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Literal

import httpx

from benchmarks.conversation import CONVERSATION, Ask, Step, held
from benchmarks.table import machine, write
from cwm_agent.demo.sample import create_sample
from cwm_agent.models.chat_format.messages import ASSISTANT, answer, message, opening, reply, tool_role
from cwm_agent.models.vllm import VllmModel
from cwm_agent.protocols import Sampling
from cwm_agent.traces.segments import Segment
from tests.contract.vllm_server import NAME, Served, make_checkpoint, vllm_python

Client = Literal["grows", "each request", "each step", "last outputs"]
CLIENTS: dict[Client, str] = {
    "grows": "cwm-agent: what was written stays",
    "each request": "rendered anew; the thinking goes when the user asks again",
    "each step": "rendered anew; the thinking of every earlier turn goes",
    "last outputs": "rendered anew; the same, and only the last five outputs stay",
}
LAST = 5
BLOCK, BLOCK_ON_CARDS = 128, 16
"""A cache keeps so many tokens, or none of them: vLLM's defaults."""
STEPS = [step for _, steps in CONVERSATION for step in steps]
HEADER = (
    "client", "tokens sent", "tokens read", "median step", "times ours", "read with blocks of 16", "times ours",
)  # fmt: skip


async def as_sent(model: VllmModel, client: Client, asks: Sequence[Ask]) -> list[Ask]:
    """The same requests, which each begin with the one before and what was written to it, as this client sends them."""
    start = len(await encoded(model, opening(thinking=True)))
    turns = [await encoded(model, without_thinking(step)) for step in STEPS]
    gone = await encoded(model, message(tool_role("bash"), answer("Old output left out.", "")))
    answered = [number for number, step in enumerate(STEPS, 1) if not step.command]
    sent = []
    for at, ask in enumerate(asks):
        last_request = max((number for number in answered if number <= at), default=0)
        no_thinking = {"grows": 0, "each request": last_request}.get(client, at)
        no_output = at - LAST if client == "last outputs" else 0
        prompt = list(asks[0].prompt[:-start])
        for number, (before, after) in enumerate(pairwise(asks[: at + 1])):
            told, wrote = len(before.prompt), len(before.prompt) + len(before.written)
            prompt += turns[number] if number < no_thinking else ask.prompt[told - start : wrote]
            left_out = number < no_output and STEPS[number].command
            prompt += gone if left_out else ask.prompt[wrote : len(after.prompt) - start]
        sent.append(Ask((*prompt, *ask.prompt[-start:]), ask.written))
    return sent


def without_thinking(step: Step) -> list[Segment]:
    """A turn of the model, as a template writes it that leaves out what it thought."""
    return message(ASSISTANT, reply("", step.text, step.call, thinking=False))


async def encoded(model: VllmModel, segments: Sequence[Segment]) -> list[int]:
    """Segments as ids."""
    found = [await model.encode(each) if isinstance(each, str) else (model.vocabulary.id(each),) for each in segments]
    return [number for ids in found for number in ids]


async def measure(served: Served, model: VllmModel, asks: Sequence[Ask]) -> list[int]:
    """How many tokens of each prompt the server had to read, with nothing in its cache before the first."""
    await asyncio.to_thread(forget, served.url)
    read = []
    for ask in asks:
        before = missed(served)
        await tell(served, model, ask.prompt)
        read.append(missed(served) - before)
        await tell(served, model, (*ask.prompt, *ask.written))  # what a server wrote is in its cache
    return read


def missed(served: Served) -> int:
    """How many tokens of prompts were not in the cache so far."""
    return int(served.count("prefix_cache_queries_total") - served.count("prefix_cache_hits_total"))


async def tell(served: Served, model: VllmModel, ids: Sequence[int]) -> None:
    """Have the server read this."""
    async for _ in model.complete(ids, Sampling(max_tokens=1)):
        pass
    await asyncio.to_thread(served.rests)


def forget(url: str) -> None:
    """Empty the prefix cache."""
    httpx.post(f"{url}/reset_prefix_cache", timeout=20).raise_for_status()


def reckoned(asks: Sequence[Ask], block: int) -> int:
    """What a server reads whose cache has such blocks and loses none of them."""
    seen: list[tuple[int, ...]] = []
    read = 0
    for ask in asks:
        known = max((common(ask.prompt, each) for each in seen), default=0)
        read += len(ask.prompt) - min(known, len(ask.prompt) - 1) // block * block
        seen.append((*ask.prompt, *ask.written))
    return read


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """With how many tokens both begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (mine, yours) in pairs if mine != yours), min(len(one), len(other)))


async def measured(served: Served) -> dict[Client, tuple[list[Ask], list[int]]]:
    """Every client's requests, and what the server read of each."""
    model = await VllmModel.connect(served.url, NAME)
    with tempfile.TemporaryDirectory() as folder:
        asks = await held(model, create_sample(Path(folder) / "sample"))
    found: dict[Client, tuple[list[Ask], list[int]]] = {}
    for client in CLIENTS:
        sent = await as_sent(model, client, asks)
        found[client] = sent, await measure(served, model, sent)
    await model.aclose()
    return found


def row(client: Client, found: dict[Client, tuple[list[Ask], list[int]]]) -> tuple[str, ...]:
    asks, read = found[client]
    ours, total = sum(found["grows"][1]), sum(read)
    small, ours_small = reckoned(asks, BLOCK_ON_CARDS), reckoned(found["grows"][0], BLOCK_ON_CARDS)
    return (
        CLIENTS[client],
        f"{sum(len(ask.prompt) for ask in asks):,}",
        f"{total:,}",
        f"{median(read[1:]):,.0f}",
        f"{total / ours:.2f}",
        f"{small:,}",
        f"{small / ours_small:.2f}",
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, python = Path(name), vllm_python()
        make_checkpoint(python, folder / "model")
        served = Served(python, folder / "model", folder / "home", VLLM_SERVER_DEV_MODE="1")
        try:
            served.ready()
            found = asyncio.run(measured(served))
        finally:
            served.stop()
    for client, (asks, read) in found.items():
        print(client, read, "reckoned:", reckoned(asks, BLOCK))
    written = [len(ask.written) for ask in found["grows"][0]]
    note = (
        f"A conversation of {len(STEPS)} turns and {len(CONVERSATION)} requests about the sample repository "
        "(`benchmarks/conversation.py`), as our policy tells it to the model; its commands are run. The model's turns "
        f"have {min(written)} to {max(written)} tokens with their thinking. *Tokens read* are those of all prompts "
        "that the server did not have in its prefix cache, by its own counters: what is new, and what has to be read "
        "again. One vLLM 0.32 server on the processor, started by `cwm-agent serve`; its cache keeps blocks of "
        f"{BLOCK} tokens or none of them, so up to {BLOCK - 1} known tokens are read again at each step even of a "
        "stream that only grows. The last two columns are not measured but reckoned from the same prompts, for the "
        f"blocks of {BLOCK_ON_CARDS} that vLLM has on cards. The server's model is a small one, with a "
        f"vocabulary of 1,024 tokens. {machine()}"
    )
    rows = [row(client, found) for client in CLIENTS]
    write("prefix_cache", "What a server reads again at each step", note, HEADER, rows)


if __name__ == "__main__":
    main()
