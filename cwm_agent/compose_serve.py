"""The part of `compose` behind `cwm-agent serve`: looks at the machine, says what it chose, and keeps vLLM running."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from msgspec import Struct

from cwm_agent.errors import ModelUnavailable
from cwm_agent.models.serving import port as ports
from cwm_agent.models.serving.checkpoint import OFFICIAL, checkpoint
from cwm_agent.models.serving.choice import Choice, Machine, Obstacle, choose
from cwm_agent.models.serving.command import Command, command, ray_commands
from cwm_agent.models.serving.gpus import Gpu, detect
from cwm_agent.models.serving.interpreter import interpreter
from cwm_agent.models.serving.presets import named
from cwm_agent.models.serving.supervision import Patience, Stop, Supervisor
from cwm_agent.resources import private_folder, state_folder
from cwm_agent.settings import Settings
from cwm_agent.text import printable

DEFAULT_PORT = 8000
DEFAULT_HOST = "127.0.0.1"
_INTERRUPTED = 130
_NEARBY = ("127.0.0.1", "localhost", "::1")


class _Plan(Struct, frozen=True):
    """What would be run, why, and what keeps it from running here."""

    choice: Choice
    command: Command
    obstacles: tuple[Obstacle, ...]


def serve(
    settings: Settings,
    *,
    model: str | None = None,
    preset: str | None = None,
    port: int | None = None,
    host: str | None = None,
    dry_run: bool = False,
    python: str | None = None,
    quiet: bool = False,
) -> int:
    """Serve until stopped: 0 where the server had become ready, 130 where the start was interrupted.

    `dry_run` prints the command and the reason alone. Errors: UsageError, or ModelUnavailable for what is missing.
    """
    where, at = host or DEFAULT_HOST, port if port is not None else DEFAULT_PORT
    plan = _plan(settings, model, preset, python, where, at)
    if dry_run or not quiet:
        print("\n".join(_explained(plan, dry_run=dry_run)), flush=True)
    if dry_run:
        return 0
    for obstacle in plan.obstacles:
        raise ModelUnavailable(obstacle.message, remedy=obstacle.remedy)
    _check_port(where, at)
    return asyncio.run(_supervised(plan.command, where, at, quiet=quiet))


def _plan(settings: Settings, model: str | None, preset: str | None, python: str | None, host: str, at: int) -> _Plan:
    cards, broken = _cards(preset)
    machine = Machine(cards, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    wish = checkpoint(model)
    choice = choose(machine, wish, context=settings.limits.tokens, preset=preset)
    found = interpreter(python)
    line = command(choice, wish, machine, python=found.path, host=host, port=at)
    return _Plan(choice, line, broken or choice.obstacles + ((found.obstacle,) if found.obstacle else ()))


def _cards(preset: str | None) -> tuple[tuple[Gpu, ...], tuple[Obstacle, ...]]:
    """The cards, and what is wrong with the driver: a preset can be looked at without one, none can be chosen."""
    if preset is not None and named(preset).where == "cpu":
        return (), ()
    try:
        return detect(os.environ), ()
    except ModelUnavailable as error:
        if preset is None:
            raise
        return (), (Obstacle(error.message, error.remedy),)


def _explained(plan: _Plan, *, dry_run: bool) -> list[str]:
    lines = list(plan.choice.reason)
    if dry_run:
        for obstacle in plan.obstacles:
            lines += [f"! {obstacle.message}", *(f"  {line}" for line in obstacle.remedy.splitlines())]
        lines += ["", str(plan.command)]
    ray = ray_commands(plan.choice)
    if ray:
        lines += ["", "First the Ray cluster, with the same vLLM and the same model on each machine:", *ray]
    return [printable(line) for line in lines]


def _check_port(host: str, at: int) -> None:
    ports.check(host, at)
    if host not in _NEARBY and not os.environ.get("VLLM_API_KEY"):
        print(
            f"! Everyone who reaches {host} can use the model; VLLM_API_KEY in the environment sets a key.", flush=True
        )


async def _supervised(line: Command, host: str, at: int, *, quiet: bool, patience: Patience | None = None) -> int:
    log = _log(at)
    address = ports.address(host, at)
    stop = Stop()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if (
            number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
        ):  # nohup: it is to outlive the terminal
            loop.add_signal_handler(number, stop.ask)

    def say(text: str) -> None:
        if not quiet:
            print(printable(text), flush=True)

    say(f"starting vLLM on {address}; its log is {log}")
    invitation = f"cwm-agent --model-url {address} --model {OFFICIAL} (^C here stops the server)"
    supervisor = Supervisor(line, address, log, say, invitation=invitation, patience=patience)
    await supervisor.run(stop, os.environ)
    return 0 if supervisor.was_ready else _INTERRUPTED


def _log(at: int) -> Path:
    """A log of this start; the one before it is kept beside it."""
    folder = private_folder(state_folder() / "serve")
    log = folder / f"{at}.log"
    if log.exists():
        log.replace(folder / f"{at}.previous.log")
    log.touch(mode=0o600)
    return log
