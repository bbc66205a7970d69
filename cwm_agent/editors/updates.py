"""A session's events in the words of the Agent Client Protocol. Whatever has no word of its own there is said as text.

The two worlds never share a tool call: what is imagined has one of its own, whose title begins with its sign.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

from acp import helpers

from cwm_agent.events import (
    ActionBegan,
    ActionEnded,
    ActionOutput,
    ActionProposed,
    AgentEvent,
    ModeChanged,
    PermissionAsked,
    PermissionSettled,
    PromptAccepted,
    Rested,
    SessionClosed,
    SessionOpened,
    TestsReported,
    TextWritten,
    ThoughtWritten,
    ToolCall,
)
from cwm_agent.observations import Completed, Origin
from cwm_agent.text import printable
from cwm_agent.transcript import Transcript, call_in_words

SIGN = {Origin.REAL: "◆ ran", Origin.IMAGINED: "◇ imagined"}
_MOST = 64 * 1024
"""Characters of output that an editor is shown of one action; its end is what matters."""


class Translator:
    """Turns events into session updates, one after the other; remembers what the present action is."""

    def __init__(self) -> None:
        self._call: ToolCall | None = None
        self._output: dict[str, str] = {}

    def updates(self, event: AgentEvent) -> Iterator[Any]:
        """What the editor is told; nothing for what it need not know."""
        match event:
            case TextWritten(text=text):
                yield helpers.update_agent_message_text(printable(text))
            case ThoughtWritten(text=text):
                yield helpers.update_agent_thought_text(printable(text))
            case ModeChanged(mode=mode):
                yield helpers.update_current_mode(mode.value)
                yield from _said(event)
            case ActionProposed(call=call):
                self._call = call
            case ActionBegan() | ActionOutput() | ActionEnded() | TestsReported():
                yield from self._action(event)
            case PermissionAsked() | PermissionSettled() | PromptAccepted() | SessionOpened() | SessionClosed():
                return
            case Rested(message=message):
                if message:
                    yield helpers.update_agent_message_text(printable(message))
            case _:
                yield from _said(event)

    def _action(self, event: ActionBegan | ActionOutput | ActionEnded | TestsReported) -> Iterator[Any]:
        name = identity(event.action, event.origin)
        match event:
            case ActionBegan(origin=origin):
                self._output[name] = ""
                yield helpers.start_tool_call(name, self._title(origin), kind=self._kind(), status="in_progress")
            case ActionOutput(text=text):
                self._output[name] = (self._output.get(name, "") + text)[-_MOST:]
                yield helpers.update_tool_call(name, content=_text(self._output[name]))
            case ActionEnded(outcome=outcome, observation=observation):
                self._output.pop(name, None)
                good = isinstance(outcome, Completed) and outcome.exit_code == 0
                status: Any = "completed" if good else "failed"
                yield helpers.update_tool_call(name, status=status, content=_text(observation[-_MOST:]))
            case TestsReported(origin=origin, passed=passed, failed=failed):
                title = f"{self._title(origin)}: {passed} passed, {failed} failed"
                yield helpers.update_tool_call(name, title=title)

    def _title(self, origin: Origin) -> str:
        return f"{SIGN[origin]} {call_in_words(self._call) if self._call else ''}".rstrip()

    def _kind(self) -> Any:
        return "edit" if self._call and self._call.tool in ("edit", "create") else "execute"


def identity(action: int, origin: Origin) -> str:
    """The name of an action's tool call in one world."""
    return f"{action}-{origin.value}"


def _text(text: str) -> list[Any]:
    return [helpers.tool_content(helpers.text_block(printable(text)))]


def _said(event: AgentEvent) -> Iterator[Any]:
    """The line of the plain transcript, as a thought: the editor shows it apart from the answer."""
    out = StringIO()
    Transcript(out).write(event)
    line = out.getvalue().strip("\n")
    if line:
        yield helpers.update_agent_thought_text(line + "\n")
