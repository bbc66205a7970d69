"""The world that is: a container answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import assert_never

from cwm_agent.containers.shell import Shell
from cwm_agent.observations import (
    Completed,
    Finished,
    Limits,
    Origin,
    OutputWritten,
    Request,
    RunCommand,
    TraceCall,
    WorldEvent,
)

Tracer = Callable[[TraceCall, Limits], AsyncIterator[WorldEvent]]
"""Runs a call under a tracer in the same container and yields its frames; ends with exactly one Finished."""

_USAGE = 2


class RealWorld:
    """Commands go to the session's shell, calls to be traced to `tracer`, where there is one."""

    def __init__(self, shell: Shell, tracer: Tracer | None = None) -> None:
        self._shell = shell
        self._tracer = tracer

    @property
    def origin(self) -> Origin:
        """What it says happened."""
        return Origin.REAL

    def run(self, request: Request, limits: Limits) -> AsyncIterator[WorldEvent]:
        """Answer one request; closing the iterator ends what runs."""
        match request:
            case RunCommand(command):
                return self._shell.run(command, limits)
            case TraceCall():
                return _untraced() if self._tracer is None else self._tracer(request, limits)
        assert_never(request)

    async def aclose(self) -> None:
        """End the shell."""
        await self._shell.aclose()


async def _untraced() -> AsyncIterator[WorldEvent]:
    yield OutputWritten("This sandbox has no tracer; run the code as a command instead.\n")
    yield Finished(Completed(_USAGE))
