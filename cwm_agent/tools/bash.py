"""The tool `bash`: commands for the session's shell."""

from __future__ import annotations

from collections.abc import AsyncIterator

from cwm_agent.core.interrupt import closing
from cwm_agent.observations import Completed, Finished, Limits, OutputWritten, RunCommand, WorldEvent
from cwm_agent.protocols import Files, World
from cwm_agent.tools.call import sound


class Bash:
    """One command or many, on one line or many; whichever world it is given answers."""

    name = "bash"
    executes = True

    async def run(self, content: str, world: World, files: Files, limits: Limits) -> AsyncIterator[WorldEvent]:
        """Pass the commands on; an empty call is a bad one."""
        del files
        if not content.strip():
            yield OutputWritten("There is no command between the tool tags.\n")
            yield Finished(Completed(2))
            return
        if "\0" in content:
            yield OutputWritten("A command cannot hold a NUL character.\n")
            yield Finished(Completed(2))
            return
        async with closing(world.run(RunCommand(sound(content)), limits)) as events:
            async for event in events:
                yield event
