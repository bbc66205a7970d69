"""From a request to its scene."""

from __future__ import annotations

from cwm_agent.observations import TraceCall
from cwm_agent.protocols import Files
from cwm_agent.traces.entry import source_lines
from cwm_agent.worlds.imagination.scene import Scene, check, make_scene


async def gather(request: TraceCall, files: Files | None, budget: int) -> Scene:  # noqa: ARG001
    """The scene of a call in the text of the request; UsageError where source or entry is wrong."""
    check(request)
    lines = len(source_lines(request.source))
    return make_scene(request, request.source, [(request.path, number) for number in range(1, lines + 1)])
