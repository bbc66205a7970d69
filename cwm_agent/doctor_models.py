"""The doctor's look at the models: the one that decides and the one that imagines, each with its state and remedy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cwm_agent.compose_policy import kind, mind
from cwm_agent.compose_servers import imagining
from cwm_agent.compose_world import trace_model, why_none
from cwm_agent.doctor import Finding
from cwm_agent.errors import CwmAgentError
from cwm_agent.settings import Settings
from cwm_agent.text import printable_line, public_address

if TYPE_CHECKING:
    from cwm_agent.compose_policy import Mind
    from cwm_agent.protocols import TraceModel

CWM = "facebook/cwm"
_LICENCE = "Its weights are under Meta's FAIR research licence: no commercial use."
_ASSUMED = "The server does not tell how long its context is, so this is assumed; set chat.context."


async def look(settings: Settings) -> list[Finding]:
    """Policy and world, met as a session meets them."""
    world: TraceModel | None = None
    trouble: CwmAgentError | None = None
    try:
        world = await trace_model(settings)
    except CwmAgentError as error:
        trouble = error
    try:
        return [await _policy(settings, world, trouble), await _world(settings, world, trouble)]
    finally:
        if world is not None:
            await world.aclose()


async def _policy(settings: Settings, world: TraceModel | None, trouble: CwmAgentError | None) -> Finding:
    try:
        if trouble is not None and kind(settings) in ("auto", "cwm"):
            return Finding("policy", "missing", "it would be decided by the model of the world, which cannot be had")
        decides = await mind(settings, world)
    except CwmAgentError as error:
        return _missing("policy", error)
    try:
        return _told(settings, decides)
    finally:
        await decides.aclose()


def _told(settings: Settings, decides: Mind) -> Finding:
    if decides.chat is not None:
        where = f"chat: {_named(decides.chat.name, decides.chat.context_tokens, settings.chat.url)}"
        return Finding("policy", "ok", where, _ASSUMED if decides.chat.assumed else "")
    if decides.cwm is not None:
        at = settings.model_url or settings.world.folder
        return Finding("policy", "ok", f"cwm: {_named(decides.cwm.name, decides.cwm.context_tokens, at)}")
    return Finding("policy", "ok", "forager: a search, which needs no language model")


async def _world(settings: Settings, world: TraceModel | None, trouble: CwmAgentError | None) -> Finding:
    if trouble is not None:
        return _missing("world", trouble)
    if world is None:
        return Finding("world", "warning", f"nothing is imagined: {why_none(settings)}", needed=False)
    try:
        await world.encode("x")  # a small one is loaded by the first text
    except CwmAgentError as error:
        return _missing("world", error)
    place = imagining(settings)
    detail = _named(world.name, world.context_tokens, place.url if place else settings.world.folder)
    return Finding("world", "ok", detail, _LICENCE if world.name == CWM else "")


def _named(name: str, tokens: int, at: str | Path | None) -> str:
    where = f"at {printable_line(public_address(str(at)))}" if at else "the small model that comes with this program"
    return f"{printable_line(name)}, {tokens:,} tokens, {where}"


def _missing(name: str, error: CwmAgentError) -> Finding:
    return Finding(name, "missing", printable_line(error.message), printable_line(error.remedy))
