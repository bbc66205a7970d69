"""The one place that chooses concrete classes and wires them together."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cwm_agent import __version__
from cwm_agent.errors import CwmAgentError
from cwm_agent.events import AgentEvent, Noticed
from cwm_agent.observations import Mode
from cwm_agent.settings import Settings
from cwm_agent.text import printable_name
from cwm_agent.workspace.repository import Repository

if TYPE_CHECKING:
    from cwm_agent.compose_policy import Mind
    from cwm_agent.containers.sandbox import Sandbox
    from cwm_agent.core.record import Record
    from cwm_agent.core.session import Session
    from cwm_agent.headless import Output
    from cwm_agent.protocols import TraceModel

Report = Callable[[AgentEvent], None]


class House:
    """Opens one session with all that it stands on, and closes both. `resumed` is the folder of a recorded session.

    `asks` is False where nobody is there to answer questions.
    """

    def __init__(
        self, settings: Settings, repository: Repository, resumed: Path | None = None, *, asks: bool = True
    ) -> None:
        self._settings = settings
        self._repository = repository
        self._resumed = resumed
        self._asks = asks
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._opened: Record | None = None

    async def recorded(self) -> Sequence[AgentEvent]:
        """What the resumed session has said so far, before anything else of it is there."""
        return (await asyncio.to_thread(self._record)).recorded.events if self._resumed else ()

    async def open(self, report: Report) -> Session:
        """Connect, build, snapshot and start; `report` hears of it. The session is not started yet."""
        from cwm_agent.compose_policy import kind, mind
        from cwm_agent.compose_world import trace_model, why_none
        from cwm_agent.containers.engine import Engine
        from cwm_agent.containers.image import ensure_image
        from cwm_agent.containers.orphans import remove_orphans
        from cwm_agent.containers.sandbox import Sandbox

        kind(self._settings)  # what cannot be had is said before anything is built
        engine = await Engine.connect()
        self._closers.append(engine.close)
        world = await trace_model(self._settings)
        if world is not None:
            self._closers.append(world.aclose)
        elif self._settings.world.embedded and self._settings.mode is not Mode.REAL:
            report(Noticed("info", f"Nothing is imagined: {why_none(self._settings)}."))
        decides = await mind(self._settings, world)
        self._closers.append(decides.aclose)
        orphans = await remove_orphans(engine)
        if orphans:
            report(Noticed("info", f"Removed {orphans} containers and volumes of sessions that were killed."))
        image = await ensure_image(engine, self._settings.sandbox, report)
        record = self._record()
        identity = record.folder.name
        sandbox = await Sandbox.open(engine, image, self._repository, self._settings.sandbox, session=identity)
        self._closers.append(sandbox.aclose)
        for note in sandbox.snapshot.notes:
            report(Noticed("info", note))
        return self._session(record, sandbox, world, decides)

    def _record(self) -> Record:
        from cwm_agent.core import sessions
        from cwm_agent.core.record import Record

        if self._opened is None:
            self._opened = Record(self._resumed or sessions.sessions_folder() / sessions.new_identity())
            self._closers.append(_later(self._opened.close))
        return self._opened

    def _session(self, record: Record, sandbox: Sandbox, world: TraceModel | None, decides: Mind) -> Session:
        from cwm_agent.compose_best_of import best_of_parts
        from cwm_agent.compose_guidance import Trust
        from cwm_agent.compose_policy import policy_of
        from cwm_agent.compose_world import at_once, imagined_world
        from cwm_agent.core.drafts import Drafts
        from cwm_agent.core.ledger import Ledger
        from cwm_agent.core.parts import SessionParts
        from cwm_agent.core.session import Session
        from cwm_agent.preparation import prepare
        from cwm_agent.protocols import Compacting, Guesser
        from cwm_agent.tools import all_tools
        from cwm_agent.workspace.local import LocalWorkspace
        from cwm_agent.worlds.real import RealWorld

        settings = self._settings
        drafts = Drafts(sandbox.files)
        imagined = imagined_world(settings, world, drafts) if world else None
        trust = Trust.of(sandbox, self._repository.root, settings.guidance, asks=self._asks)
        deciding = partial(policy_of, settings, mind=decides, world=world, guidance=trust.text)
        policy = deciding(sandbox)
        parts = SessionParts(
            identity=record.folder.name,
            repository=self._repository.root,
            policy=policy,
            real=RealWorld(sandbox.shell, sandbox.tracer.call),
            imagined=imagined,
            dreamer=imagined,
            guesser=policy if isinstance(policy, Guesser) else None,
            compacting=policy if isinstance(policy, Compacting) else None,
            revises=decides.converses,
            drafts=drafts,
            dreams_at_once=at_once(settings),
            tracer=sandbox.tracer,
            imagines_commands=False,
            imagines_calls=imagined is not None,
            world_model=world.name if world else None,
            world_limits=settings.world,
            ledger=Ledger(),
            files=sandbox.files,
            tools=all_tools(),
            workspace=LocalWorkspace(Path(self._repository.root), self._repository.branch),
            recorder=record,
            action_limits=settings.sandbox.limits(),
            loop_limits=settings.limits,
            version=__version__,
            recover_sandbox=sandbox.recover,
            best_of=best_of_parts(settings, sandbox, record.folder, policy, deciding, world),
            prepare=partial(prepare, sandbox=sandbox, network=settings.sandbox.allow_setup_network),
            doubts=decides.converses,
            trust=trust.settle if decides.converses else None,
        )
        return Session(parts=parts, mode=settings.mode, recorded=record.recorded.events, lost=record.lost)

    async def aclose(self) -> None:
        """Close what was opened, the last first."""
        while self._closers:
            await self._closers.pop()()


def _later(close: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def closing() -> None:
        close()

    return closing


def run_headless(
    settings: Settings, *, repo: Path, task: str, without_git: bool, output: Output, best_of: int = 1
) -> int:
    """Work on one task without a screen, in so many rollouts; the exit code."""
    from cwm_agent.headless import report_failure

    try:
        repository = Repository.open(repo, create=without_git)
        return asyncio.run(_headless(House(settings, repository, asks=False), task, output, best_of))
    except CwmAgentError as error:
        return report_failure(error, output, sys.stdout)


async def _headless(house: House, task: str, output: Output, best_of: int) -> int:
    from cwm_agent.headless import Headless
    from cwm_agent.transcript import Transcript

    progress = Transcript(sys.stderr, quiet=output.quiet)
    try:
        session = await house.open(progress.write)
        return await Headless(session, output, sys.stdout).run(task, best_of)
    finally:
        await house.aclose()


def undo(repo: Path) -> int:
    """Take the last applied patch back; the exit code."""
    from cwm_agent.workspace.local import LocalWorkspace

    repository = Repository.open(repo, create=True)
    receipt = asyncio.run(LocalWorkspace(Path(repository.root), repository.branch).undo())
    print(f"Undone: {', '.join(printable_name(path) for path in receipt.paths)}")
    return 0
