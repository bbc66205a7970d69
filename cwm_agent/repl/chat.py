"""Line mode: a session as a conversation at a prompt, append-only, with the commands of the full screen."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator

from cwm_agent.commands import Consult, Unknown, parse
from cwm_agent.core.session import Session
from cwm_agent.errors import CwmAgentError
from cwm_agent.events import (
    Interrupt,
    PatchProposed,
    PermissionAsked,
    PermissionSettled,
    Rested,
    RunInSandbox,
    SessionOpened,
    SettlePermission,
    SubmitPrompt,
)
from cwm_agent.headless import EXIT_CODES
from cwm_agent.repl.chat_commands import Desk, Leave, carry_out
from cwm_agent.repl.chat_prompt import Prompt
from cwm_agent.transcript import Transcript

_YES, _NO = ("y", "yes"), ("n", "no")


class Chat:
    """One session at one prompt. `next_session` is what the user wants to take up after it, or None."""

    def __init__(self, session: Session, prompt: Prompt, consult: Consult) -> None:
        self._session = session
        self._prompt = prompt
        self._desk = Desk(session, prompt, consult)
        self._question: PermissionAsked | None = None
        self.next_session: str | None = None

    async def run(self, first: str | None = None) -> int:
        """Converse until the user leaves; the exit code is that of the last request."""
        with self._prompt.shown(), self._interrupting():
            printer = asyncio.create_task(self._print_events(Transcript(sys.stdout)))
            try:
                await self._session.start()
                if first:
                    await self._session.send(SubmitPrompt(first))
                await self._converse()
            except Leave as leave:
                self.next_session = leave.next_session
            finally:
                await self._session.aclose()
                await printer
        rested = [event for event in self._session.history if isinstance(event, Rested)]
        return EXIT_CODES[rested[-1].status] if rested else 0

    async def _converse(self) -> None:
        while True:
            if self._prompt.scripted:
                await self._quiet()
            try:
                line = (await self._prompt.read(self._lead)).strip()
            except EOFError:
                return
            except KeyboardInterrupt:
                await self._interrupt()
                continue
            if line:
                await self._take(line)

    async def _quiet(self) -> None:
        """A script's next line comes when the last one is done, or asks something."""
        idle = asyncio.ensure_future(self._session.idle())
        while not idle.done() and self._question is None:
            await asyncio.wait({idle}, timeout=0.05)
        idle.cancel()

    async def _take(self, line: str) -> None:
        """Do what a line says; what is wrong with it is said, and the conversation goes on."""
        try:
            if self._question is not None and line.lower() in (*_YES, *_NO):
                question, self._question = self._question, None
                await self._session.send(SettlePermission(question.permission, line.lower() in _YES))
            elif self._question is not None and not line.startswith("/"):
                self._prompt.write("A question waits: answer yes or no.")
            elif line.startswith("!"):
                await self._session.send(RunInSandbox(line[1:].strip()))
            elif line.startswith("/"):
                await self._command(line)
            else:
                await self._session.send(SubmitPrompt(line))
        except CwmAgentError as error:
            self._prompt.write(f"error      {error.message}" + (f"\n           {error.remedy}" if error.remedy else ""))

    async def _command(self, line: str) -> None:
        call = parse(line)
        if isinstance(call, Unknown):
            self._prompt.write(call.hint.replace("F1 lists", "/help lists"))
        else:
            await carry_out(self._desk, call.command.name, call.argument)

    def _lead(self) -> str:
        if self._question is not None:
            return "yes or no"
        return f"{self._session.mode.value}{' …' if self._session.busy else ''}"

    async def _interrupt(self) -> None:
        if self._session.busy:
            await self._session.send(Interrupt())
        else:
            self._prompt.write("/quit or Ctrl-D leaves.")

    @contextlib.contextmanager
    def _interrupting(self) -> Iterator[None]:
        """A signal is meant for what is under way, not for the program."""
        if not self._prompt.signals:
            yield
            return
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, lambda: asyncio.ensure_future(self._interrupt()))
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)

    async def _print_events(self, transcript: Transcript) -> None:
        async for event in self._session.events():
            transcript.write(event)
            if isinstance(event, PermissionAsked):
                self._question = event
                self._prompt.write("           Answer yes or no.")
            elif isinstance(event, PermissionSettled):
                self._question = None
            elif isinstance(event, PatchProposed):
                self._prompt.write("           /review shows it hunk by hunk, /apply takes it, /diff prints it.")
            elif isinstance(event, SessionOpened):
                self._prompt.write("           Ask, / for commands, @ for files, ! for the sandbox's shell.")
