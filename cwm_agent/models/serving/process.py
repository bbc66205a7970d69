"""One run of the server: a process group of its own, whose output goes to a file, and which ends as a whole."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

from cwm_agent.errors import ModelUnavailable
from cwm_agent.models.serving.command import Command


class Run:
    """A process that was started, and everything that it starts."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._stopped = False
        self.ended = asyncio.ensure_future(process.wait())

    @classmethod
    async def start(cls, command: Command, log: Path, surroundings: Mapping[str, str]) -> Self:
        """Start it in the log's folder, so that no module of the user's folder is taken for one of vLLM's."""
        try:
            with log.open("ab") as output:
                process = await asyncio.create_subprocess_exec(
                    *command.words,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=asyncio.subprocess.STDOUT,
                    env={**surroundings, "PYTHONUNBUFFERED": "1", **command.environment},
                    cwd=log.parent,
                    start_new_session=True,
                )
        except OSError as error:
            what = f"The model server cannot be started: {error.strerror or error}."
            raise ModelUnavailable(what, remedy=f"Look at {error.filename or command.words[0]}.") from error
        return cls(process)

    @property
    def pid(self) -> int:
        """The number of the process, and of its group."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status of a process that ended by itself, below zero for a signal; None where it did not."""
        return None if self._stopped else self._process.returncode

    async def stop(self, *, interrupt: float, terminate: float, hurried: asyncio.Event) -> None:
        """End it: asked, asked again after `interrupt` seconds, killed after `terminate` more or when `hurried`.

        What it leaves behind in its group is killed too.
        """
        self._stopped = not self.ended.done()
        for number, seconds in ((signal.SIGINT, interrupt), (signal.SIGTERM, terminate)):
            if self.ended.done() or hurried.is_set():
                break
            with suppress(ProcessLookupError):
                if number == signal.SIGINT:
                    self._process.send_signal(number)
                else:
                    os.killpg(self.pid, number)
            await self._wait(seconds, hurried)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        await self.ended

    async def _wait(self, seconds: float, hurried: asyncio.Event) -> None:
        hurry = asyncio.ensure_future(hurried.wait())
        try:
            await asyncio.wait((self.ended, hurry), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hurry.cancel()
