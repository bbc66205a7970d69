"""The small world model that comes with the package: where it is, what it takes, and the model, loaded when asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal

from cwm_agent.core.interrupt import closing
from cwm_agent.errors import CwmAgentError, ModelUnavailable
from cwm_agent.models.embedded import EmbeddedModel
from cwm_agent.protocols import Sampling, Token
from cwm_agent.resources import shipped_model
from cwm_agent.traces.grammar import Vocabulary, look_up

NAME = "cwm-nano"
PACKAGES = ("numpy", "safetensors", "threadpoolctl", "tokenizers")
"""What a model in this process runs on."""


def missing() -> tuple[str, ...]:
    """The packages that are not installed, found without importing any."""
    return tuple(each for each in PACKAGES if find_spec(each) is None)


class ShippedModel:
    """A TraceModel in a folder of which only the small files are read at first; the first text loads it, in a thread.

    ModelUnavailable where the folder is no model: at once where its configuration or its tokenizer says so, else from
    the first text on.
    """

    grammars: ClassVar[Literal["choices"]] = "choices"

    def __init__(self, folder: Path | None = None, name: str = NAME) -> None:
        self._folder = folder or shipped_model()
        self._name = name
        config, tokenizer = _read(self._folder / "config.json"), _read(self._folder / "tokenizer.json")
        try:
            ids = {each["content"]: int(each["id"]) for each in tokenizer["added_tokens"]}
            self._context_tokens = int(config["max_position_embeddings"])
        except (KeyError, TypeError, ValueError) as error:
            raise _broken(self._folder, error) from error
        self._vocabulary = look_up(ids.get)
        self._loading: asyncio.Task[EmbeddedModel] | None = None

    @property
    def name(self) -> str:
        """What the user calls it."""
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
        return await (await self._loaded()).encode(text)

    async def complete(self, prompt_ids: Sequence[int], sampling: Sampling) -> AsyncIterator[Token]:
        """Continue a prompt, as `EmbeddedModel.complete` does."""
        async with closing((await self._loaded()).complete(prompt_ids, sampling)) as tokens:
            async for token in tokens:
                yield token

    async def aclose(self) -> None:
        """Give back what was loaded."""
        if self._loading is None:
            return
        try:
            model = await self._loading
        except CwmAgentError:
            return  # whoever asked for a text has heard of it
        await model.aclose()

    async def _loaded(self) -> EmbeddedModel:
        if self._loading is None:
            self._loading = asyncio.create_task(EmbeddedModel.load(self._folder))
        return await asyncio.shield(self._loading)


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise _broken(file.parent, error) from error


def _broken(folder: Path, error: Exception) -> ModelUnavailable:
    return ModelUnavailable(
        f"The model in {folder} cannot be read: {error}",
        remedy="Install cwm-agent again, or do without the model: world.embedded = false",
    )
