"""What a vLLM server answers, as far as it is read here. Pure."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

Id = Annotated[int, Meta(ge=0, lt=2**31)]
Kind = TypeVar("Kind", bound=Struct)


class Ids(Struct, frozen=True):
    """The ids of a text."""

    tokens: list[Id]


class Card(Struct, frozen=True):
    """A model and the tokens of its context."""

    id: str
    max_model_len: Annotated[int, Meta(ge=1)] | None = None


class Served(Struct, frozen=True):
    """The models of a server."""

    data: list[Card]


class Logprobs(Struct, frozen=True):
    """The text of each token, and how likely it was."""

    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None


class Choice(Struct, frozen=True):
    """Some tokens of an answer."""

    text: str | None = None
    token_ids: list[Id] | None = None
    logprobs: Logprobs | None = None
    finish_reason: str | None = None


class Piece(Struct, frozen=True):
    """One event of an answer."""

    choices: list[Choice] = []

    @property
    def cut_off(self) -> bool:
        """Whether the server ends an answer here that has no end."""
        return bool(self.choices) and self.choices[0].finish_reason not in (None, "stop")


def read(content: Any, kind: type[Kind]) -> Kind | None:
    """The content of an answer; None where it is another."""
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError:
        return None
