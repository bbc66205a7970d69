"""What a session is made of, chosen and wired by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cwm_agent.core.drafts import Drafts
from cwm_agent.core.ledger import Ledger
from cwm_agent.core.places import BestOfParts
from cwm_agent.observations import Limits
from cwm_agent.protocols import Compacting, Dreamer, Files, Guesser, Policy, Recorder, Tool, Tracer, Workspace, World
from cwm_agent.settings import LimitSettings, WorldSettings

if TYPE_CHECKING:
    from cwm_agent.core.session import Session


@dataclass(frozen=True, kw_only=True)
class SessionParts:
    """One object for each seam. The session closes `policy`, both worlds and `recorder` when it ends.

    `imagined` is None without a world model, `world_model` is that model's name for the user; `imagines_commands` and
    `imagines_calls` say what it can be asked. `tracer` and `dreamer` are what only the one and only the other world can
    do. `recover_sandbox` puts a new container behind the same `real` and `files` after a ContainerDied, and says which
    work is not in it; empty where all of it is. `guesser` is the policy, where its model can imagine outputs; `revises`
    whether it thinks an action over that was only imagined; `drafts` is what the imagined world reads, which takes
    `dreams_at_once` requests at the same time; `compacting` is the policy, where it keeps a conversation. `prepare` is
    awaited once, when the session stands and before anything runs: it may ask. `trust` is awaited before it, in any
    mode: it may ask, and runs nothing. `doubts` is whether what the policy says is marked where nothing proves it.
    `best_of` opens places for rollouts; None where the policy would do the same in each of them.
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
    world_limits: WorldSettings = field(default_factory=WorldSettings)
    imagines_commands: bool = True
    imagines_calls: bool = False
    tracer: Tracer | None = None
    dreamer: Dreamer | None = None
    guesser: Guesser | None = None
    revises: bool = True
    dreams_at_once: int = 1
    drafts: Drafts | None = None
    ledger: Ledger | None = None
    recover_sandbox: Callable[[], Awaitable[str]] | None = None
    prepare: Callable[[Session], Awaitable[None]] | None = None
    doubts: bool = True
    trust: Callable[[Session], Awaitable[None]] | None = None
    compacting: Compacting | None = None
    best_of: BestOfParts | None = None
