"""A model for several conversations at the same time, behind a real socket: each rollout has a script of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cwm_agent.traces.grammar import Special
from tests.e2e.model_server import NAME, SPECIALS, at_work
from tests.unit.models.scripted_server import Exchange, ScriptedServer

WRITES_A_TEST = "Write a test that shows the problem"
_OWN = 10_000
"""Ids from here on are the model's own: the ten-thousands tell which conversation they were written in."""


class Conversations:
    """The k-th conversation that begins gets the k-th script of its kind; past the last one it says nothing more.

    `begun` are the prompts with which repairs began, `asked` counts all requests. `pace` is the tokens that the model
    writes in a second in one conversation, `first` the seconds before the first of them.
    """

    def __init__(
        self,
        repairs: Sequence[Sequence[str]],
        tests: Sequence[Sequence[str]] = (),
        *,
        pace: float = 0.0,
        first: float = 0.0,
    ) -> None:
        self._repairs = [list(script) for script in repairs]
        self._tests = [list(script) for script in tests]
        self._open: dict[int, list[str]] = {}
        self._pace = pace
        self._first = first
        self.begun: list[tuple[int, ...]] = []
        self.asked = 0

    async def complete(self, exchange: Exchange) -> None:
        prompt: list[int] = exchange.content["prompt"]
        self.asked += 1
        if SPECIALS[Special.CONTEXT.value] in prompt:
            await exchange.tokens()
            return
        number = next((each // _OWN for each in prompt if each >= _OWN), 0) or self._begin(prompt)
        script = self._open[number]
        text = script.pop(0) if script else "Nothing.\n</think>\n\nI have nothing more to say."
        if text == "hang":
            await self._hang(exchange)
        if text == "hang up":
            exchange.writer.close()
            return
        pieces = [text[at : at + 4] for at in range(0, len(text), 4)]
        tokens = [(number * _OWN + at, piece) for at, piece in enumerate(pieces)]
        await asyncio.sleep(self._first)
        await self._write(exchange, [*tokens, (SPECIALS[Special.END_OF_TURN.value], "")])

    async def _hang(self, exchange: Exchange) -> None:
        """Say nothing, for as long as anybody listens."""
        await exchange.head(200)
        while True:
            await asyncio.sleep(0.1)
            await exchange.send(": still thinking\n\n")

    async def _write(self, exchange: Exchange, tokens: list[tuple[int, str]]) -> None:
        if not self._pace:
            await exchange.tokens(*tokens, each=8)
            return
        exchange.head, head = _nothing, exchange.head  # type: ignore[method-assign] # one head for all parts
        await head(200)
        for at in range(0, len(tokens), 4):
            await asyncio.sleep(len(tokens[at : at + 4]) / self._pace)
            await exchange.tokens(*tokens[at : at + 4], each=4, done=False)
        await exchange.send("data: [DONE]\n\n")

    def _begin(self, prompt: list[int]) -> int:
        text = bytes(each for each in prompt if each < 256).decode("utf-8", "replace")
        number = len(self._open) + 1
        kind = self._tests if WRITES_A_TEST in text else self._repairs
        if kind is self._repairs:
            self.begun.append(tuple(prompt))
        self._open[number] = kind.pop(0) if kind else []
        return number

    @contextmanager
    def served(self) -> Iterator[str]:
        """The address."""

        async def prepare(server: ScriptedServer) -> None:
            server.script["/v1/models"] = [_models]
            server.script["/v1/completions"] = [self.complete]

        with at_work(prepare) as url:
            yield url


async def _nothing(status: int, kind: str = "") -> None:
    del status, kind


async def _models(exchange: Exchange) -> None:
    await exchange.json({"data": [{"id": NAME, "max_model_len": 32_000}]})
