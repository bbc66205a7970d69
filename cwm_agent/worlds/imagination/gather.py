"""From a request to its scene: the context is gathered from the project's files, where they can be had."""

from __future__ import annotations

from collections.abc import Sequence

from cwm_agent.analysis.bare import blanked, superfluous
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


async def gather(request: TraceCall, files: Sources | None, budget: int, *, bare: bool = False) -> Scene:
    """The scene of a call; its context has at most `budget` tokens. UsageError where source or entry is wrong.

    `bare` leaves docstrings and comments out.
    """
    check(request)
    shown = _Shown(bare=bare)
    source = shown.text(request.path, request.source)
    if files is None and cost(source) <= budget:
        lines = source_lines(source)
        origins = [(request.path, number) for number in range(1, len(lines) + 1)]
        return make_scene(request, *shown.compact(source, origins))
    found = await _context(request, source, files, budget, shown)
    return make_scene(request, *shown.compact(found.text, found.origins), found.left_out)


class _Shown:
    """What of each file is shown: with `bare`, the lines that say nothing are emptied first, and taken out last."""

    def __init__(self, *, bare: bool) -> None:
        self._bare = bare
        self._emptied: set[tuple[str, int]] = set()

    def text(self, path: str, text: str) -> str:
        """The text of a file, in which every line has its number."""
        if not self._bare:
            return text
        numbers = superfluous(text)
        self._emptied |= {(path, number) for number in numbers}
        return blanked(text, numbers)

    def compact(self, text: str, origins: Sequence[tuple[str, int]]) -> tuple[str, Sequence[tuple[str, int]]]:
        """A context and its origins without the lines that were emptied."""
        if not self._emptied:
            return text, origins
        lines = source_lines(text)
        kept = [number for number, origin in enumerate(origins) if origin not in self._emptied]
        return "\n".join([*(lines[number] for number in kept), *lines[len(origins) :]]), [
            origins[each] for each in kept
        ]


async def _context(request: TraceCall, source: str, files: Sources | None, budget: int, shown: _Shown) -> Context:
    sources = {request.path: source}
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
                sources[path] = shown.text(path, text)
    return found


async def _read(files: Sources, path: str) -> str | None:
    """The text of a file, or None where there is none that Python could read."""
    try:
        entry = await files.read(path.encode(), _FILE_LIMIT)
        return entry.content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
