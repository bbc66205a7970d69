"""The Agent Client Protocol, wired: `cwm-agent acp`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import cast

from acp import Agent, run_agent

from cwm_agent.compose import House
from cwm_agent.compose_desk import consulting
from cwm_agent.core import sessions
from cwm_agent.editors.agent import EditorAgent
from cwm_agent.editors.live import Opened
from cwm_agent.events import AgentEvent
from cwm_agent.settings import Settings
from cwm_agent.workspace.repository import Repository


def serve(settings: Settings, *, without_git: bool) -> int:
    """Serve one editor on standard input and output until it leaves; the exit code."""
    asyncio.run(_serve(settings, without_git=without_git))
    return 0


async def _serve(settings: Settings, *, without_git: bool) -> None:
    async def open_session(folder: Path, recorded: str | None, report: Callable[[AgentEvent], None]) -> Opened:
        repository = Repository.open(folder, create=without_git)
        house = House(settings, repository, sessions.find(recorded) if recorded else None)
        try:
            return Opened(await house.open(report), house.aclose)
        except BaseException:
            await house.aclose()
            raise

    agent = EditorAgent(open_session, consulting(settings))
    try:
        await run_agent(cast("Agent", agent))  # what it does not offer, the library answers
    finally:
        await agent.aclose()
