"""Which world model imagines: one behind a server, one in a folder, or the small one that comes with the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cwm_agent.compose_servers import connect, imagining
from cwm_agent.errors import UsageError
from cwm_agent.resources import shipped_model
from cwm_agent.settings import Settings

if TYPE_CHECKING:
    from cwm_agent.protocols import Screener, Sources, TraceModel
    from cwm_agent.worlds.imagined import ImaginedWorld

_FRAME_TOKENS = 256
"""Tokens that a small model may write in one frame: one that repeats itself would go on to the end of its context."""

_BATCH = 4
"""Traces that a server is asked for at the same time."""


async def trace_model(settings: Settings) -> TraceModel | None:
    """The world model that the settings name, else the package's own; None where neither can be had."""
    if place := imagining(settings):
        return await connect(place, settings)
    if settings.world.folder is None and why_none(settings):
        return None
    if settings.world.method == "guided":
        raise UsageError("A model in this process cannot be guided by a grammar.", remedy="world.method = stepwise")
    if settings.world.folder is None:
        from cwm_agent.models.shipped import ShippedModel

        return ShippedModel()
    from cwm_agent.models.embedded import EmbeddedModel

    return await EmbeddedModel.load(settings.world.folder)


def why_none(settings: Settings) -> str:
    """Why the package's own model does not imagine where no other is named, and what helps; empty where it does."""
    from cwm_agent.models.shipped import missing

    if not settings.world.embedded:
        return "world.embedded is off, and no other model is named (--model-url URL)"
    if not (shipped_model() / "config.json").is_file():
        return "this installation has no small model, and no other is named (--model-url URL)"
    if packages := missing():
        return f"the small model takes {', '.join(packages)}: pip install 'cwm-agent[small]'"
    return ""


def at_once(settings: Settings) -> int:
    """How many traces are imagined at the same time: a server has a batch for them, a model in this process has not."""
    return _BATCH if imagining(settings) else 1


def imagined_world(settings: Settings, model: TraceModel, files: Sources, *, asked: bool = False) -> ImaginedWorld:
    """The imagined world as the settings want it; a model in this process is held to less.

    `asked`: the user wants to see what it says, however unsure it is; else what was measured never to be right ends.
    """
    from cwm_agent.models.trust import trust_in
    from cwm_agent.worlds.imagined import ImaginedWorld, Lead

    world = settings.world
    if imagining(settings):
        return ImaginedWorld(model, method=world.method, files=files, token_limit=world.tokens, tells_doubt=False)
    trust = trust_in(world.folder or shipped_model())
    return ImaginedWorld(
        model,
        method=world.method,
        files=files,
        token_limit=world.tokens,
        frame_tokens=_FRAME_TOKENS,
        lead=Lead(seconds=world.embedded_seconds, sure=0.0 if asked else trust.least),
        tells_doubt=trust.told,
    )


def screener(settings: Settings, model: TraceModel | None, files: Sources) -> Screener | None:
    """What orders the forager's candidates, where the settings give it time and the model is one in this process."""
    seconds = settings.forager.imagine_seconds
    if not seconds or model is None or imagining(settings):
        return None
    from cwm_agent.models.trust import trust_in
    from cwm_agent.worlds.screening import ImaginedScreener

    trust = trust_in(settings.world.folder or shipped_model())
    return ImaginedScreener(lambda edited: imagined_world(settings, model, edited), files, trust.right, seconds)
