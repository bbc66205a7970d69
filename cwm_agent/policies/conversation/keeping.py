"""What the model is not shown, and can have: whole outputs as files in the sandbox, and the diff as it is now."""

from __future__ import annotations

from cwm_agent.errors import ContainerDied, SandboxError
from cwm_agent.protocols import Files
from cwm_agent.tools.call import sound
from cwm_agent.workspace.changes import REGULAR, Entry
from cwm_agent.workspace.diff import pair_renames, unified


def address(action: int) -> str:
    """The file in the sandbox that has the whole output of an action: outside of the repository, so in no diff."""
    return f"/tmp/cwm-agent-output-{action}.txt"


class Keeping:
    """The way to the sandbox of a policy that talks; without `files` there is none, and nothing can be kept."""

    def __init__(self, files: Files | None = None) -> None:
        self._files = files
        self._kept: dict[int, str] = {}

    async def keep(self, action: int, output: str) -> str:
        """Write the whole output of an action, and return its address; empty where the sandbox does not take it."""
        if self._kept.get(action) == output:
            return address(action)
        if not await self._write(action, output):
            return ""
        self._kept[action] = output
        return address(action)

    async def renew(self) -> None:
        """Let all that was kept be there in a new container, too."""
        if self._kept and not await self._is_there(next(reversed(self._kept))):
            for action, output in self._kept.items():
                await self._write(action, output)

    async def diff(self) -> str:
        """What the sandbox's files have and the user's have not, as git writes it; empty where it cannot be had."""
        if self._files is None:
            return ""
        try:
            return unified(pair_renames(await self._files.changes())).decode("utf-8", "replace")
        except ContainerDied:
            raise
        except (SandboxError, OSError):
            return ""

    async def _is_there(self, action: int) -> bool:
        if self._files is None:
            return False
        try:
            await self._files.read(address(action).encode(), 1)
        except FileNotFoundError:
            return False
        except OSError:
            pass  # it is there, and larger than a byte
        return True

    async def _write(self, action: int, output: str) -> bool:
        if self._files is None:
            return False
        try:
            await self._files.write(address(action).encode(), Entry(REGULAR, sound(output).encode()))
        except OSError:
            return False
        return True
