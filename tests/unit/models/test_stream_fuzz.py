"""A recorded event stream, spoiled in every way, through the client and the reader of replies.

Whatever comes: an answer or one of our errors, and a call only where all of it was said and the stream was at its end.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import httpx
import pytest

from cwm_agent.errors import CwmAgentError, ModelUnavailable
from cwm_agent.events import ToolCall
from cwm_agent.models.server import Patience, Server
from cwm_agent.models.vllm import VllmModel
from cwm_agent.policies.cwm.replying import Reply, replies
from cwm_agent.traces.grammar import look_up
from tests.e2e.faulty_server import FIRST_ID, SPECIALS, events
from tests.unit.policies.chat_model import call

# 50,000 take half a minute: FUZZ_TIMES=50000
TIMES = int(os.environ.get("FUZZ_TIMES", "20000"))
TOOLS = ("bash", "edit")
RECORDED = [
    call("bash", "python3 -m pytest -q", thought="First I look.", text="I run the tests."),
    call("edit", "a.py\n<<<<<<< SEARCH\nx = 'é\u2028'\n=======\nx = 2\n>>>>>>> REPLACE", thought="<think>"),
]
STREAMS = [events(text, size=9) for text in RECORDED]
CALLS = [ToolCall("bash", "python3 -m pytest -q"), ToolCall("edit", RECORDED[1].split("<tool: edit>\n")[1][:-8])]
SCRAPS = [
    *(
        b"\n",
        b"\r",
        b"\x00",
        b"\xff\xfe",
        b'"',
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b"data: ",
        b"data:[DONE]\n\n",
        b"\n\n",
    ),
    *(b"null", b"-1", b"1e999", b"NaN", b"true", b"9" * 40, b"[" * 3000, b"\\ud800", b"\\u2028", "\u2028".encode()),
    *(b"</tool>", b"\\n</tool>", b"<tool: bash>\\n", b"\x1b[2J", b": ping\n\n", b'data: {"choices": []}\n\n'),
    *(b'data: {"error": {"message": "x"}}\n\n', b'"error": 1, ', b'"finish_reason": "abort"', b'"text": 5'),
    *(b'"token_ids": null', b'"choices": {}'),
]


class Body(httpx.AsyncByteStream):
    """A body in the pieces in which it arrives; `breaks`: the connection ends before it."""

    def __init__(self, body: bytes, cuts: list[int], *, breaks: bool) -> None:
        self._pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
        self._breaks = breaks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._breaks:
            raise httpx.ReadError("gone")


class Spoiled(Server):
    """A server whose next answer is `body`; it is read as any other."""

    body: Body

    @asynccontextmanager
    async def _opened(self, path: str, content: object, deadline: float) -> AsyncIterator[httpx.Response]:
        yield httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=self.body)


@pytest.fixture
async def wire() -> AsyncIterator[tuple[VllmModel, Spoiled]]:
    server = Spoiled("http://127.0.0.1:1", patience=Patience(attempts=1))
    yield VllmModel(server, "scripted", look_up(SPECIALS.get), 10_000), server
    await server.aclose()


async def reply_to(model: VllmModel) -> Reply | CwmAgentError:
    """What the policy makes of it; anything but one of our errors goes through."""
    try:
        async with aclosing(replies(model, [1, 2, 3], TOOLS, thinking=True, most=5_000)) as pieces:
            *_, last = [piece async for piece in pieces]
    except CwmAgentError as error:
        return error
    assert isinstance(last, Reply)
    return last


async def test_each_stream_is_read_as_it_was_said(wire: tuple[VllmModel, Spoiled]) -> None:
    model, transport = wire
    for stream, expected in zip(STREAMS, CALLS, strict=True):
        for size in (1, 7, 64, 1000, len(stream)):
            transport.body = Body(stream, list(range(size, len(stream), size)), breaks=False)
            found = await reply_to(model)
            assert isinstance(found, Reply)
            assert found.call == expected
            assert found.ids == tuple(range(FIRST_ID, FIRST_ID + len(found.ids)))


async def test_cut_at_every_byte_it_is_no_call(wire: tuple[VllmModel, Spoiled]) -> None:
    model, transport = wire
    for stream in STREAMS:
        for at in range(len(stream) - 2):
            transport.body = Body(stream[:at], [], breaks=at % 2 == 0)
            found = await reply_to(model)
            assert isinstance(found, ModelUnavailable), at
            assert "broke off" in found.message


def spoiled(dice: random.Random, stream: bytes) -> bytes:
    """The stream after one to three accidents."""
    for _ in range(dice.choice((1, 1, 2, 3))):
        at, to = sorted((dice.randrange(len(stream) + 1), dice.randrange(len(stream) + 1)))
        near = min(len(stream), at + dice.randrange(1, 12))
        match dice.randrange(8):
            case 0:
                stream = stream[:at]
            case 1:
                stream = stream[:at] + stream[near:]
            case 2:
                stream = stream[:at] + dice.choice(SCRAPS) + stream[at:]
            case 3:
                stream = stream[:at] + dice.choice(SCRAPS) + stream[near:]
            case 4:
                stream = stream[:at] + dice.randbytes(1) + stream[at + 1 :]
            case 5:
                stream = stream[:to] + stream[at:to] + stream[to:]
            case 6:
                parts = stream.split(b"\n\n")
                dice.shuffle(parts)
                stream = b"\n\n".join(parts)
            case _:
                fields = [b'"text"', b'"token_ids"', b'"choices"', b'"logprobs"', b'"tokens"', b'"finish_reason"']
                stream = stream.replace(
                    dice.choice(fields), dice.choice([b'"x"', b'"text"', b'"choices"']), dice.choice((1, -1))
                )
        if not stream:
            return b"\n"
    return stream


def said(body: bytes) -> str | None:
    """All that a stream says before its end, read in another way than the client's; None where texts contradict."""
    texts = []
    for line in body.split(b"\n"):
        data = line.removeprefix(b"data:").strip()
        if not line.startswith(b"data:"):
            continue
        if data == b"[DONE]":
            return "".join(texts)
        choices = json.loads(data.decode("utf-8", "replace"), strict=False).get("choices")
        choice = choices[0] if choices else {}
        text, told = choice.get("text") or "", "".join((choice.get("logprobs") or {}).get("tokens") or [])
        if text != told:
            return None
        texts.append(text)
    raise AssertionError(f"a call of a stream without an end: {body!r}")


