"""What a world model expects of a patch: it orders what is run first, and decides nothing."""

from __future__ import annotations

from collections.abc import Collection

from cwm_agent.core.interrupt import closing
from cwm_agent.core.subjects import runnable
from cwm_agent.observations import FrameReached, Limits
from cwm_agent.protocols import Sources, World
from cwm_agent.traces.compare import fate
from cwm_agent.traces.frames import FrameKind, Trace


async def expected(
    world: World, files: Sources, failing: Collection[str], limits: Limits, most: int
) -> tuple[int, int] | None:
    """How many of the first `most` failing tests are imagined to pass, and how many were imagined to an end.

    None where none was.
    """
    ends = [await _passes(world, files, test, limits) for test in sorted(failing)[:most]]
    known = [each for each in ends if each is not None]
    return (sum(known), len(known)) if known else None


async def _passes(world: World, files: Sources, test: str, limits: Limits) -> bool | None:
    found = await runnable(files, test)
    if found is None:
        return None
    async with closing(world.run(found.request, limits)) as events:
        frames = [event.frame async for event in events if isinstance(event, FrameReached)]
    end = fate(Trace(tuple(frames)))
    return None if end is None else end[0] is FrameKind.RETURN
