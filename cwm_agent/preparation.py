"""Before a session works: where the project's tests cannot be imported, offer to install what the project needs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cwm_agent.errors import CwmAgentError
from cwm_agent.observations import Completed, Finished, Limits

if TYPE_CHECKING:
    from cwm_agent.containers.sandbox import Sandbox
    from cwm_agent.core.session import Session

_COLLECT = "python3 -m pytest --collect-only -qq > /dev/null 2>&1"
_SECONDS = 60.0
_COLLECTED = frozenset({0, 5})
"""pytest's exit codes where every test module imports, and where there is none."""
_REMEDY = "Allow it with sandbox.allow_setup_network = true, or name an image of yours that has it all."


async def prepare(session: Session, sandbox: Sandbox, *, network: bool | None) -> None:
    """Install once and for all sessions, with the user's leave for the network; `network` None asks."""
    try:
        what = await asyncio.to_thread(sandbox.needs)
        if what is None or await _collects(sandbox):
            return
        shown = "\n".join((*what.commands, *((what.note,) if what.note else ())))
        if not await sandbox.is_set_up(what):
            question = (
                "Some test modules cannot be imported. Install what the project needs, with network for this only?"
            )
            allowed = await session.ask(question, shown) if network is None else network
            if not allowed:
                session.notice("warning", "What the project needs is not installed in the sandbox.", _REMEDY)
                return
            session.notice("info", f"Installing into the sandbox, which may take minutes: {'; '.join(what.commands)}")
        said: list[str] = []
        await sandbox.set_up(what, said.append)
        session.notice("info", "The sandbox has what the project needs; other sessions will find it there.")
    except CwmAgentError as error:
        session.notice("warning", error.message, error.remedy or _REMEDY)


async def _collects(sandbox: Sandbox) -> bool:
    async for event in sandbox.shell.run(_COLLECT, Limits(seconds=_SECONDS)):
        if isinstance(event, Finished):
            return isinstance(event.outcome, Completed) and event.outcome.exit_code in _COLLECTED
    return True
