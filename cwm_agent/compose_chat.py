"""Line mode, wired: `cwm-agent chat`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from cwm_agent.compose import House
from cwm_agent.compose_desk import consulting, file_names
from cwm_agent.repl.chat import Chat
from cwm_agent.repl.chat_prompt import Plain, Prompt, at_terminal
from cwm_agent.resources import state_folder
from cwm_agent.settings import Settings
from cwm_agent.transcript import Transcript
from cwm_agent.workspace.repository import Repository


def chat(settings: Settings, *, repo: Path, task: str | None, without_git: bool, plain: bool) -> int:
    """Converse at a prompt until the user leaves; the exit code."""
    from cwm_agent.core import sessions

    repository = Repository.open(repo, create=without_git)
    resumed: Path | None = None
    while True:
        code, wanted = asyncio.run(_chat(settings, repository, task, resumed, plain=plain))
        if wanted is None:
            return code
        task, resumed = None, sessions.find(wanted)


async def _chat(
    settings: Settings, repository: Repository, task: str | None, resumed: Path | None, *, plain: bool
) -> tuple[int, str | None]:
    house = House(settings, repository, resumed)
    prompt: Prompt = Plain() if plain else at_terminal(file_names(repository), state_folder() / "chat-history")
    try:
        session = await house.open(Transcript(sys.stdout).write)
        chat = Chat(session, prompt, consulting(settings))
        return await chat.run(task), chat.next_session
    finally:
        await house.aclose()
