"""What a session is made of, chosen and wired by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cwm_agent.observations import Limits
from cwm_agent.protocols import Files, Policy, Recorder, Tool, Workspace, World
from cwm_agent.settings import LimitSettings

if TYPE_CHECKING:
    from cwm_agent.core.session import Session


@dataclass(frozen=True, kw_only=True)
class SessionParts:
    """One object for each seam. The session closes `policy`, both worlds and `recorder` when it ends.

    `imagined` is None without a world model, `world_model` is that model's name for the user. `recover_sandbox`
    puts a new container behind the same `real` and `files` after a ContainerDied, and says which work is not in it;
    empty where all of it is. `prepare` is awaited once, when the session stands and before it works: it may ask.
    """

    identity: str
    repository: str
    policy: Policy
    real: World
    imagined: World | None
    files: Files
    tools: Sequence[Tool]
    workspace: Workspace
    recorder: Recorder
    action_limits: Limits
    loop_limits: LimitSettings
    version: str
    world_model: str | None = None
    recover_sandbox: Callable[[], Awaitable[str]] | None = None
    prepare: Callable[[Session], Awaitable[None]] | None = None
