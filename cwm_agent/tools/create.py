"""The tool `create`: writes a file that does not exist yet."""

from __future__ import annotations

import posixpath
from collections.abc import AsyncIterator

from cwm_agent.observations import Limits, WorldEvent
from cwm_agent.protocols import Files, World
from cwm_agent.tools.call import BadCall, done, path_of, refused, sound, write
from cwm_agent.workspace.changes import REGULAR, Entry


class Create:
    """Path on the first line, content on the others."""

    name = "create"
    executes = False

    async def run(self, content: str, world: World, files: Files, limits: Limits) -> AsyncIterator[WorldEvent]:
        """Write the file; its folder must be there."""
        del world, limits
        try:
            answer = await _create(sound(content), files)
        except BadCall as error:
            for event in refused(error):
                yield event
            return
        for event in done(answer):
            yield event


async def _create(content: str, files: Files) -> str:
    name, _, text = content.lstrip("\n").partition("\n")
    name = name.strip()
    path = path_of(name)
    try:
        if await _exists(files, path):
            raise BadCall(f"{name} exists already. Use edit to change it.")
        folder = posixpath.dirname(path)
        if folder not in (b"", b"/") and not await files.is_directory(folder):
            shown = posixpath.dirname(name) or "."
            raise BadCall(f"The directory {shown} does not exist. Make it with bash: mkdir -p {shown}")
    except OSError as error:
        raise BadCall(f"{name} cannot be created: {error.strerror or error}.") from error
    if text and not text.endswith("\n"):
        text += "\n"
    await write(files, path, Entry(REGULAR, text.encode("utf-8", "replace")), name)
    lines = text.count("\n")
    return f"{name} was created with {lines} line{'' if lines == 1 else 's'}.\n"


async def _exists(files: Files, path: bytes) -> bool:
    if await files.is_directory(path):
        return True
    try:
        await files.read(path, 0)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True
