"""What our client adds to a model server's stream: for each token, and until the first one.

A server in a process of its own says the same answer to every client in turn: as fast as the socket takes it, and then
one token a millisecond. A bare socket that looks for nothing but the end is what the others are held against.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import socket
import statistics
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing

import httpx
import openai
from msgspec import Struct

from benchmarks.table import machine, write
from cwm_agent.models.server import Server
from cwm_agent.models.vllm import VllmModel
from cwm_agent.protocols import Sampling
from cwm_agent.traces.grammar import Special, look_up

TOKENS, PACED = 2_000, 300
ROUNDS, PACED_ROUNDS = 15, 5
PACE = 0.001
NAME = "scripted"
IDS = {special.value: 128_000 + at for at, special in enumerate(Special)}
PROMPT = list(range(1_000, 3_000))
DONE = b"data: [DONE]\n\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"

Read = Callable[[int], AsyncIterator[None]]
"""A client: asks for so many tokens and yields when one is in hand."""


def event(number: int) -> bytes:
    """One token as vLLM streams it, with the time at which it is sent."""
    text = f" t{number % 100}"
    told = {"text_offset": [4 * number], "token_logprobs": [-0.25], "tokens": [text], "top_logprobs": [{text: -0.25}]}
    choice = {
        "index": 0, "text": text, "logprobs": told, "finish_reason": None, "stop_reason": None,
        "token_ids": [1_000 + number % 100], "prompt_token_ids": None,
    }  # fmt: skip
    said = {
        "id": "cmpl-0123456789abcdef",
        "object": "text_completion",
        "created": 0,
        "model": NAME,
        "choices": [choice],
    }
    return b"data: " + json.dumps(said).encode() + b"\n\n"


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(body), body)


def serve(listener: socket.socket, sent: multiprocessing.Queue[list[float]]) -> None:
    """Answer on any number of connections."""
    whole = HEAD + b"".join(chunk(event(number)) for number in range(TOKENS)) + chunk(DONE) + chunk(b"")
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection, whole, sent), daemon=True).start()


def answer(connection: socket.socket, whole: bytes, sent: multiprocessing.Queue[list[float]]) -> None:
    """One request after the other; more than PACED tokens come at once, fewer at their pace."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while wanted := asked(connection):
        if wanted > PACED:
            connection.sendall(whole)
            continue
        times = []
        connection.sendall(HEAD)
        for number in range(wanted):
            time.sleep(PACE)
            times.append(time.monotonic())
            connection.sendall(chunk(event(number)))
        connection.sendall(chunk(DONE) + chunk(b""))
        sent.put(times)


def asked(connection: socket.socket) -> int:
    """The tokens that the next request wants; 0 where none comes."""
    data = b""
    while b"\r\n\r\n" not in data:
        got = connection.recv(65536)
        if not got:
            return 0
        data += got
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(
        next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")).split(b":")[1]
    )
    while len(body) < length:
        body += connection.recv(65536)
    return int(json.loads(body)["max_tokens"])


def request(count: int) -> dict[str, object]:
    """What is asked for, as our client asks."""
    return {
        "model": NAME, "prompt": PROMPT, "max_tokens": count, "temperature": 1.0, "stream": True,
        "return_token_ids": True, "logprobs": 0,
    }  # fmt: skip