async def test_whatever_comes_is_read_or_refused(wire: tuple[VllmModel, Spoiled]) -> None:
    model, transport = wire
    dice = random.Random(20)
    counts: Counter[str] = Counter()
    for number in range(TIMES):
        if number % 500 == 0:
            await asyncio.sleep(0)  # what was left half read is closed
        body = spoiled(dice, dice.choice(STREAMS))
        cuts = sorted(dice.randrange(len(body) + 1) for _ in range(dice.choice((0, 1, 5))))
        breaks = dice.random() < 0.1
        transport.body = Body(body, cuts, breaks=breaks)
        found = await reply_to(model)
        if not isinstance(found, Reply):
            assert found.message
            assert found.remedy
            counts[type(found).__name__] += 1
            continue
        counts[found.broken.flaw if found.broken else "call" if found.call else "text"] += 1
        if found.call is None:
            continue
        whole = said(body)
        if whole is not None:
            counts["checked"] += 1
            assert whole.rstrip().endswith(f"<tool: {found.call.tool}>\n{found.call.content}\n</tool>")
    assert counts["call"] > counts["checked"] > TIMES / 50, counts
    assert counts["ModelUnavailable"] > TIMES / 5, counts
    assert sum(
        count for name, count in counts.items() if name not in ("call", "checked", "text", "ModelUnavailable")
    ), counts
