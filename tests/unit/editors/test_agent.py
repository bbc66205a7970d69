"""An editor that goes away, and sessions that cannot be opened: the library's own connection, over two sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from acp import RequestError, connect_to_agent, run_agent
from acp.helpers import text_block

from cwm_agent.core.session import Session
from cwm_agent.editors.agent import EditorAgent
from cwm_agent.editors.live import Opened
from cwm_agent.events import ActionBegan, AgentEvent, SessionClosed
from tests.unit.core.stage import Stage

SECONDS = 10.0


class Editor:
    """An editor that only listens."""

    def __init__(self) -> None:
        self.updates: list[Any] = []

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        self.updates.append(update)


class Connected:
    """The agent, one stage for its sessions, and the editor's end of the connection."""

    def __init__(self, stage: Stage, *, fails: Exception | None = None) -> None:
        self.stage = stage
        self.given_back = 0
        self.agent = EditorAgent(self._open, self._consult)
        self._fails = fails

    async def _open(self, folder: Path, recorded: str | None, report: Callable[[AgentEvent], None]) -> Opened:
        if self._fails is not None:
            raise self._fails
        return Opened(self.stage.session, self._give_back)

    async def _consult(self, session: Session, name: str, argument: str) -> str:
        return name

    async def _give_back(self) -> None:
        self.given_back += 1

    @property
    def all_closed(self) -> bool:
        """Whether the session came to its end in order, and what it stands on was given back once."""
        ended = isinstance(self.stage.session.history[-1], SessionClosed)
        return ended and self.stage.world.closed and self.given_back == 1


@asynccontextmanager
async def connection(connected: Connected) -> AsyncIterator[tuple[Any, socket.socket, asyncio.StreamWriter]]:
    """The agent as the editor calls it, and the editor's end of the wire."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=theirs)
    serving = asyncio.create_task(run_agent(connected.agent, writer, reader))  # type: ignore[arg-type]
    client_reader, client_writer = await asyncio.open_connection(sock=ours)
    client = connect_to_agent(Editor(), client_writer, client_reader)  # type: ignore[arg-type]
    try:
        async with asyncio.timeout(SECONDS):
            yield client, ours, client_writer
    finally:
        client_writer.close()
        await asyncio.wait({serving}, timeout=SECONDS)
        assert serving.done()
        serving.exception()
        await asyncio.wait_for(connected.agent.aclose(), SECONDS)


async def begun(session: Session) -> None:
    async for event in session.events():
        if isinstance(event, ActionBegan):
            return


async def test_everything_is_closed_when_the_editor_leaves_in_the_middle_of_the_work() -> None:
    stage = Stage()
    stage.answer("slow", "begun\n", "more\n", delay=0.05)
    connected = Connected(stage)
    async with connection(connected) as (agent, _, writer):
        opened = await agent.new_session(cwd="/", mcp_servers=[])
        asking = asyncio.ensure_future(agent.prompt(session_id=opened.session_id, prompt=[text_block("!slow")]))
        await begun(stage.session)
        writer.close()
        with pytest.raises(ConnectionError):
            await asking
    assert connected.all_closed


async def test_who_waits_for_an_editor_that_hears_nothing_any_more_gets_an_error() -> None:
    connected = Connected(Stage())
    async with connection(connected) as (agent, wire, _):
        name = (await agent.new_session(cwd="/", mcp_servers=[])).session_id
        wire.shutdown(socket.SHUT_RD)
        with pytest.raises(RequestError, match="could not be told"):
            await connected.agent.prompt([text_block("!pytest -q")], name)
        with pytest.raises(RequestError, match="is closed"):
            await connected.agent.prompt([text_block("!pytest -q")], name)
    assert connected.all_closed


async def test_a_session_that_cannot_be_told_once_more_is_an_error() -> None:
    connected = Connected(Stage())
    async with connection(connected) as (_, wire, _writer):
        wire.shutdown(socket.SHUT_RD)
        with pytest.raises(RequestError, match="could not be told"):
            await connected.agent.load_session("/", "s1")
    assert connected.all_closed


async def test_what_fails_after_the_opening_closes_what_was_opened() -> None:
    async def fails(session: Session) -> None:
        raise RuntimeError("nobody expected this")

    connected = Connected(Stage(more={"trust": fails}))
    async with connection(connected) as (agent, _, _writer):
        with pytest.raises(RequestError, match="A fault of our own: RuntimeError: nobody expected this"):
            await agent.new_session(cwd="/", mcp_servers=[])
        assert connected.all_closed
        with pytest.raises(RequestError, match="not found"):
            await agent.prompt(session_id="s1", prompt=[text_block("hello")])


async def test_a_fault_of_the_opening_is_one_clear_error() -> None:
    connected = Connected(Stage(), fails=ZeroDivisionError("division by zero"))
    async with connection(connected) as (agent, _, _writer):
        with pytest.raises(RequestError, match="A fault of our own: ZeroDivisionError") as caught:
            await agent.new_session(cwd="/", mcp_servers=[])
        assert "log" in str(caught.value.data)
