"""One session's sandbox: a container on a snapshot, with the shell, the files and the bench that live in it.

When the container dies, another takes its place on the same snapshot; the objects stay the same, so that nobody who
holds them has to know.
"""

from __future__ import annotations

import stat
from collections.abc import Callable

from msgspec import Struct

from cwm_agent.containers.bench import ContainerBench
from cwm_agent.containers.container import Container, start_container
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.files import ContainerFiles
from cwm_agent.containers.image import Image, command_user
from cwm_agent.containers.project_setup import SetUp, detect, install, installed
from cwm_agent.containers.shell import Shell
from cwm_agent.containers.snapshot import Snapshot, take
from cwm_agent.containers.tracer import ContainerTracer
from cwm_agent.settings import SandboxSettings
from cwm_agent.workspace.repository import Repository

_SMALL = 1024 * 1024


class Machine(Struct, frozen=True):
    """The processors and the bytes of memory of the machine on which an engine runs its containers."""

    processors: int
    memory: int


class Sandbox:
    """What `open` started, until `aclose`."""

    def __init__(
        self, engine: Engine, image: Image, snapshot: Snapshot, container: Container, settings: SandboxSettings
    ) -> None:
        self._engine = engine
        self._image = image
        self._container = container
        self._settings = settings
        self._environment: str | None = None
        self.snapshot = snapshot
        self.shell = Shell(container)
        self.files = ContainerFiles.of(container, snapshot)
        self.bench = ContainerBench(container)
        self.tracer = ContainerTracer(container)

    @classmethod
    async def open(
        cls, engine: Engine, image: Image, repository: Repository, settings: SandboxSettings, *, session: str
    ) -> Sandbox:
        """Take a snapshot of the repository and start a container on it."""
        snapshot = await take(engine, repository, session=session, uid=command_user(), image=image)
        try:
            container = await start_container(engine, image, session=session, mounts=snapshot.mounts, settings=settings)
        except BaseException:
            await snapshot.release()
            raise
        return cls(engine, image, snapshot, container, settings)

    async def another(self) -> Sandbox:
        """A new sandbox on the state of the repository that this one was opened on, with what was installed for it."""
        session = self._container.session
        snapshot = await self.snapshot.again(session, command_user())
        try:
            container = await start_container(
                self._engine,
                self._image,
                session=session,
                mounts=snapshot.mounts,
                settings=self._settings,
                env_volume=self._environment,
            )
        except BaseException:
            await snapshot.release()
            raise
        fresh = Sandbox(self._engine, self._image, snapshot, container, self._settings)
        fresh._environment = self._environment
        return fresh

    async def machine(self) -> Machine:
        """What the containers of this engine share."""
        info = await self._engine.call("look at the engine's machine", self._engine.client.info)
        return Machine(int(info.get("NCPU") or 1), int(info.get("MemTotal") or 0))

    async def recover(self) -> str:
        """Put another container in the place of one that died; what was written is still there, so nothing is lost."""
        if not await self._container.alive():
            await self._replace()
        return ""

    def needs(self) -> SetUp | None:
        """What the project says that it needs, from the files of its root and of `requirements/`."""
        base = self.snapshot.base
        names = [path for path in base.stamps if path.count(b"/") == 0 or path.startswith(b"requirements/")]
        regular = [path for path in names if stat.S_ISREG(base.stamps[path][4]) and base.stamps[path][0] < _SMALL]
        return detect({path.decode("utf-8", "replace"): base.read(path).content for path in regular})

    async def is_set_up(self, what: SetUp) -> bool:
        """Whether the same was installed before, so that nothing has to be fetched."""
        return await installed(self._engine, self._image, what, self._settings)

    async def set_up(self, what: SetUp, on_output: Callable[[str], None]) -> None:
        """Install what the project needs, with network for this step alone, and go on with it at hand."""
        self._environment = await install(
            self._engine, self._image, self.snapshot.mounts, what, self._settings, on_output
        )
        await self._replace()

    async def _replace(self) -> None:
        await self._hang_up()
        await self._container.remove()
        fresh = await start_container(
            self._engine,
            self._image,
            session=self._container.session,
            mounts=self.snapshot.mounts,
            settings=self._settings,
            env_volume=self._environment,
        )
        self._container.id = fresh.id

    async def _hang_up(self) -> None:
        for service in (self.bench, self.shell, self.files):
            await service.aclose()

    async def aclose(self) -> None:
        """End the container and remove the session's writes."""
        try:
            await self._hang_up()
        finally:
            try:
                await self._container.remove()
            finally:
                await self.snapshot.release()
