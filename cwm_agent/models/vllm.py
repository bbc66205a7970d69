"""A world model behind a vLLM server: token ids out, tokens in, one streaming request for each answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Self

from cwm_agent.errors import CwmAgentError, LimitError, ModelUnavailable, RequestRefused
from cwm_agent.models.answers import Ids, Piece, Served, read
from cwm_agent.models.encoding import Encoder
from cwm_agent.models.refusals import LOOK, short
from cwm_agent.models.server import Patience, Server
from cwm_agent.protocols import Sampling, Token
from cwm_agent.traces.grammar import Special, Vocabulary, look_up

_REMEDY = "Name one that it serves, or start the server with the model that you want."
_EMPTY = 1_000
"""Events without a token that may follow each other."""
_TOO_LONG = re.compile(r"(context|model) length", re.IGNORECASE)


class VllmModel:
    """A TraceModel over `/v1/completions`. ModelUnavailable says what the server did; an answer is never put together
    from two requests.
    """

    def __init__(
        self, server: Server, name: str, vocabulary: Vocabulary, context_tokens: int, encoder: Encoder | None = None
    ) -> None:
        self._server = server
        self._name = name
        self._vocabulary = vocabulary
        self._context_tokens = context_tokens
        self._specials = vocabulary.specials()
        parting = Special.FRAME
        self._encoder = encoder or Encoder(self._tokenize, parting.value, vocabulary.id(parting))

    @classmethod
    async def connect(cls, url: str, model: str, *, patience: Patience | None = None, key: str = "") -> Self:
        """Meet the server: its model, the length of its context, the ids of the separators."""
        server = Server(url, patience=patience, key=key)
        try:
            context = await _context_of(server, model)
            found = await asyncio.gather(*(_tokenized(server, model, special.value) for special in Special))
            ids = {special.value: each[0] for special, each in zip(Special, found, strict=True) if len(each) == 1}
            made = cls(server, model, look_up(ids.get), context)
            await made._check_text()
            await made._encoder.check()
        except BaseException:
            await server.aclose()
            raise
        return made

    def afresh(self) -> Self:
        """The same model over the same connections, with no text known yet."""
        encoder = self._encoder.afresh()
        return type(self)(self._server, self._name, self._vocabulary, self._context_tokens, encoder)

    @property
    def name(self) -> str:
        """The name under which the server knows it."""
        return self._name

    @property
    def vocabulary(self) -> Vocabulary:
        """The ids of the separators."""
        return self._vocabulary

    @property
    def context_tokens(self) -> int:
        """How many tokens a prompt and its answer may have together."""
        return self._context_tokens

    async def encode(self, text: str) -> tuple[int, ...]:
        """The ids of a text that stays text."""
        return await self._encoder.encode(text)

    async def complete(self, prompt_ids: Sequence[int], sampling: Sampling) -> AsyncIterator[Token]:
        """Continue a prompt; LimitError where it leaves no room. Closing the iterator hangs up, which ends the work."""
        room = self._context_tokens - len(prompt_ids)
        if room < 1:
            raise LimitError(
                f"The prompt has {len(prompt_ids)} tokens, and the model takes {self._context_tokens}.",
                remedy="Trace a shorter run, or less code around it.",
            )
        most = min(room, sampling.max_tokens)
        asked = self._request(prompt_ids, sampling, most)
        try:
            async with aclosing(self._answer(asked, most, sampling.stop)) as tokens:
                async for token in tokens:
                    yield token
        except RequestRefused as refused:
            raise await self._understood(refused) from refused

    async def _answer(self, asked: dict[str, Any], most: int, stop: Sequence[int]) -> AsyncGenerator[Token, None]:
        count, empty, last = 0, 0, None
        async with aclosing(self._server.stream("/v1/completions", asked, Piece)) as pieces:
            async for piece in pieces:
                tokens = self._tokens(piece, stop)
                empty = 0 if tokens else empty + 1
                for token in tokens:
                    count += 1
                    if count == most:
                        last = token  # given once the stream is read to its end, so that the connection is kept
                    elif count < most:
                        yield token
                if count > most or empty > _EMPTY:
                    raise self._odd("it does not end its answer")
                if count < most and piece.cut_off:
                    raise self._odd(f"it ended its answer at token {count}")
        if last is not None:
            yield last

    def _odd(self, what: str) -> ModelUnavailable:
        return ModelUnavailable(f"The model server at {self._server.url}: {what}.", remedy=LOOK)

    async def _understood(self, refused: RequestRefused) -> CwmAgentError:
        """Why a server that was met does not take a request any more: it may have been started anew, in another way."""
        self._encoder = self._encoder.afresh()
        try:
            context = await _context_of(self._server, self._name)
        except ModelUnavailable as error:
            return error
        shrunk, self._context_tokens = context < self._context_tokens, context
        if shrunk or _TOO_LONG.search(refused.message):
            return LimitError(
                f"{refused.message} Its context has {context} tokens.",
                remedy="Ask again: what does not fit is summed up first. Or lower limits.tokens.",
            )
        return refused

    async def aclose(self) -> None:
        """Close the connections."""
        await self._server.aclose()

    def _request(self, prompt_ids: Sequence[int], sampling: Sampling, most: int) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "model": self._name,
            "prompt": list(prompt_ids),
            "max_tokens": most,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "stop_token_ids": list(sampling.stop),
            "stream": True,
            "return_token_ids": True,
            "skip_special_tokens": False,
            "spaces_between_special_tokens": False,
            "logprobs": 0,
        }
        if sampling.grammar is not None:
            asked["structured_outputs"] = {"grammar": sampling.grammar}
        return asked

    def _tokens(self, piece: Piece, stop: Sequence[int]) -> list[Token]:
        """The tokens of one event, without the one that stops."""
        if not piece.choices:
            return []
        choice = piece.choices[0]
        if choice.token_ids is None and choice.text:
            raise ModelUnavailable(
                "The model server gives no token ids with its text.", remedy="It takes vLLM 0.11 or later."
            )
        ids = [number for number in choice.token_ids or () if number not in stop]
        values = choice.logprobs.token_logprobs or [] if choice.logprobs else []
        told = (choice.logprobs.tokens or [])[: len(ids)] if choice.logprobs else []
        return [
            Token(number, each, values[at] if at < len(values) else None)
            for at, (number, each) in enumerate(zip(ids, self._texts(choice.text or "", ids, told), strict=True))
        ]

    def _texts(self, text: str, ids: Sequence[int], told: Sequence[str]) -> list[str]:
        """The text of each token; a separator's is its own spelling, which the server leaves out at the end.

        A character that is spread over several tokens is with the last of them.
        """
        if len(ids) == len(told) and "".join(told).startswith(text):
            return [self._spelt(number) or each for number, each in zip(ids, told, strict=True)]
        found = [self._spelt(number) for number in ids]
        if plain := [at for at, each in enumerate(found) if not each]:
            for each in found:
                text = text.replace(each, "", 1)
            found[plain[-1]] = text
        return found

    def _spelt(self, number: int) -> str:
        """A separator as it is spelt; empty for any other token."""
        special = self._specials.get(number)
        return special.value if special else ""

    async def _tokenize(self, text: str) -> list[int]:
        try:
            return await _tokenized(self._server, self._name, text)
        except RequestRefused as refused:
            raise await self._understood(refused) from refused

    async def _check_text(self) -> None:
        """Make sure that text stays text in this tokenizer, whatever it spells."""
        ids = await self.encode("".join(special.value for special in self._vocabulary.ids))
        if found := self._specials.keys() & set(ids):
            spelt = ", ".join(sorted(self._specials[number].value for number in found))
            raise ModelUnavailable(
                f"The server makes separators of text: {spelt}.", remedy="Its tokenizer is not CWM's."
            )


async def _tokenized(server: Server, model: str, text: str) -> list[int]:
    asked = {"model": model, "prompt": text, "add_special_tokens": False}
    answer = read(await server.ask("/tokenize", asked), Ids)
    if answer is None:
        raise ModelUnavailable(f"The model server at {server.url} does not tokenise.", remedy="It takes vLLM's own.")
    return answer.tokens


async def _context_of(server: Server, model: str) -> int:
    """The length of the model's context; ModelUnavailable where it is not served."""
    answer = read(await server.ask("/v1/models"), Served)
    lengths = {each.id: each.max_model_len for each in answer.data} if answer else {}
    if model not in lengths:
        names = short(", ".join(lengths)) or "nothing"
        raise ModelUnavailable(f"The model server at {server.url} serves {names}, not {model}.", remedy=_REMEDY)
    length = lengths[model]
    if length is None:
        raise ModelUnavailable(
            f"The model server at {server.url} does not say how long {model}'s context is.",
            remedy="It takes vLLM's own server.",
        )
    return length
