"""Meeting a server of chat completions: where its paths are, which models it has, and what it means by a refusal."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from msgspec import Struct

from cwm_agent.errors import CwmAgentError, LimitError, ModelUnavailable, RequestRefused, UsageError
from cwm_agent.models.answers import read
from cwm_agent.models.refusals import short
from cwm_agent.models.server import Server

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404
_LATEST = ":latest"
_KEY = (
    "Set `chat.key_env` to the name of the environment variable that holds its key, and see whether that is still good."
)
_NAME = "Set `chat.model` to one that it has."
_TOOLS = (
    "Name a model that calls tools; vLLM takes --enable-auto-tool-choice and --tool-call-parser, llama.cpp --jinja."
)
_TOO_LONG = re.compile(
    r"context (length|size|window)|model length|too many tokens|too long|maximum.{0,40}tokens", re.IGNORECASE
)
_NO_TOOLS = re.compile(
    r"\btools?\b.{0,60}\b(requires?|unsupported|not (be )?(supported|enabled|allowed))"
    r"|(n't|not|found that) (support|allow).{0,40}\b(tool|function)",
    re.IGNORECASE,
)


class Listed(Struct, frozen=True):
    """A model as a server lists it; each kind of server has its own word for the length of the context, or none."""

    id: str
    max_model_len: int | None = None
    context_length: int | None = None
    context_window: int | None = None
    max_context_length: int | None = None

    @property
    def context(self) -> int | None:
        """How many tokens it takes; None where that is not told."""
        return self.max_model_len or self.context_length or self.context_window or self.max_context_length


class _Models(Struct, frozen=True):
    data: list[Listed]


def prefix_of(url: str) -> str:
    """What stands before the paths: an address that is no more than a host has them under /v1, as one that says so."""
    path = urlsplit(url).path.rstrip("/")
    return "/v1" if not path or path.endswith("/v1") else ""


async def meet(server: Server, prefix: str, model: str | None) -> Listed:
    """The model of that name, or the only one; UsageError where none is named and there are several.

    A server that lists nothing is believed to have the model.
    """
    try:
        answer = read(await server.ask(f"{prefix}/models"), _Models)
    except RequestRefused as refused:
        if refused.status in (_UNAUTHORIZED, _FORBIDDEN):
            raise
        answer = None
    listed = {each.id: each for each in answer.data} if answer else {}
    if model is None:
        return _only(server, listed)
    known = listed.get(model) or listed.get(model + _LATEST)
    if known is None and answer is not None:
        known = await _asked_for(server, prefix, model, listed)
    return Listed(model, context_length=known.context if known else None)


def _only(server: Server, listed: dict[str, Listed]) -> Listed:
    if len(listed) == 1:
        return next(iter(listed.values()))
    names = f"has {_names(listed)}" if listed else "does not say what it has"
    raise UsageError(f"No model is named, and the server at {server.url} {names}.", remedy=_NAME)


async def _asked_for(server: Server, prefix: str, model: str, listed: dict[str, Listed]) -> Listed | None:
    """A model that is not in the list may have another name there, or stand on a further page of it."""
    try:
        return read(await server.ask(f"{prefix}/models/{quote(model, safe='')}"), Listed)
    except RequestRefused as refused:
        raise ModelUnavailable(
            f"The model server at {server.url} has {_names(listed)}, not {model}.", remedy=_NAME
        ) from refused


def _names(listed: dict[str, Listed]) -> str:
    return short(", ".join(sorted(listed))) or "no model"


def understood(refused: RequestRefused, server: Server, model: str) -> CwmAgentError:
    """What a refusal means: LimitError where it was asked to read too much, else ModelUnavailable."""
    where = f"The model server at {server.url}"
    said = f": {refused.said.rstrip('.')}." if refused.said else "."
    if refused.status in (_UNAUTHORIZED, _FORBIDDEN):
        return ModelUnavailable(f"{where} lets nobody in without a key that it knows{said}", remedy=_KEY)
    if _TOO_LONG.search(refused.said):
        return LimitError(f"{where} takes no conversation as long as this{said}", remedy="Lower `chat.context`.")
    if _NO_TOOLS.search(refused.said):
        return ModelUnavailable(f"{where} has no tools for {model}{said}", remedy=_TOOLS)
    if refused.status == _NOT_FOUND:
        return ModelUnavailable(f"{where} knows no {model}, or no chat completions{said}", remedy=_NAME)
    return ModelUnavailable(refused.message, remedy="See whether `chat.model` is one that chats.")
