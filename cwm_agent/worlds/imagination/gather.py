"""From a request to its scene: the context is gathered from the project's files, where they can be had."""

from __future__ import annotations

from cwm_agent.analysis.context import Context, context
from cwm_agent.observations import TraceCall
from cwm_agent.protocols import Sources
from cwm_agent.traces.entry import source_lines
from cwm_agent.worlds.imagination.scene import Scene, check, make_scene

_BYTES_PER_TOKEN = 3
_FILE_LIMIT = 1024 * 1024
_ROUNDS = 8
"""How many times the files that a context asks for are read: each round follows imports one step further."""


def cost(text: str) -> int:
    """About how many tokens a text has, rather too many than too few."""
    return len(text.encode("utf-8", "surrogatepass")) // _BYTES_PER_TOKEN + 1


async def gather(request: TraceCall, files: Sources | None, budget: int) -> Scene:
    """The scene of a call; its context has at most `budget` tokens. UsageError where source or entry is wrong."""
    check(request)
    if files is None and cost(request.source) <= budget:
        lines = len(source_lines(request.source))
        return make_scene(request, request.source, [(request.path, number) for number in range(1, lines + 1)])
    found = await _context(request, files, budget)
    return make_scene(request, found.text, found.origins, found.left_out)


async def _context(request: TraceCall, files: Sources | None, budget: int) -> Context:
    sources = {request.path: request.source}
    tried = {request.path}
    for _ in range(_ROUNDS):
        found = context(request.entry, request.path, sources, cost=cost, budget=budget)
        wanted = [path for path in found.wanted if path not in tried]
        if files is None or not wanted:
            break
        tried.update(wanted)
        for path in wanted:
            text = await _read(files, path)
            if text is not None:
                sources[path] = text
    return found


async def _read(files: Sources, path: str) -> str | None:
    """The text of a file, or None where there is none that Python could read."""
    try:
        entry = await files.read(path.encode(), _FILE_LIMIT)
        return entry.content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
