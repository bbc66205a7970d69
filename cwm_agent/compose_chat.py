"""Line mode, wired: `cwm-agent chat`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from cwm_agent.compose import House
from cwm_agent.compose_desk import consulting
from cwm_agent.errors import CwmAgentError
from cwm_agent.repl.chat import Chat
from cwm_agent.repl.chat_prompt import Plain, Prompt, at_terminal
from cwm_agent.resources import state_folder
from cwm_agent.settings import Settings
from cwm_agent.text import printable_name
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
        try:
            resumed = sessions.find(wanted) if wanted else sessions.latest(repository.root)
        except CwmAgentError as error:
            print(f"cwm-agent: {error}", file=sys.stderr)
            return error.exit_code
        task = None


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


def file_names(repository: Repository) -> Callable[[], Sequence[str]]:
    """The files of a repository as a user names them, listed when they are first asked for."""

    @cache
    def names() -> Sequence[str]:
        from cwm_agent.workspace.listing import list_files

        try:
            return sorted(printable_name(path) for path in list_files(repository).files)
        except (CwmAgentError, OSError):
            return ()

    return names
