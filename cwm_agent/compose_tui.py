"""The full screen, wired: `cwm-agent`, `cwm-agent demo`, and a session that is taken up again."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cwm_agent.compose import House, run_headless
from cwm_agent.errors import NotARepository
from cwm_agent.resources import private_folder, state_folder
from cwm_agent.settings import Settings
from cwm_agent.text import printable_line
from cwm_agent.workspace.repository import Repository

if TYPE_CHECKING:
    from cwm_agent.tui.app import CwmApp
    from cwm_agent.tui.screens.welcome import Examine


def run_tui(settings: Settings, *, repo: Path, without_git: bool, prompt: str | None = None) -> int:
    """Open the full screen on a repository; the exit code."""
    try:
        repository = Repository.open(repo, create=without_git)
    except NotARepository as error:
        if not Path(repo).is_dir() or not _agrees(f"{error.message} Work on it with a private git directory?"):
            raise
        repository = Repository.open(repo, create=True)
    return open_tui(settings, repository, prompt)


def open_tui(settings: Settings, repository: Repository, prompt: str | None = None, resumed: Path | None = None) -> int:
    """The full screen on a repository, or on a recorded session of it, until the user leaves; the exit code."""
    from cwm_agent.core import sessions

    while True:
        app = asyncio.run(_tui(settings, repository, prompt, resumed))
        if app.wants_demo:
            return run_demo(settings, folder=None, headless=False, quiet=False)
        if app.next_session is None:
            return app.return_code or 0
        prompt, resumed = None, sessions.find(app.next_session)


def _agrees(question: str) -> bool:
    try:
        return input(f"{question} [Y/n] ").strip().lower() in {"", "y", "yes"}
    except EOFError:
        return False


async def _tui(settings: Settings, repository: Repository, prompt: str | None, resumed: Path | None) -> CwmApp:
    """The application, after the user left it."""
    from cwm_agent.compose_desk import consulting, file_names
    from cwm_agent.tui.app import CwmApp

    house = House(settings, repository, resumed)
    app = CwmApp(
        house.open,
        recorded=house.recorded,
        title=Path(repository.root).name,
        branch=repository.branch,
        theme=settings.theme,
        alert=settings.alert,
        prompt=prompt,
        consult=consulting(settings),
        files=file_names(repository),
        welcome=_welcome(settings) if prompt is None and resumed is None else None,
    )
    try:
        await app.run_async()
    finally:
        await house.aclose()
    return app


def _welcome(settings: Settings) -> Examine | None:
    """What the first session ever shows; None for every later one."""
    known = state_folder() / "welcomed"
    try:
        private_folder(known.parent)
        known.touch(exist_ok=False)
    except OSError:
        return None

    async def examine() -> Sequence[str]:
        from cwm_agent import doctor

        return await asyncio.to_thread(lambda: tuple(doctor.in_words(doctor.examine(settings))))

    return examine


def run_demo(settings: Settings, *, folder: Path | None, headless: bool, quiet: bool) -> int:
    """Make the sample repository and do the main job on it."""
    from cwm_agent.demo.sample import PROMPT, create_sample
    from cwm_agent.headless import Output

    made = create_sample(folder or Path(tempfile.mkdtemp(prefix="cwm-agent-demo-")) / "sample")
    print(f"The sample repository is in {printable_line(str(made))}", file=sys.stderr)
    if headless:
        return run_headless(settings, repo=made, task=PROMPT, without_git=False, output=Output(quiet=quiet))
    return run_tui(settings, repo=made, without_git=False, prompt=PROMPT)
