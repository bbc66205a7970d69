"""A session on a stage: scripted policy and worlds, a snapshot, a tree and a record in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from cwm_agent.core.drafts import Drafts
from cwm_agent.core.session import Session, SessionParts
from cwm_agent.events import AgentEvent, Rested, SubmitPrompt, ToolCall, UserCommand
from cwm_agent.observations import Limits, Mode, Origin
from cwm_agent.protocols import Act, Policy, Recorder
from cwm_agent.settings import LimitSettings
from cwm_agent.testing import (
    Answer,
    MemoryFiles,
    MemoryRecorder,
    MemoryWorkspace,
    ScriptedPolicy,
    ScriptedWorld,
    Step,
    tree,
)
from cwm_agent.tools import all_tools
from tests.unit.core.grammar import check

E = TypeVar("E")
TREE = {"a.py": "x = 1\n", "b.py": "one\ntwo\nthree\n" + "same\n" * 20 + "last\n"}


def bash(command: str) -> Act:
    return Act(ToolCall("bash", command))


class Stage:
    """All the parts, and the session once it is open."""

    def __init__(
        self,
        *scripts: Sequence[Step],
        base: Mapping[str, str] = TREE,
        imagined: Mapping[str, Answer | str] | None = None,
        limits: LimitSettings | None = None,
        policy: Policy | None = None,
        recorder: Recorder | None = None,
        recover: Callable[[], Awaitable[str]] | None = None,
        recorded: Sequence[AgentEvent] = (),
        mode: Mode = Mode.VERIFY,
        workspace: MemoryWorkspace | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self.policy = ScriptedPolicy(*scripts)
        self.workspace = workspace or MemoryWorkspace(tree(base))
        self.files = MemoryFiles(self.workspace.tree)
        self.memory = MemoryRecorder()
        self.world = ScriptedWorld()
        self.dream = None if imagined is None else ScriptedWorld(imagined, Origin.IMAGINED)
        parts = SessionParts(
            identity="s1",
            repository=self.workspace.root,
            policy=policy or self.policy,
            real=self.world,
            imagined=self.dream,
            files=self.files,
            tools=all_tools(),
            workspace=self.workspace,
            recorder=recorder or self.memory,
            action_limits=Limits(),
            loop_limits=limits or LimitSettings(),
            version="0",
            recover_sandbox=recover,
            drafts=Drafts(self.files),
        )
        parts = replace(parts, **(more or {}))
        self.session = Session(parts=parts, mode=mode, recorded=recorded)
        self.answer("pytest -q", "3 passed in 0.10s\n")

    def answer(self, command: str, *output: str, **more: object) -> None:
        """Script a command."""
        self.world.script[command] = Answer(output, **more)  # type: ignore[arg-type] # the fields of an Answer

    def writes(self, command: str, name: str, text: str, **more: object) -> None:
        """Script a command that writes a file."""
        self.answer(command, effect=lambda: self.files.put(name, text), **more)

    async def tell(self, *commands: UserCommand | str) -> Rested | None:
        """Send commands (a string is a prompt) and wait until the session rests."""
        for command in commands:
            await self.session.send(SubmitPrompt(command) if isinstance(command, str) else command)
        return await self.session.idle()

    def all(self, kind: type[E]) -> list[E]:
        """The events of a kind so far."""
        return [event for event in self.session.history if isinstance(event, kind)]

    def last(self, kind: type[E]) -> E:
        """The newest event of a kind."""
        return self.all(kind)[-1]


@asynccontextmanager
async def opened(stage: Stage) -> AsyncIterator[Stage]:
    """Start the session, and close it and check the order of its events at the end."""
    await stage.session.start()
    try:
        yield stage
    finally:
        await stage.session.aclose()
    check(stage.session.history)
    assert [event async for event in stage.session.events()] == list(stage.session.history)
