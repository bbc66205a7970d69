"""A small HTTP server on a real socket that answers each request as a script says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

Answer = Callable[["Exchange"], Awaitable[None]]


class Exchange:
    """One request, and the means to answer it bit by bit."""

    def __init__(self, path: str, content: Any, headers: dict[str, str], server: ScriptedServer) -> None:
        self.path = path
        self.content = content
        self.headers = headers
        self._server = server
        self.writer: asyncio.StreamWriter

    async def head(self, status: int, kind: str = "text/event-stream") -> None:
        line = f"HTTP/1.1 {status} said\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n"
        await self.send(line)

    async def send(self, text: str) -> None:
        self.writer.write(text.encode())
        await self.writer.drain()

    async def json(self, content: Any, status: int = 200) -> None:
        await self.head(status, "application/json")
        await self.send(json.dumps(content))

    async def tokens(self, *tokens: tuple[int, str], each: int = 1, done: bool = True) -> None:
        """Tokens as vLLM streams them, `each` of them in one event."""
        await self.head(200)
        for start in range(0, len(tokens), each):
            part = tokens[start : start + each]
            choice = {
                "text": "".join(text for _, text in part),
                "token_ids": [number for number, _ in part],
                "logprobs": {"tokens": [text for _, text in part], "token_logprobs": [-0.5 for _ in part]},
            }
            await self.send("data: " + json.dumps({"choices": [choice]}) + "\n\n")
        if done:
            await self.send("data: [DONE]\n\n")


class ScriptedServer:
    """`script` maps a path to its answers, one for each request and the last of them for all further ones.

    The models and the tokens of a text are answered by themselves: a token for each of the separators, else each byte.
    """

    def __init__(self, specials: dict[str, int]) -> None:
        self.script: dict[str, list[Answer]] = {}
        self.seen: list[Exchange] = []
        self.url = ""
        self._specials = specials

    def asked(self, path: str) -> list[Exchange]:
        return [each for each in self.seen if each.path == path]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            exchange = await self._read(reader)
            exchange.writer = writer
            self.seen.append(exchange)
            answers = self.script.get(exchange.path, [self._own])
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            await answer(exchange)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Exchange:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return Exchange(head[0].split()[1], json.loads(body) if body else None, headers, self)

    async def _own(self, exchange: Exchange) -> None:
        if exchange.path == "/v1/models":
            await exchange.json({"data": [{"id": "tiny", "max_model_len": 64}]})
        elif exchange.path == "/tokenize":
            await exchange.json({"tokens": self._tokenized(exchange.content["prompt"])})
        else:
            await exchange.json({"detail": "Not Found"}, 404)

    def _tokenized(self, text: str) -> list[int]:
        found = []
        while text:
            special = next((each for each in self._specials if text.startswith(each)), None)
            piece = special or text[0]
            found += [self._specials[special]] if special else list(piece.encode())
            text = text[len(piece) :]
        return found


@asynccontextmanager
async def serving(specials: dict[str, int]) -> AsyncIterator[ScriptedServer]:
    scripted = ScriptedServer(specials)
    server = await asyncio.start_server(scripted.serve, "127.0.0.1", 0)
    scripted.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield scripted
    finally:
        server.close()
