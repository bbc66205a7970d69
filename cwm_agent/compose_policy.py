"""Who decides: a model behind a server of chat completions, one that speaks CWM's chat, or the forager."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from cwm_agent.compose_servers import chat_model, connect, imagining, key_of, named
from cwm_agent.errors import UsageError
from cwm_agent.settings import Settings

if TYPE_CHECKING:
    from cwm_agent.containers.sandbox import Sandbox
    from cwm_agent.models.chat import ChatModel
    from cwm_agent.protocols import Policy, TraceModel

CONVERSATION = 16_384
"""Tokens of context from which a model is taken for one to talk to; smaller ones only write traces."""


class Mind(Struct, frozen=True):
    """The model that decides, of at most one kind; `own` is False where it is the world model, too."""

    chat: ChatModel | None = None
    cwm: TraceModel | None = None
    own: bool = True

    @property
    def converses(self) -> bool:
        """Whether a model decides, to which can be said what is imagined of its action."""
        return self.chat is not None or self.cwm is not None

    async def aclose(self) -> None:
        """Give it back, where nobody else has it."""
        model = self.chat or self.cwm
        if self.own and model is not None:
            await model.aclose()


def kind(settings: Settings) -> Literal["auto", "forager", "cwm", "chat"]:
    """The policy that is asked for; UsageError where it cannot be had, whatever the servers say."""
    wanted = settings.policy
    if wanted == "auto" and settings.chat.url:
        wanted = "chat"
    if wanted == "chat":
        if not settings.chat.url:
            raise UsageError("The policy chat needs a server.", remedy="Name it: --chat-url URL")
        key_of(settings.chat.key_env)
    if wanted == "cwm" and not settings.model_url and (settings.world.url or not settings.world.folder):
        raise UsageError("The policy cwm needs a model.", remedy="Name its server: --model-url URL")
    return wanted


async def mind(settings: Settings, world: TraceModel | None) -> Mind:
    """The model that decides, empty for the forager. `world` is the world model, which is not met twice."""
    wanted = kind(settings)
    if wanted == "forager":
        return Mind()
    if wanted == "chat":
        return Mind(chat=await chat_model(settings))
    found = await _cwm(settings, world)
    if found.cwm is not None and (wanted == "cwm" or _converses(found.cwm)):
        return found
    await found.aclose()
    return Mind()


async def _cwm(settings: Settings, world: TraceModel | None) -> Mind:
    """The model at `model_url`, else the one in a folder; the small one of the package only imagines."""
    place = named(settings)
    if place is None:
        in_folder = settings.world.folder is not None and imagining(settings) is None
        return Mind(cwm=world if in_folder else None, own=False)
    if place == imagining(settings):
        return Mind(cwm=world, own=False)
    return Mind(cwm=await connect(place, settings))


def policy_of(
    settings: Settings,
    sandbox: Sandbox,
    mind: Mind,
    world: TraceModel | None = None,
    guidance: Callable[[], str] = str,
) -> Policy:
    """The policy, made of that model; `world` is the world model, with which the forager may screen candidates.

    `guidance` gives what the repository says to agents, as far as it is trusted.
    """
    seconds = settings.sandbox.seconds
    if mind.chat is not None:
        from cwm_agent.policies.chat.policy import ChatPolicy

        return ChatPolicy(
            mind.chat,
            settings.limits,
            prompts=settings.prompts,
            guidance=guidance,
            command_seconds=seconds,
            files=sandbox.files,
        )
    if mind.cwm is not None:
        from cwm_agent.policies.cwm.policy import CwmPolicy

        return CwmPolicy(
            mind.cwm,
            settings.limits,
            prompts=settings.prompts,
            guidance=guidance,
            command_seconds=seconds,
            guess_tokens=settings.world.tokens,
            files=sandbox.files,
        )
    from cwm_agent.compose_world import screener
    from cwm_agent.policies.forager.policy import Forager

    return Forager(sandbox.bench, sandbox.files, settings.forager, screener(settings, world, sandbox.files))


def _converses(model: TraceModel) -> bool:
    """Whether a model has the separators of CWM's chat, and room for a conversation."""
    from cwm_agent.models.chat_format.messages import CHAT_SPECIALS

    return model.context_tokens >= CONVERSATION and all(each in model.vocabulary.ids for each in CHAT_SPECIALS)
