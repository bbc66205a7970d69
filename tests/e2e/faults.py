"""What can go wrong between a client and a model server, one function each."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any

from tests.e2e.faulty_server import DONE, Fault, Wire

WORDS = b'data: {"choices": [{"text": "x", "token_ids": [2000]}]}\n\n'


def named(name: str) -> Callable[[Fault], Fault]:
    def give(fault: Fault) -> Fault:
        fault.__name__ = name
        return fault

    return give


def status(code: int, said: Any, **headers: str) -> Fault:
    @named(f"status {code}")
    async def fault(wire: Wire) -> None:
        await wire.json(said, code, **headers)

    return fault


def cut(at: int, *, how: str = "close") -> Fault:
    """The right answer up to a byte; then the connection is closed, or reset, or the chunks end."""

    @named(f"cut {how}")
    async def fault(wire: Wire) -> None:
        body = wire.good()
        body = body[: at if at >= 0 else len(body) + at]
        if how == "chunks":
            wire.open = False
            await wire.chunked(body, whole=False)
            return
        await wire.head()
        await wire.send(body)
        if how == "reset":
            await asyncio.sleep(0.02)  # what was sent is read before
            wire.reset()

    return fault


def answering(body: bytes, kind: str = "text/event-stream") -> Fault:
    @named("answers " + kind)
    async def fault(wire: Wire) -> None:
        await wire.head(200, kind)
        await wire.send(body)

    return fault


def choosing(choice: Any) -> Fault:
    """A whole stream with one event of these choices."""
    return answering(b"data: " + json.dumps({"choices": choice}).encode() + b"\n\n" + DONE)


def endless(piece: bytes, *, start: bytes = b"", pause: float = 0.0) -> Fault:
    """A body that never ends."""

    @named("endless")
    async def fault(wire: Wire) -> None:
        await wire.head()
        await wire.send(start)
        while True:
            await wire.send(piece)
            await asyncio.sleep(pause)

    return fault


async def reset_at_once(wire: Wire) -> None:
    wire.reset()


async def closed_at_once(wire: Wire) -> None:
    wire.open = False


async def silent(wire: Wire) -> None:
    wire.open = False
    await asyncio.sleep(5)


async def silent_in_the_middle(wire: Wire) -> None:
    await wire.head()
    await wire.send(wire.good()[:300])
    await asyncio.sleep(5)


async def garbage(wire: Wire) -> None:
    wire.open = False
    await wire.send(b"\x1b[2J" + random.Random(1).randbytes(400))


async def garbage_in_the_stream(wire: Wire) -> None:
    await wire.head()
    await wire.send(WORDS + b"data: \xff\xfe\x1b]0;owned\x07\x00{\n\n" + DONE)


async def slow(wire: Wire) -> None:
    """The right answer, a few bytes at a time, and never silent for long."""
    await wire.head()
    body = wire.good()
    for at in range(0, len(body), 61):
        await wire.send(body[at : at + 61])
        await asyncio.sleep(0.01)


async def wrong_model(wire: Wire) -> None:
    await wire.json({"error": {"message": "The model `scripted` does not exist.", "code": 404}}, 404)
