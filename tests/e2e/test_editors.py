"""A session driven by an editor: the protocol's own client against the real program and the real engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from acp import RequestError, schema, spawn_agent_process
from acp.helpers import text_block

from cwm_agent.demo.sample import PROMPT
from tests.e2e.conftest import git

SECONDS = 120.0


class Editor:
    """An editor that keeps what it is told, and answers each question as it was told to."""

    def __init__(self, *, allows: bool = True) -> None:
        self.allows = allows
        self.updates: list[Any] = []
        self.asked: list[schema.ToolCallUpdate] = []
        self._told = asyncio.Event()

    def on_connect(self, conn: Any) -> None:
        """The agent is there."""

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        self.updates.append(update)
        self._told.set()

    async def request_permission(
        self, options: list[schema.PermissionOption], session_id: str, tool_call: Any, **_: Any
    ) -> schema.RequestPermissionResponse:
        self.asked.append(tool_call)
        chosen = next(each for each in options if each.kind == ("allow_once" if self.allows else "reject_once"))
        outcome = schema.AllowedOutcome(outcome="selected", option_id=chosen.option_id)
        return schema.RequestPermissionResponse(outcome=outcome)

    def said(self, kind: str) -> str:
        return "".join(each.content.text for each in self.updates if each.session_update == kind)

    @property
    def calls(self) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for each in self.updates:
            if each.session_update in ("tool_call", "tool_call_update"):
                found.setdefault(each.tool_call_id, []).append(each)
        return found

    async def wait_for(self, words: str) -> None:
        async with asyncio.timeout(SECONDS):
            while not any(words in str(each) for each in self.updates):
                self._told.clear()
                await self._told.wait()


@asynccontextmanager
async def connected(editor: Editor, program: list[str], environment: dict[str, str]) -> AsyncIterator[Any]:
    async with spawn_agent_process(editor, *program, "acp", env=environment) as (agent, process):  # type: ignore[arg-type]
        hello = await agent.initialize(protocol_version=1)
        assert hello.agent_info is not None
        assert hello.agent_info.name == "cwm-agent"
        yield agent
        del process


async def test_the_main_job_with_a_diff_a_permission_and_an_applied_patch(
    program: list[str], environment: dict[str, str], sample: Path
) -> None:
    editor = Editor()
    async with asyncio.timeout(SECONDS), connected(editor, program, environment) as agent:
        opened = await agent.new_session(cwd=str(sample), mcp_servers=[])
        assert {mode.id for mode in opened.modes.available_modes} == {"real", "verify", "imagined"}
        answer = await agent.prompt(session_id=opened.session_id, prompt=[text_block(PROMPT)])
    assert answer.stop_reason == "end_turn"
    (asked,) = editor.asked
    assert "its tests RAN and passed" in asked.title
    (diff,) = asked.content
    assert diff.type == "diff"
    assert diff.path == "tally/discounts.py"
    assert diff.new_text != diff.old_text
    assert (sample / "tally/discounts.py").read_text() == diff.new_text
    finished = [each[-1].title for each in editor.calls.values() if each[-1].title]
    assert any(title.startswith("◆ ran") and "81 passed, 0 failed" in title for title in finished)
    assert "tally/discounts.py" in editor.said("agent_message_chunk")


async def test_what_the_editor_rejects_is_not_written_and_the_mode_can_be_switched(
    program: list[str], environment: dict[str, str], sample: Path
) -> None:
    editor = Editor(allows=False)
    async with asyncio.timeout(SECONDS), connected(editor, program, environment) as agent:
        opened = await agent.new_session(cwd=str(sample), mcp_servers=[])
        await agent.set_session_mode(session_id=opened.session_id, mode_id="real")
        with pytest.raises(RequestError):
            await agent.set_session_mode(session_id=opened.session_id, mode_id="dreaming")
        await agent.prompt(session_id=opened.session_id, prompt=[text_block(PROMPT)])
    assert len(editor.asked) == 1
    assert git(sample, "status", "--porcelain") == ""
    assert [each.current_mode_id for each in editor.updates if each.session_update == "current_mode_update"][
        -1
    ] == "real"


async def test_cancel_stops_what_is_under_way_and_the_session_goes_on(
    program: list[str], environment: dict[str, str], sample: Path
) -> None:
    editor = Editor()
    async with asyncio.timeout(SECONDS), connected(editor, program, environment) as agent:
        opened = await agent.new_session(cwd=str(sample), mcp_servers=[])
        long = asyncio.create_task(
            agent.prompt(session_id=opened.session_id, prompt=[text_block("!echo begun; sleep 100")])
        )
        await editor.wait_for("begun\\n")
        await agent.cancel(session_id=opened.session_id)
        assert (await long).stop_reason == "cancelled"
        again = await agent.prompt(
            session_id=opened.session_id, prompt=[text_block("!echo kept > kept.txt; cat kept.txt")]
        )
        assert again.stop_reason == "end_turn"
        helped = await agent.prompt(session_id=opened.session_id, prompt=[text_block("/nonsense")])
        assert helped.stop_reason == "end_turn"
        assert "There is no /nonsense" in editor.said("agent_message_chunk")
        name = opened.session_id
    later = Editor()
    async with asyncio.timeout(SECONDS), connected(later, program, environment) as agent:
        await agent.load_session(cwd=str(sample), session_id=name, mcp_servers=[])
        assert "kept" in str(later.updates), "a recorded session is told once more"
        assert later.asked == []
        await agent.prompt(session_id=name, prompt=[text_block("!cat kept.txt")])
        last = list(later.calls.values())[-1][-1]
        assert last.status == "completed"
        assert "kept" in str(last.content)


async def test_a_folder_that_cannot_be_opened_is_one_clear_error(
    program: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    async with asyncio.timeout(SECONDS), connected(Editor(), program, environment) as agent:
        with pytest.raises(RequestError, match="not under git") as caught:
            await agent.new_session(cwd=str(tmp_path), mcp_servers=[])
        assert "git init" in str(caught.value.data)
        with pytest.raises(RequestError):
            await agent.prompt(session_id="nobody", prompt=[text_block("hello")])
