"""What best of N is made of: places for rollouts and for judging, chosen and wired by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from cwm_agent.protocols import Bench, Files, Policy, Recorder, World
from cwm_agent.settings import BestOfSettings


@dataclass(frozen=True, kw_only=True)
class Court:
    """A container of its own on the session's snapshot, as it was taken, in which patches are judged."""

    files: Files
    bench: Bench


@dataclass(frozen=True, kw_only=True)
class Place:
    """What one rollout has of its own: a policy, a container on the session's snapshot, a record.

    `imagined` imagines its files, where there is a model for that.
    """

    policy: Policy
    real: World
    files: Files
    recorder: Recorder
    imagined: World | None = None


@dataclass(frozen=True, kw_only=True)
class Room:
    """How many containers may work at the same time here, and in words what they share."""

    at_once: int
    words: str


@dataclass(frozen=True, kw_only=True)
class BestOfParts:
    """Opens places. Leaving a place's context gives back all that it holds, however it is left.

    `place` takes the name under which the rollout is recorded, `first` gives the lowest number from which on no rollout
    of the session has one. `reproduction` puts a request and a path into words: what a model is told that shall write
    a test there. `root` is where the snapshot stands in a container.
    """

    place: Callable[[str], AbstractAsyncContextManager[Place]]
    court: Callable[[], AbstractAsyncContextManager[Court]]
    first: Callable[[], int]
    room: Callable[[], Coroutine[Any, Any, Room]]
    reproduction: Callable[[str, str], str]
    settings: BestOfSettings
    root: str = "/workspace"
