"""The agent's side of the protocol: sessions are opened, prompted, cancelled, and patches applied by permission."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from acp import RequestError, schema
from acp.helpers import text_block, tool_content, tool_diff_content, update_agent_message_text
from acp.interfaces import Client

from cwm_agent import __version__
from cwm_agent.commands import CONSULTED, Consult, Unknown, parse
from cwm_agent.core.history import newest, this_turn
from cwm_agent.core.session import Session
from cwm_agent.editors.live import Live, Open, unreachable
from cwm_agent.editors.updates import Translator
from cwm_agent.errors import CwmAgentError
from cwm_agent.events import (
    AgentEvent,
    ApplyPatch,
    Decision,
    Interrupt,
    PatchProposed,
    PatchRefused,
    PermissionAsked,
    PermissionSettled,
    Rested,
    RunInSandbox,
    SetMode,
    SettlePermission,
    SubmitPrompt,
    UndoApply,
)
from cwm_agent.observations import Mode
from cwm_agent.text import printable
from cwm_agent.workspace.review import ReviewFile

_LOG = logging.getLogger(__name__)
_MODES = {
    Mode.REAL: "Actions run in the sandbox",
    Mode.VERIFY: "Imagined first, then run; both are shown",
    Mode.IMAGINED: "Nothing is executed: every output is a prediction",
}
_STOPPED = {"limit": "max_turn_requests", "interrupted": "cancelled"}


class EditorAgent:
    """Serves one editor. Each of its sessions has a sandbox of its own."""

    def __init__(self, open_session: Open, consult: Consult) -> None:
        self._open = open_session
        self._consult = consult
        self._client: Client | None = None
        self._live: dict[str, Live] = {}

    def on_connect(self, conn: Client) -> None:
        """The editor is there."""
        self._client = conn

    async def initialize(self, protocol_version: int, **_: Any) -> schema.InitializeResponse:
        """What this agent can do."""
        return schema.InitializeResponse(
            protocol_version=min(protocol_version, 1),
            agent_capabilities=schema.AgentCapabilities(
                load_session=True, prompt_capabilities=schema.PromptCapabilities(embedded_context=True)
            ),
            agent_info=schema.Implementation(name="cwm-agent", version=__version__),
        )

    async def new_session(self, cwd: str, **_: Any) -> schema.NewSessionResponse:
        """Open a session on a folder."""
        session = (await self._begin(Path(cwd), None)).session
        return schema.NewSessionResponse(session_id=session.identity, modes=_modes(session.mode))

    async def load_session(self, cwd: str, session_id: str, **_: Any) -> schema.LoadSessionResponse:
        """Take a recorded session up; its events are told once more."""
        live = await self._begin(Path(cwd), session_id)
        await live.all_told()
        return schema.LoadSessionResponse(modes=_modes(live.session.mode))

    async def set_session_mode(self, session_id: str, mode_id: str, **_: Any) -> schema.SetSessionModeResponse:
        """Switch the mode from the next action on."""
        if mode_id not in (mode.value for mode in Mode):
            raise RequestError.invalid_params({"message": f"There is no mode {mode_id}."})
        await self._session(session_id).send(SetMode(Mode(mode_id)))
        return schema.SetSessionModeResponse()

    async def cancel(self, session_id: str, **_: Any) -> None:
        """Stop what is under way and keep what happened."""
        if session_id in self._live:
            await self._session(session_id).send(Interrupt())

    async def prompt(self, prompt: Sequence[Any], session_id: str, **_: Any) -> schema.PromptResponse:
        """Work on a request until it rests, then ask about the patch, file by file."""
        live = self._of(session_id)
        async with live.turn:
            session = live.session
            try:
                rested = await self._work(session, _words(prompt))
                await live.all_told()
                await self._offer(session)
                await live.all_told()
            except CwmAgentError as error:
                await self._say(session, f"{error.message}\n{error.remedy}".strip())
                return schema.PromptResponse(stop_reason="refusal")
        stop: Any = _STOPPED.get(rested.status, "end_turn") if rested else "end_turn"
        return schema.PromptResponse(stop_reason=stop)

    async def aclose(self) -> None:
        """Close every session."""
        while self._live:
            _, live = self._live.popitem()
            await live.close()

    async def _begin(self, folder: Path, recorded: str | None) -> Live:
        try:
            return await self._started(folder, recorded)
        except CwmAgentError as error:
            raise RequestError(-32000, error.message, {"remedy": error.remedy}) from error
        except Exception as error:  # whatever it is, the editor gets words
            _LOG.error("The session could not be opened", exc_info=error)
            words = f"A fault of our own: {type(error).__name__}: {error}"
            raise RequestError(-32603, words, {"remedy": "The traceback is in the log."}) from error

    async def _started(self, folder: Path, recorded: str | None) -> Live:
        """A session that stands and is told; where it does not come to that, nothing of it stays open."""
        live = Live(await self._open(folder, recorded, lambda _event: None), self._teller())
        self._live[live.session.identity] = live
        try:
            await live.session.start()
        except BaseException:
            self._live.pop(live.session.identity, None)
            await live.close()
            raise
        return live

    def _teller(self) -> Callable[[Session, AgentEvent], Awaitable[None]]:
        """Tells the editor what a session says, and the session what the editor allows."""
        translator = Translator()

        async def tell(session: Session, event: AgentEvent) -> None:
            for update in translator.updates(event):
                await self._tell(session, update)
            if isinstance(event, PermissionAsked) and not _settled(session, event):
                content = [tool_content(text_block(printable(event.detail)))]
                allowed = await self._allowed(session, f"question-{event.permission}", event.question, content)
                await session.send(SettlePermission(event.permission, allowed=allowed))

        return tell

    async def _tell(self, session: Session, update: Any) -> None:
        if self._client is not None:
            await self._client.session_update(session_id=session.identity, update=update)

    async def _work(self, session: Session, text: str) -> Rested | None:
        if text.startswith("!"):
            await session.send(RunInSandbox(text[1:].strip()))
        elif text.startswith("/"):
            await self._say(session, await self._command(session, text))
            return None
        else:
            await session.send(SubmitPrompt(text))
        return await session.idle()

    async def _command(self, session: Session, text: str) -> str:
        call = parse(text)
        if isinstance(call, Unknown):
            return call.hint
        if call.command.name in CONSULTED:
            return await self._consult(session, call.command.name, call.argument)
        if call.command.name == "undo":
            await session.send(UndoApply())
            await session.idle()
            return "Taken back, if there was anything to take back."
        return f"/{call.command.name} is a command of the terminal: cwm-agent"

    async def _offer(self, session: Session) -> None:
        """The patch of this turn, if there is one: a permission for each file, then all that was allowed at once."""
        proposed = newest(this_turn(session.history), PatchProposed)
        review = session.review(proposed.checkpoint) if proposed else None
        if proposed is None or review is None:
            return
        decisions: list[Decision] = []
        for number, file in enumerate(review.files):
            title = _title(file, verified=proposed.verified)
            allowed = await self._allowed(session, f"patch-{proposed.checkpoint}-{number}", title, [_diff(file)])
            verdict: Any = "accept" if allowed else "reject"
            decisions += [Decision(number, hunk, verdict) for hunk in range(len(file.hunks))]
        if all(each.verdict == "reject" for each in decisions):
            return
        await session.send(ApplyPatch(proposed.checkpoint, tuple(decisions)))
        await session.idle()
        refused = newest(this_turn(session.history), PatchRefused)
        if refused:
            await self._say(session, f"Nothing was written: {refused.reason}")

    async def _allowed(self, session: Session, name: str, title: str, content: list[Any]) -> bool:
        if self._client is None:
            return False
        call = schema.ToolCallUpdate(
            tool_call_id=name, title=printable(title), kind="edit", status="pending", content=content
        )
        options = [
            schema.PermissionOption(option_id="yes", name="Allow", kind="allow_once"),
            schema.PermissionOption(option_id="no", name="Reject", kind="reject_once"),
        ]
        answer = await self._client.request_permission(session_id=session.identity, tool_call=call, options=options)
        return isinstance(answer.outcome, schema.AllowedOutcome) and answer.outcome.option_id == "yes"

    async def _say(self, session: Session, text: str) -> None:
        await self._tell(session, update_agent_message_text(printable(text)))

    def _of(self, session_id: str) -> Live:
        live = self._live.get(session_id)
        if live is None:
            raise RequestError.resource_not_found(session_id)
        if live.session.closed:
            raise unreachable(live.session)
        return live

    def _session(self, session_id: str) -> Session:
        return self._of(session_id).session


def _settled(session: Session, asked: PermissionAsked) -> bool:
    """Whether a question has its answer: one of a recorded session has."""
    answers = (event for event in session.history if isinstance(event, PermissionSettled))
    return any(event.permission == asked.permission for event in answers)


def _modes(mode: Mode) -> schema.SessionModeState:
    offered = [schema.SessionMode(id=each.value, name=each.value, description=_MODES[each]) for each in _MODES]
    return schema.SessionModeState(current_mode_id=mode.value, available_modes=offered)


def _words(prompt: Sequence[Any]) -> str:
    """The request as text: links become mentions of their file, embedded texts stand below their name."""
    words = []
    for block in prompt:
        if isinstance(block, schema.TextContentBlock):
            words.append(block.text)
        elif isinstance(block, schema.ResourceContentBlock):
            words.append(f"@{block.uri.removeprefix('file://')}")
        elif isinstance(block, schema.EmbeddedResourceContentBlock):
            text = getattr(block.resource, "text", "")
            words.append(f"\n{block.resource.uri.removeprefix('file://')}:\n{text}\n")
    return " ".join(words).strip()


def _title(file: ReviewFile, *, verified: bool) -> str:
    proof = "its tests RAN and passed" if verified else "NOT verified by a test run"
    flags = "".join(f"; {flag.text}" for flag in file.flags)
    return f"Apply the change of {file.stat.name} ({proof}{flags})"


def _diff(file: ReviewFile) -> Any:
    change = file.change
    old = change.old.content.decode("utf-8", "replace") if change.old else None
    new = change.new.content.decode("utf-8", "replace") if change.new else ""
    return tool_diff_content(file.stat.name, new, old)
