"""The pieces of a streamed chat completion, as servers write them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tests.unit.models.scripted_server import Exchange

Piece = dict[str, Any]
COMPLETIONS = "/v1/chat/completions"
SIZE = 7


def delta(**fields: Any) -> Piece:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": None}]}


def split(text: str, size: int = SIZE) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def text(words: str) -> list[Piece]:
    return [delta(content=each) for each in split(words)]


def thought(words: str, field: str = "reasoning_content") -> list[Piece]:
    return [delta(**{field: each}) for each in split(words)]


def call(tool: str, arguments: dict[str, Any] | str, *, index: int = 0, identity: str = "") -> list[Piece]:
    """A call: its name first, then its arguments bit by bit."""
    written = arguments if isinstance(arguments, str) else json.dumps(arguments)
    first = {"index": index, "id": identity or f"c{index}", "type": "function", "function": {"name": tool}}
    rest = [{"index": index, "function": {"arguments": each}} for each in split(written)]
    return [delta(tool_calls=[each]) for each in (first, *rest)]


def finish(reason: str = "stop") -> Piece:
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


def usage(read: int, written: int) -> Piece:
    return {"choices": [], "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": 0}}


def whole(*parts: Sequence[Piece], reason: str = "stop", read: int = 1000, written: int = 50) -> list[Piece]:
    return (
        [delta(role="assistant", content="")]
        + [each for part in parts for each in part]
        + [
            finish(reason),
            usage(read, written),
        ]
    )


def answering(pieces: Sequence[Piece], *, done: bool = True) -> Callable[[Exchange], Awaitable[None]]:
    """Streams the pieces to whoever asks."""

    async def answer(exchange: Exchange) -> None:
        await exchange.head(200)
        for piece in pieces:
            await exchange.send(f"data: {json.dumps(piece)}\n\n")
        if done:
            await exchange.send("data: [DONE]\n\n")

    return answer


def refusing(status: int, message: str) -> Callable[[Exchange], Awaitable[None]]:
    """Says no, in OpenAI's way."""

    async def answer(exchange: Exchange) -> None:
        await exchange.json({"error": {"message": message, "type": "error", "code": None}}, status)

    return answer
