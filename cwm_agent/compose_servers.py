"""The servers that the settings name: where each is, its key, and the client of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import Struct

from cwm_agent.errors import UsageError
from cwm_agent.settings import Settings

if TYPE_CHECKING:
    from cwm_agent.models.chat import ChatModel
    from cwm_agent.models.server import Patience
    from cwm_agent.protocols import TraceModel


class Place(Struct, frozen=True):
    """A model at a vLLM server; `key_env` names the variable that holds its key."""

    url: str
    model: str
    key_env: str | None


def named(settings: Settings) -> Place | None:
    """The server at `model_url`."""
    if not settings.model_url:
        return None
    return Place(settings.model_url, settings.model, settings.model_key_env)


def imagining(settings: Settings) -> Place | None:
    """The server of the world model: its own, else the one at `model_url`."""
    world = settings.world
    if world.url:
        return Place(world.url, world.model or settings.model, world.key_env)
    place = named(settings)
    return Place(place.url, world.model or place.model, place.key_env) if place else None


async def connect(place: Place, settings: Settings) -> TraceModel:
    """Meet a vLLM server."""
    from cwm_agent.models.vllm import VllmModel

    key = key_of(place.key_env)
    return await VllmModel.connect(place.url, place.model, patience=_patience(settings), key=key)


async def chat_model(settings: Settings) -> ChatModel:
    """Meet the server of the policy `chat`; UsageError where none is named."""
    from cwm_agent.models.chat import ChatModel

    chat = settings.chat
    if not chat.url:
        raise UsageError("The policy chat needs a server.", remedy="Name it: --chat-url URL, or the setting chat.url.")
    return await ChatModel.connect(
        chat.url,
        chat.model,
        key=key_of(chat.key_env),
        temperature=chat.temperature,
        context=chat.context,
        patience=_patience(settings),
    )


def key_of(variable: str | None) -> str:
    """The key in an environment variable; UsageError, which names neither of them, where it holds none."""
    if variable is None:
        return ""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise UsageError(
            "The environment has no such variable as the setting `key_env` names, or it is empty.",
            remedy="Set the variable to the key of the server; `key_env` is its name and never the key itself.",
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise UsageError(
            "What the variable that `key_env` names holds is no key: it has characters that no header takes.",
            remedy="Set it anew, without quotes, blanks and line ends.",
        )
    return key


def _patience(settings: Settings) -> Patience:
    from cwm_agent.models.server import Patience

    return Patience(**settings.patience.model_dump())
