"""A small world model in this process, on the CPU: no server, no network, no GPU. The extra `embedded` brings it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self, TypeVar

from cwm_agent.errors import LimitError, ModelUnavailable, UsageError
from cwm_agent.protocols import Sampling, Token
from cwm_agent.traces.grammar import Vocabulary

if TYPE_CHECKING:
    from cwm_agent.models.generation import Means

T = TypeVar("T")
SLOTS = 4
"""Texts of which is kept what was read."""
_LONG = 4096  # characters of a text that takes longer to encode than the screen may wait


class EmbeddedModel:
    """A TraceModel of CWM's architecture, loaded from a folder as transformers writes it.

    Answers are made in one thread, by turns, token by token, each when it is asked for: a closed iterator costs
    nothing more. Grammars may be choices of literals, as stepwise imagination has them; UsageError for others.
    """

    grammars: ClassVar[Literal["choices"]] = "choices"

    def __init__(self, name: str, means: Means, context_tokens: int) -> None:
        self._name = name
        self._means = means
        self._context_tokens = context_tokens
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="embedded-model")

    @classmethod
    async def load(cls, folder: Path | str, *, seed: int = 0, slots: int = SLOTS) -> Self:
        """Read the folder: configuration, weights, tokenizer. ModelUnavailable says what is missing or does not fit.

        `seed` is that of all that is drawn at a temperature above 0.
        """
        name, means, context_tokens = await asyncio.to_thread(_load, Path(folder), seed, slots)
        return cls(name, means, context_tokens)

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self._name

    @property
    def vocabulary(self) -> Vocabulary:
        """The ids of the separators."""
        return self._means.spelling.vocabulary

    @property
    def context_tokens(self) -> int:
        """How many tokens a prompt and its answer may have together."""
        return self._context_tokens

    async def encode(self, text: str) -> tuple[int, ...]:
        """The ids of a text that stays text."""
        if len(text) < _LONG:
            return self._means.spelling.encode(text)
        return await asyncio.to_thread(self._means.spelling.encode, text)

    async def complete(self, prompt_ids: Sequence[int], sampling: Sampling) -> AsyncIterator[Token]:
        """Continue a prompt; LimitError where it leaves no room. Closing the iterator ends the work at the next token.

        A token of the model that ends its turn ends the answer; where `stop` does not have it, it is the last token.
        """
        from cwm_agent.models.generation import Generation

        room = self._context_tokens - len(prompt_ids)
        if room < 1:
            raise LimitError(
                f"The prompt has {len(prompt_ids)} tokens, and the model takes {self._context_tokens}.",
                remedy="Trace a shorter run, or less code around it.",
            )
        if not prompt_ids or not 0 <= min(prompt_ids) <= max(prompt_ids) < self._means.size:
            raise UsageError(f"A prompt has one or more tokens, and the model those from 0 to {self._means.size - 1}.")
        generation = Generation(self._means, tuple(prompt_ids), sampling, min(room, sampling.max_tokens))
        try:
            while not generation.over and await self._work(generation.read_on):
                pass
            while not generation.over and (token := await self._work(generation.next)) is not None:
                yield token
        finally:
            with suppress(RuntimeError):  # the model was closed
                self._worker.submit(generation.close)

    async def aclose(self) -> None:
        """End the work; what was read is forgotten with the model."""
        await asyncio.to_thread(self._worker.shutdown)

    async def _work(self, step: Callable[[], T]) -> T:
        """Do a step in the model's thread; one that is under way comes to its end, whoever has left."""
        try:
            future = self._worker.submit(step)
        except RuntimeError as error:
            raise ModelUnavailable("The model was closed.", remedy="Start again.") from error
        return await asyncio.wrap_future(future)


def _load(folder: Path, seed: int, slots: int) -> tuple[str, Means, int]:
    """In a thread: what it imports takes as long as what it reads."""
    try:
        from cwm_agent.models.loading import load
    except ImportError as error:
        raise ModelUnavailable(
            f"A model in this process takes the package {error.name}.",
            remedy="Install it with `pip install 'cwm-agent[small]'`, or name a server with --model-url.",
        ) from error
    return load(folder, seed, slots)
