"""The part of `compose` behind best of N: sandboxes for rollouts and for judging, beside the session's own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cwm_agent.compose_world import imagined_world
from cwm_agent.containers.spec import WORKSPACE
from cwm_agent.core.places import BestOfParts, Court, Place, Room
from cwm_agent.core.record import Record
from cwm_agent.core.sessions import rollouts_folder
from cwm_agent.policies.conversation.prompts import Prompts
from cwm_agent.protocols import Policy, TraceModel
from cwm_agent.settings import Settings
from cwm_agent.worlds.real import RealWorld

if TYPE_CHECKING:
    from cwm_agent.containers.sandbox import Sandbox

_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_SPARE = 0.75
"""The part of the machine's memory that containers may have, if each of them came to its limit."""
_DETERMINISTIC = "forager"
_PER_PROCESSOR = 4
"""Rollouts mostly wait for the model, so that several share a processor."""


def best_of_parts(
    settings: Settings,
    sandbox: Sandbox,
    folder: Path,
    policy: Policy,
    another: Callable[[Sandbox], Policy],
    world: TraceModel | None,
) -> BestOfParts | None:
    """Places beside `sandbox`; rollouts are recorded below `folder`, and `another` makes the policy of each.
    What `world` imagines of a patch orders which is judged first.

    None for the forager, which would do the same in each of them.
    """
    if policy.name == _DETERMINISTIC:
        return None
    home = rollouts_folder(folder)

    @asynccontextmanager
    async def court() -> AsyncIterator[Court]:
        async with _sandbox(sandbox) as own:
            yield Court(files=own.files, bench=own.bench)

    @asynccontextmanager
    async def place(name: str) -> AsyncIterator[Place]:
        async with _sandbox(sandbox) as own, AsyncExitStack() as stack:
            record = Record(home / name)
            stack.callback(record.close)
            decides = another(own)
            stack.push_async_callback(decides.aclose)
            real = RealWorld(own.shell, own.tracer.call)
            imagined = imagined_world(settings, world, own.files) if world else None
            yield Place(policy=decides, real=real, files=own.files, recorder=record, imagined=imagined)

    async def room() -> Room:
        return await _room(settings, sandbox)

    prompts = Prompts(settings.prompts)
    return BestOfParts(
        place=place,
        court=court,
        first=lambda: max(_numbers(home), default=0) + 1,
        room=room,
        reproduction=lambda task, path: prompts.render("reproduction", task=task, path=path),
        settings=settings.best_of,
        root=WORKSPACE,
    )


@asynccontextmanager
async def _sandbox(sandbox: Sandbox) -> AsyncIterator[Sandbox]:
    """A sandbox that is gone afterwards, also where nobody waits for it any more when it stands."""
    opening = asyncio.ensure_future(sandbox.another())
    try:
        own = await asyncio.shield(opening)
    except asyncio.CancelledError:
        await asyncio.wait({opening})
        if not opening.cancelled() and opening.exception() is None:
            await opening.result().aclose()
        raise
    try:
        yield own
    finally:
        await _to_the_end(own)


async def _to_the_end(sandbox: Sandbox) -> None:
    """Close it, whatever else is cancelled meanwhile."""
    closing = asyncio.ensure_future(sandbox.aclose())
    try:
        await asyncio.shield(closing)
    except asyncio.CancelledError:
        await asyncio.wait({closing})
        raise


async def _room(settings: Settings, sandbox: Sandbox) -> Room:
    machine = await sandbox.machine()
    box = settings.sandbox
    fitting = min(int(machine.memory * _SPARE) // _bytes(box.memory) - 1, _PER_PROCESSOR * machine.processors)
    at_once = settings.best_of.at_once or max(1, fitting)
    each = f"Each has a container of its own, with up to {box.memory} of memory and {box.cpus:g} processors"
    shared = f"{machine.processors} processors and {machine.memory / 1024**3:.0f} GiB"
    words = f"{each}; together they share the {shared} of the engine's machine."
    return Room(at_once=at_once, words=words)


def _bytes(limit: str) -> int:
    unit = limit[-1].lower() if limit[-1].isalpha() else ""
    return max(1, int(limit[: len(limit) - len(unit)]) * _UNITS[unit])


def _numbers(home: Path) -> list[int]:
    """The numbers that rollouts of the session have."""
    if not home.is_dir():
        return []
    return [int(found.name) for found in home.iterdir() if re.fullmatch(r"\d+", found.name)]
