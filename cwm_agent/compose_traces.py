"""The other half of `compose`: the commands `trace`, `debug` and `ledger`."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from cwm_agent.compose_world import imagined_world, trace_model, why_none
from cwm_agent.errors import ModelUnavailable, NotARepository, UsageError
from cwm_agent.events import AgentEvent
from cwm_agent.observations import Limits, Mode, Origin, TraceCall
from cwm_agent.settings import Settings
from cwm_agent.workspace.repository import Repository

if TYPE_CHECKING:
    from cwm_agent.containers.sandbox import Sandbox
    from cwm_agent.core.subjects import Subject
    from cwm_agent.headless_trace import Format
    from cwm_agent.protocols import Sources, TraceModel, World
    from cwm_agent.worlds.imagined import ImaginedWorld
    from cwm_agent.worlds.verified import Verified


class Case(Struct, frozen=True):
    """A file to be traced: its text, its path in its repository, and that repository."""

    source: str
    path: str
    repository: Repository

    def request(self, entry: str) -> TraceCall:
        """A call, evaluated in the file."""
        return TraceCall(self.source, entry, self.path)


def case(file: Path) -> Case:
    """The file as it is now; UsageError where there is none that could be Python. Loose files are copied aside."""
    from cwm_agent.workspace.loose import copy_of

    if not file.is_file():
        raise UsageError(f"There is no file {file}.", remedy="Name a Python file.")
    try:
        source = file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read as UTF-8 text: {error}.") from error
    try:
        repository = Repository.open(file.resolve().parent)
        where = file.resolve()
    except NotARepository:
        where = copy_of(file)
        repository = Repository(root=str(where.parent))
    return Case(source, where.relative_to(repository.root).as_posix(), repository)


def limits(settings: Settings) -> Limits:
    """The limits of one trace."""
    return Limits(seconds=settings.world.seconds, frames=settings.world.frames)


class Wish(Struct, frozen=True):
    """What shall be traced: a call, or a test of the file, or else the file as a script with arguments."""

    call: str = ""
    test: str = ""
    arguments: tuple[str, ...] = ()

    def named(self, path: str) -> str:
        """What the user calls it."""
        return self.call or (f"{path}::{self.test}" if self.test else " ".join((path, *self.arguments)))


def trace(settings: Settings, *, file: Path, wish: Wish, format_: Format, output: Path | None) -> int:
    """Trace in the worlds of the mode and show it; the exit code."""
    from cwm_agent.headless_trace import nothing_traced, report
    from cwm_agent.views.view import TraceView

    found = case(file)
    done = asyncio.run(_traced(settings, found, wish))
    answers = {Origin.IMAGINED: done.imagined, Origin.REAL: done.real}
    written = done.real.output if done.real else ""
    view = TraceView(
        subject=wish.named(found.path),
        path=found.path,
        source=found.source,
        imagined=done.imagined.trace if done.imagined else None,
        real=done.real.trace if done.real else None,
        outcomes={origin: answer.outcome for origin, answer in answers.items() if answer},
        comparison=done.comparison,
    )
    problem = nothing_traced(view, written)
    if problem is not None:
        raise problem
    for notice in (notice for answer in answers.values() if answer for notice in answer.notices):
        print(f"note: {notice}", file=sys.stderr)
    return report(view, format_=format_, output=output, written=written)


async def _traced(settings: Settings, found: Case, wish: Wish) -> Verified:
    from cwm_agent.worlds.verified import verify

    mode = settings.mode
    bounds = limits(settings)
    test = _test(found, wish.test) if wish.test else None
    if not wish.call and test is None and mode is not Mode.REAL:
        mode = _real_alone(mode, "a script")
    async with worlds(settings, found, mode) as opened:
        imagined = real = None
        request = test.request(found.source) if test else found.request(wish.call)
        if opened.imagined is not None:
            imagined = opened.imagined.run(request, bounds)
        if opened.sandbox is not None and opened.real is not None:
            if wish.call:
                real = opened.real.run(request, bounds)
            elif test is not None:
                real = opened.sandbox.tracer.test(test.identity, bounds)
            else:
                real = opened.sandbox.tracer.script(found.path, wish.arguments, bounds)
        return await verify(imagined, real)


def _test(found: Case, name: str) -> Subject:
    """The test of the file with this name, which may have its class in front."""
    from cwm_agent.core.subjects import subject

    test = subject(f"{found.path}::{name}")
    if test is None:
        raise UsageError(f"Not the name of a test: {name}", remedy="Write it as in pytest: test_x or TestX::test_x.")
    return test


def _real_alone(mode: Mode, what: str) -> Mode:
    if mode is Mode.IMAGINED:
        raise UsageError(f"Only calls and tests can be imagined, not {what}.", remedy="Add --call 'f(1, 2)'.")
    return Mode.REAL


def debug(settings: Settings, *, file: Path, entry: str) -> int:
    """Step through a call at a prompt; the exit code."""
    return asyncio.run(_debugged(settings, case(file), entry))


async def _debugged(settings: Settings, found: Case, entry: str) -> int:
    from cwm_agent.core.debugger.engine import Debugger
    from cwm_agent.core.debugger.engine import Worlds as Speakers
    from cwm_agent.repl.debugger import run
    from cwm_agent.resources import state_folder

    async with worlds(settings, found, settings.mode, what_if=True) as opened:
        mode = settings.mode if opened.imagined else Mode.REAL
        speakers = Speakers(real=opened.real, imagined=opened.imagined)
        debugger = Debugger(found.source, found.path, entry, speakers, mode=mode, limits=limits(settings))
        return await run(debugger, history_file=state_folder() / "debug-history")


def ledger(format_: str) -> int:
    """Print how often predictions came true; the exit code."""
    from cwm_agent.core.ledger import Ledger, table

    entries = Ledger().read()
    print(msgspec.json.encode(entries).decode() if format_ == "json" else table(entries))
    return 0


class Worlds(Struct, frozen=True):
    """The worlds of a mode; `sandbox` stands where the real one does."""

    real: World | None
    imagined: ImaginedWorld | None
    sandbox: Sandbox | None


@asynccontextmanager
async def worlds(settings: Settings, case: Case, mode: Mode, *, what_if: bool = False) -> AsyncIterator[Worlds]:
    """Open what the mode asks for. Without a model, `verify` is real alone and `imagined` is ModelUnavailable.

    With `what_if`, real mode has the model too, where one is named: to go on from states that nobody reached.
    """
    async with AsyncExitStack() as stack:
        model = await _model(settings, mode, what_if=what_if)
        if model is not None:
            stack.push_async_callback(model.aclose)
        elif mode is Mode.IMAGINED:
            raise ModelUnavailable(f"There is no world model to imagine with: {why_none(settings)}.")
        elif mode is Mode.VERIFY:
            print(f"Nothing is imagined: {why_none(settings)}.", file=sys.stderr)
        sandbox = None if mode is Mode.IMAGINED else await _sandbox(settings, case.repository, stack)
        yield Worlds(
            real=_real(sandbox) if sandbox else None,
            imagined=imagined_world(settings, model, _files(sandbox, case), asked=True) if model else None,
            sandbox=sandbox,
        )


async def _model(settings: Settings, mode: Mode, *, what_if: bool) -> TraceModel | None:
    if mode is not Mode.REAL:
        return await trace_model(settings)
    with suppress(ModelUnavailable):  # what really runs can be looked at without it
        return await trace_model(settings) if what_if else None
    return None


def _real(sandbox: Sandbox) -> World:
    from cwm_agent.worlds.real import RealWorld

    return RealWorld(sandbox.shell, sandbox.tracer.call)


def _files(sandbox: Sandbox | None, case: Case) -> Sources:
    from cwm_agent.workspace.on_disk import Folder

    return sandbox.files if sandbox else Folder(Path(case.repository.root))


async def _sandbox(settings: Settings, repository: Repository, stack: AsyncExitStack) -> Sandbox:
    from cwm_agent.containers.engine import Engine
    from cwm_agent.containers.image import ensure_image
    from cwm_agent.containers.orphans import remove_orphans
    from cwm_agent.containers.sandbox import Sandbox
    from cwm_agent.transcript import Transcript

    progress = Transcript(sys.stderr)

    def report(event: AgentEvent) -> None:
        progress.write(event)

    engine = await Engine.connect()
    stack.push_async_callback(engine.close)
    await remove_orphans(engine)
    image = await ensure_image(engine, settings.sandbox, report)
    name = f"trace-{secrets.token_hex(4)}"
    sandbox = await Sandbox.open(engine, image, repository, settings.sandbox, session=name)
    stack.push_async_callback(sandbox.aclose)
    return sandbox