def bare_socket(port: int) -> Read:
    """Counts what begins an event; parses nothing."""
    connections: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def read(count: int) -> AsyncIterator[None]:
        if not connections:
            connections.append(await asyncio.open_connection("127.0.0.1", port, limit=1 << 16))
        reader, writer = connections[0]
        body = json.dumps(request(count)).encode()
        writer.write(b"POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        tail = b""
        while not tail.endswith(b"0\r\n\r\n"):
            got = await reader.read(65536)
            for _ in range((tail + got).count(b'"choices"') - tail.count(b'"choices"')):
                yield None
            tail = (tail + got)[-12:]

    return read


def bare_httpx(client: httpx.AsyncClient) -> Read:
    """Lines, and the JSON in them: the shortest client that anybody writes."""

    async def read(count: int) -> AsyncIterator[None]:
        async with client.stream("POST", "/v1/completions", json=request(count)) as response:
            async for line in response.aiter_lines():
                if line.startswith("data: {") and json.loads(line[6:])["choices"][0]["token_ids"]:
                    yield None

    return read


def with_openai(client: openai.AsyncOpenAI) -> Read:
    """The package of that name."""

    async def read(count: int) -> AsyncIterator[None]:
        stream = await client.completions.create(
            model=NAME, prompt=PROMPT, max_tokens=count, temperature=1.0, stream=True, logprobs=0,
            extra_body={"return_token_ids": True},
        )  # fmt: skip
        async for piece in stream:
            if piece.choices[0].text:
                yield None

    return read


def ours(model: VllmModel) -> Read:
    """Our client."""

    async def read(count: int) -> AsyncIterator[None]:
        async with aclosing(model.complete(PROMPT, Sampling(max_tokens=count, temperature=1.0))) as tokens:  # type: ignore[type-var]
            async for _ in tokens:
                yield None

    return read


class Run(Struct, frozen=True):
    """One answer: seconds of the processor for each token and until the first is in hand, and a median delay."""

    processor: float
    first: float
    delay: float = 0.0


async def fast(read: Read) -> Run:
    """An answer that comes at once."""
    came: list[float] = []
    used = time.process_time()
    began = time.perf_counter()
    async for _ in read(TOKENS):
        came.append(time.perf_counter())  # noqa: PERF401 - a list of its own would be one more step for each
    if len(came) != TOKENS:
        raise SystemExit(f"{len(came)} of {TOKENS} tokens came.")
    return Run((time.process_time() - used) / TOKENS, came[0] - began)


async def paced(read: Read, sent: multiprocessing.Queue[list[float]]) -> Run:
    """One that comes at the pace of a model; the delay is that from a token's sending until it is in hand."""
    used, began = time.process_time(), time.monotonic()
    came = [time.monotonic() async for _ in read(PACED)]
    used = time.process_time() - used
    times = await asyncio.to_thread(sent.get)
    delays = [b - a for a, b in zip(times, came, strict=True)]
    return Run(used / PACED, came[0] - began, statistics.median(delays))


async def measured(port: int, sent: multiprocessing.Queue[list[float]]) -> list[tuple[str, ...]]:
    url = f"http://127.0.0.1:{port}"
    async with AsyncExitStack() as stack:
        plain = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=30, trust_env=False))
        inner = httpx.AsyncClient(trust_env=False)
        package = await stack.enter_async_context(
            openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", http_client=inner)
        )
        model = VllmModel(Server(url), NAME, look_up(IDS.get), 131_072)
        stack.push_async_callback(model.aclose)
        clients = {
            "a bare socket, nothing parsed": bare_socket(port),
            "cwm-agent": ours(model),
            "httpx, `aiter_lines` and `json.loads`": bare_httpx(plain),
            f"openai {openai.__version__}": with_openai(package),
        }
        for read in clients.values():
            await fast(read)
        turns = [{name: await fast(read) for name, read in clients.items()} for _ in range(ROUNDS)]
        slow = [{name: await paced(read, sent) for name, read in clients.items()} for _ in range(PACED_ROUNDS)]
    rows: list[tuple[str, ...]] = []
    base = 0.0
    for name in clients:
        each, used = median(turns, name, "processor"), median(slow, name, "processor")
        first, delay = quickest(turns, name, "first"), quickest(slow, name, "delay")
        base = base or each
        times = f"{each / base:.1f}×"
        rows.append((name, us(each), times, f"{first * 1e3:.2f} ms", us(used), us(delay)))
    return rows


def median(runs: Sequence[Mapping[str, Run]], name: str, what: str) -> float:
    return float(statistics.median(getattr(each[name], what) for each in runs))


def quickest(runs: Sequence[Mapping[str, Run]], name: str, what: str) -> float:
    """Of times by the clock the shortest: what else the machine does only makes them longer."""
    return float(min(getattr(each[name], what) for each in runs))


def us(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} µs"


def main() -> None:
    context = multiprocessing.get_context("spawn")
    sent: multiprocessing.Queue[list[float]] = context.Queue()
    rows: list[tuple[str, ...]] = []
    with socket.create_server(("127.0.0.1", 0), backlog=8) as listener:
        process = context.Process(target=serve, args=(listener, sent), daemon=True)
        process.start()
        rows = asyncio.run(measured(listener.getsockname()[1], sent))
        process.terminate()
    note = (
        f"{TOKENS:,} tokens as fast as the socket takes them, {ROUNDS} times, and {PACED} at one a millisecond, "
        f"{PACED_ROUNDS} times, over a connection that is kept, after a prompt of {len(PROMPT):,} ids; clients take "
        "turns. Processor times are medians, times by the clock the quickest. The delay is that of a paced token, from "
        f"its sending until it is in hand. {machine()}"
    )
    header = ("client", "processor, a token", "of the bare socket", "first token", "processor, paced", "delay, paced")
    write("client_overhead", "What the client costs", note, header, rows)


if __name__ == "__main__":
    main()
