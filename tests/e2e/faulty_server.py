"""A model server on a real socket that fails as a script says: each request for an answer takes the next fault."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from cwm_agent.traces.grammar import Special
from tests.e2e.model_server import NAME, SPECIALS

END = SPECIALS[Special.END_OF_TURN.value]
FIRST_ID = 2000
DONE = b"data: [DONE]\n\n"


class Wire:
    """One request and the socket that it came from; `good` is the body of the right answer."""

    def __init__(self, path: str, content: Any, good: Callable[[], bytes], writer: asyncio.StreamWriter) -> None:
        self.path = path
        self.content = content
        self.good = good
        self.open = True
        self._writer = writer

    async def send(self, raw: bytes) -> None:
        self._writer.write(raw)
        await self._writer.drain()

    async def head(self, status: int = 200, kind: str = "text/event-stream", **headers: str) -> None:
        """The head of an answer that goes on until the connection is closed."""
        self.open = False
        lines = [f"HTTP/1.1 {status} told", f"content-type: {kind}", "connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.send("\r\n".join([*lines, "\r\n"]).encode())

    async def chunked(self, body: bytes, *, whole: bool = True) -> None:
        """An answer in chunks, after which the connection stays open."""
        await self.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for event in re.findall(rb".+?(?:\n\n|\Z)", body, re.DOTALL):
            await self.send(b"%x\r\n%s\r\n" % (len(event), event))
        if whole:
            await self.send(b"0\r\n\r\n")

    async def json(self, content: Any, status: int = 200, **headers: str) -> None:
        body = json.dumps(content).encode()
        await self.head(status, "application/json", content_length=str(len(body)), **headers)
        await self.send(body)

    def reset(self) -> None:
        """Break the connection as a killed process does."""
        self.open = False
        found = self._writer.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


Fault = Callable[[Wire], Awaitable[None]]


class FaultyServer:
    """Says `replies` one after the other, and does the next of `faults` instead where that is one.

    `fired` are the names of the faults that were done, `prompts` what was asked and rightly answered with `wrote`.
    `meeting`, `tokenizing` and `tracing` are done instead when its models are asked for, the ids of a text, and a
    trace, which is empty else. Where the output of a command is to be guessed, it is `guess`, and `guesses` are the
    prompts of that. All of it may change while it runs.
    """

    def __init__(self) -> None:
        self.replies: list[str] = []
        self.faults: list[Fault | None] = []
        self.tracing: Fault | None = None
        self.meeting: Fault | None = None
        self.tokenizing: Fault | None = None
        self.guess = "</output>"
        self.guesses: list[list[int]] = []
        self.fired: list[str] = []
        self.prompts: list[list[int]] = []
        self.wrote: list[list[int]] = []
        self.connections = 0
        self.context = 1_000_000
        self.model = NAME
        self._port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Listen, at the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    def kill(self) -> None:
        """Be gone at once, with all connections."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    def good(self) -> bytes:
        """The event stream of the next reply, which is then said."""
        return events(self.replies.pop(0) if self.replies else "</think>\n\nI have nothing more to say.")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            going = True
            while going:
                going = await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether another may follow."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        length = next((line.split(":")[1] for line in head if line.lower().startswith("content-length:")), "0")
        body = await reader.readexactly(int(length))
        wire = Wire(head[0].split()[1], json.loads(body) if body else None, self.good, writer)
        if wire.path == "/v1/models":
            await self._meet(wire)
        elif wire.path == "/tokenize" and self.tokenizing is not None:
            await self.tokenizing(wire)
        elif wire.path == "/tokenize":
            await wire.json({"tokens": tokenized(wire.content["prompt"])})
        else:
            await self._complete(wire)
        return wire.open

    async def _meet(self, wire: Wire) -> None:
        if self.meeting is not None:
            await self.meeting(wire)
            return
        await wire.json({"data": [{"id": self.model, "max_model_len": self.context}]})

    async def _complete(self, wire: Wire) -> None:
        asked = wire.content["prompt"]
        if SPECIALS[Special.CONTEXT.value] in asked:
            await (self.tracing(wire) if self.tracing else wire.chunked(DONE))
            return
        if wire.content["temperature"] == 0:  # a prediction; replies are drawn
            self.guesses.append(asked)
            await wire.chunked(events(self.guess))
            return
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            self.fired.append(fault.__name__)
            await fault(wire)
            return
        self.prompts.append(asked)
        body = self.good()
        self.wrote.append(ids_of(body))
        await wire.chunked(body)


def events(text: str, *, size: int = 7) -> bytes:
    """A reply as vLLM streams it: an event for every few tokens, and the one that ends the turn."""
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    tokens = [*((FIRST_ID + at, piece) for at, piece in enumerate(pieces)), (END, "")]
    found = []
    for at in range(0, len(tokens), 3):
        part = tokens[at : at + 3]
        told = {"tokens": [piece for _, piece in part], "token_logprobs": [-0.5] * len(part)}
        choice = {
            "text": "".join(piece for _, piece in part),
            "token_ids": [number for number, _ in part],
            "logprobs": told,
            "finish_reason": "stop" if at + 3 >= len(tokens) else None,
        }
        data = json.dumps({"model": NAME, "choices": [choice]}, ensure_ascii=False)
        found.append(f"data: {data}\n\n".encode())
    return b"".join([*found, DONE])


def ids_of(body: bytes) -> list[int]:
    """The ids of an event stream, with the one that ends it."""
    data = [json.loads(line.removeprefix(b"data:")) for line in body.split(b"\n") if line.startswith(b"data: {")]
    return [number for each in data for number in each["choices"][0]["token_ids"]]


def tokenized(text: str) -> list[int]:
    """A token for each of the separators, else for each byte."""
    found: list[int] = []
    while text:
        special = next((each for each in SPECIALS if text.startswith(each)), None)
        piece = special or text[: text.find("<", 1) if "<" in text[1:] else len(text)]
        found += [SPECIALS[special]] if special else list(piece.encode())
        text = text[len(piece) :]
    return found


@contextmanager
def faulty(replies: Sequence[str] = (), faults: Sequence[Fault | None] = ()) -> Iterator[FaultyServer]:
    """Such a server on a thread of its own."""
    server = FaultyServer()
    server.replies, server.faults = list(replies), list(faults)
    loop = asyncio.new_event_loop()
    started = threading.Event()
    over = asyncio.Event()

    async def serve() -> None:
        await server.start()
        started.set()
        await over.wait()
        server.kill()

    def work() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(serve())

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert started.wait(20)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
