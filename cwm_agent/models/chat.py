"""A model behind any server of OpenAI's chat completions: messages and tools out, one streamed reply in."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Self

import msgspec

from cwm_agent.errors import ModelUnavailable, RequestRefused
from cwm_agent.models.chat_meeting import meet, prefix_of, understood
from cwm_agent.models.chat_messages import Ended, Message, Offer, ReplyPiece
from cwm_agent.models.chat_stream import Piece, ReplyReader
from cwm_agent.models.server import Patience, Server

CONTEXT = 32_768
"""Tokens of context that are assumed where neither the server nor the settings tell them."""
_COUNTING = "stream_options"
_START = "Start it, or set `chat.url` to where it listens."


class ChatModel:
    """A Chat over `/chat/completions`. ModelUnavailable says what the server did, LimitError that it reads no more.

    `context_tokens` is None where the server tells none: then CONTEXT is assumed, and `assumed` says so.
    """

    def __init__(
        self,
        server: Server,
        prefix: str,
        name: str,
        context_tokens: int | None,
        *,
        temperature: float | None = None,
    ) -> None:
        self._server = server
        self._prefix = prefix
        self._name = name
        self._context_tokens = context_tokens or CONTEXT
        self._temperature = temperature
        self._counts = True
        self.assumed = context_tokens is None

    @classmethod
    async def connect(
        cls,
        url: str,
        model: str | None,
        *,
        key: str = "",
        temperature: float | None = None,
        context: int | None = None,
        patience: Patience | None = None,
    ) -> Self:
        """Meet the server. Without `model` it is the only one that the server has; UsageError where it has several.

        `context` is the length of its context, in place of what the server says. Without `temperature` the server's
        own is taken.
        """
        server, prefix = Server(url, patience=patience, key=key, start=_START), prefix_of(url)
        try:
            found = await meet(server, prefix, model)
        except BaseException as error:
            await server.aclose()
            if isinstance(error, RequestRefused):
                raise understood(error, server, model or "") from error
            raise
        return cls(server, prefix, found.id, context or found.context, temperature=temperature)

    @property
    def name(self) -> str:
        """The name under which the server knows it."""
        return self._name

    @property
    def context_tokens(self) -> int:
        """How many tokens a prompt and its reply may have together."""
        return self._context_tokens

    async def reply(self, messages: Sequence[Message], offers: Sequence[Offer]) -> AsyncIterator[ReplyPiece]:
        """One reply, piece by piece, and last how it ended. Closing the iterator hangs up, which ends the work."""
        while True:
            try:
                async with aclosing(self._reply(self._request(messages, offers))) as pieces:
                    async for piece in pieces:
                        yield piece
                return
            except RequestRefused as refused:
                if not self._counts or _COUNTING not in refused.said:
                    raise understood(refused, self._server, self._name) from refused
                self._counts = False  # an older server, which does not know how to

    async def _reply(self, asked: dict[str, Any]) -> AsyncGenerator[ReplyPiece, None]:
        reader = ReplyReader()
        try:
            async with aclosing(self._server.stream(f"{self._prefix}/chat/completions", asked, Piece)) as pieces:
                async for piece in pieces:
                    for each in reader.feed(piece):
                        yield each
        except RequestRefused:
            raise
        except ModelUnavailable:
            if not reader.finished:  # behind the end come counts alone, without which one can do
                raise
        yield self._end(reader)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._server.aclose()

    def _request(self, messages: Sequence[Message], offers: Sequence[Offer]) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "model": self._name,
            "messages": [_message(each) for each in messages],
            "stream": True,
        }
        if self._counts:
            asked[_COUNTING] = {"include_usage": True}
        if offers:
            asked["tools"] = [{"type": "function", "function": msgspec.to_builtins(each)} for each in offers]
        if self._temperature is not None:
            asked["temperature"] = self._temperature
        return asked

    def _end(self, reader: ReplyReader) -> Ended:
        try:
            return reader.end()
        except ValueError as error:
            raise ModelUnavailable(
                f"The model server at {self._server.url} did not end its reply.",
                remedy="Ask again. Nothing of it was carried out.",
            ) from error


def _message(message: Message) -> dict[str, Any]:
    said: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.wishes:
        said["tool_calls"] = [
            {"id": each.identity, "type": "function", "function": {"name": each.tool, "arguments": each.arguments}}
            for each in message.wishes
        ]
    if message.answers:
        said["tool_call_id"] = message.answers
    return said
