"""A model behind a real socket that decides, guesses outputs and writes traces, at the pace of a large one."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from cwm_agent.observations import TraceCall
from cwm_agent.protocols import Sampling
from cwm_agent.testing_models import ScriptedTraceModel, belief
from cwm_agent.traces.grammar import Special
from cwm_agent.traces.segments import Segment
from cwm_agent.workspace.changes import REGULAR, Entry
from cwm_agent.worlds.imagination.gather import gather
from tests.e2e.model_server import NAME, SPECIALS, at_work
from tests.unit.models.scripted_server import Exchange, ScriptedServer
from tests.unit.worlds.stage import TOKENS, real

GUESSES = b"\n\n<output>\n"
WRITTEN = 2000


@dataclass(frozen=True)
class Pace:
    """Seconds to the first token of a reply, to that of a trace, and from one token to the next."""

    first: float = 0.0
    trace: float = 0.0
    each: float = 0.0


@dataclass
class Seen:
    """The prompts that came, as text: `decided` for a decision, `guessed` for an output; `traces` counts the others.

    `last` is when the last of those came.
    """

    decided: list[str] = field(default_factory=list)
    guessed: list[str] = field(default_factory=list)
    traces: int = 0
    last: float = 0.0

    async def quiet(self, seconds: float) -> None:
        """Wait until no trace was asked for, for so many seconds."""
        self.last = time.monotonic()
        while (rest := self.last + seconds - time.monotonic()) > 0:  # noqa: ASYNC110 -- each trace moves the end
            await asyncio.sleep(rest)


class Texts:
    """Files to read, in a dictionary."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    async def read(self, path: bytes, limit: int = 0) -> Entry:
        del limit
        try:
            return Entry(REGULAR, self._files[path.decode()].encode())
        except KeyError:
            raise FileNotFoundError(path) from None


async def knows(
    files: Mapping[str, str], path: str, entry: str, wrong: dict[tuple[int, str], str] | None = None
) -> list[Segment]:
    """How a call in these files really goes, as a belief of the model; `wrong` is what it errs in."""
    found = await gather(TraceCall(files[path], entry, path), Texts(files), 16_000)
    call = f"{found.entry.function}()" if found.wrapped else entry
    return belief(found.entry.text, real(found.entry.text, call), wrong=wrong)


@contextmanager
def thinking_server(
    replies: Sequence[str],
    beliefs: Sequence[Sequence[Segment]] = (),
    guesses: Sequence[str] = (),
    pace: Pace = Pace(),
    quiet: Mapping[int, float] | None = None,
) -> Iterator[tuple[str, Seen]]:
    """The address of such a model, and what it saw. Each request has a stream of its own, as in a batch.

    Before some replies, by their number from 0, it waits until the traces have been quiet for so many seconds.
    """
    model = ScriptedTraceModel(*beliefs, merges=TOKENS)
    to_say, to_guess, seen = list(replies), list(guesses), Seen()

    async def complete(exchange: Exchange) -> None:
        prompt = exchange.content["prompt"]
        tracing = SPECIALS[Special.CONTEXT.value] in prompt
        await asyncio.sleep(pace.trace if tracing else pace.first)
        if tracing:
            seen.traces, seen.last = seen.traces + 1, time.monotonic()
            stop = tuple(exchange.content["stop_token_ids"])
            tokens = model.complete(prompt, Sampling(max_tokens=exchange.content["max_tokens"], stop=stop))
            await _stream(exchange, ((each.id, each.text) async for each in tokens), pace)
            return
        guessing = bytes(number for number in prompt[-len(GUESSES) :] if number < 256) == GUESSES
        (seen.guessed if guessing else seen.decided).append(_spelt(prompt))
        if not guessing:
            await seen.quiet((quiet or {}).get(len(seen.decided) - 1, 0.0))
        script = to_guess if guessing else to_say
        text = script.pop(0) if script else "</output>" if guessing else "</think>\n\nI have nothing more to say."
        await _stream(exchange, _written(text), pace)

    async def models(exchange: Exchange) -> None:
        await exchange.json({"data": [{"id": NAME, "max_model_len": 32_000}]})

    async def prepare(server: ScriptedServer) -> None:
        server.script["/v1/models"] = [models]
        server.script["/v1/completions"] = [complete]

    with at_work(prepare) as url:
        yield url, seen


async def _written(text: str) -> AsyncIterator[tuple[int, str]]:
    """A reply of the chat, four characters a token."""
    for at in range(0, len(text), 4):
        yield WRITTEN + at, text[at : at + 4]
    yield SPECIALS[Special.END_OF_TURN.value], ""


async def _stream(exchange: Exchange, tokens: AsyncIterator[tuple[int, str]], pace: Pace) -> None:
    await exchange.head(200)
    async for number, text in tokens:
        choice = {
            "text": text,
            "token_ids": [number],
            "logprobs": {"tokens": [text], "token_logprobs": [-0.5]},
        }
        await exchange.send("data: " + json.dumps({"choices": [choice]}) + "\n\n")
        await asyncio.sleep(pace.each)
    await exchange.send("data: [DONE]\n\n")


def _spelt(prompt: Sequence[int]) -> str:
    """A prompt as text; what the model itself wrote is left out."""
    names = {number: text.encode() for text, number in SPECIALS.items()}
    pieces = (names.get(number) or (bytes((number,)) if number < 256 else b"") for number in prompt)
    return b"".join(pieces).decode("utf-8", "replace")
