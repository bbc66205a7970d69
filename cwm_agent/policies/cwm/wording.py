"""Entries of a conversation in the words that the model is told, each from its template."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import structs

from cwm_agent.models.chat_format.messages import USER, answer, message, opening, reply, tool_role
from cwm_agent.models.chat_format.reply import FormatBroken
from cwm_agent.policies.conversation.prompts import Prompts
from cwm_agent.policies.conversation.reading import Answered, Asked, Entry, Said, Told
from cwm_agent.policies.conversation.telling import observed, steps
from cwm_agent.settings import LimitSettings
from cwm_agent.traces.grammar import Special
from cwm_agent.traces.segments import Segment

TOOLS = ("bash", "edit", "create", "submit")


class Wording:
    """Says everything that the model is told. `guidance` gives what a trusted repository says of itself."""

    def __init__(
        self,
        prompts: Prompts,
        limits: LimitSettings,
        *,
        thinking: bool,
        command_seconds: float,
        guidance: Callable[[], str],
    ) -> None:
        self._prompts = prompts
        self._limits = limits
        self._command_seconds = command_seconds
        self._guidance = guidance
        self.thinking = thinking

    def rules(self, room: int) -> str:
        """The system's message."""
        return self._prompts.render(
            "system",
            thinking=self.thinking,
            seconds=f"{self._command_seconds:g}",
            turns=self._limits.turns,
            tokens=room,
            guidance=self._guidance().strip(),
        )

    def budget(self, turns: int, tokens: int) -> str:
        """What is left after so many actions, with so many tokens to go."""
        left = max(0, self._limits.turns - turns)
        return self._prompts.render("budget", turns=left, tokens=max(0, tokens))

    def asked(self, asked: Asked) -> list[Segment]:
        """A request."""
        return message(USER, self._prompts.render("task", text=asked.text, first=asked.first, notes=asked.notes))

    def told(self, told: Told) -> list[Segment]:
        """What else the model must know before it goes on."""
        return message(USER, self._prompts.render("told", notes=told.notes))

    def answered(self, answered: Answered, budget: str) -> list[Segment]:
        """A tool's answer."""
        text = self._prompts.render("observation", **observed(answered))
        return message(tool_role(answered.call.tool), answer(text, budget))

    def folded(self, answered: Answered, path: str, budget: str) -> list[Segment]:
        """The same without its output; `path` is a file in the sandbox that has it, or empty."""
        lines = len(answered.observation.splitlines())
        folded = self._prompts.render("folded", lines=lines, path=path)
        return self.answered(structs.replace(answered, observation=folded), budget)

    def cut(self, characters: int, path: str) -> str:
        """What stands between both ends of an output; `path` is a file in the sandbox that has all of it, or empty."""
        return self._prompts.render("cut", characters=characters, path=path)

    def said(self, said: Said) -> list[Segment]:
        """A turn of the model of which the ids are not known."""
        written = reply(said.thoughts, said.text, said.call, thinking=self.thinking)
        return [*opening(thinking=self.thinking), written, Special.END_OF_TURN]

    def format_error(self, broken: FormatBroken) -> list[Segment]:
        """The answer to a reply that breaks the format."""
        return message(
            USER,
            self._prompts.render(
                "format_error", flaw=broken.flaw, detail=broken.detail, tools=TOOLS, thinking=self.thinking
            ),
        )

    def summary_wanted(self) -> list[Segment]:
        """The question for a summary."""
        return message(USER, self._prompts.render("summary"))

    def summarised(self, summary: str, left_out: Sequence[Entry], diff: str) -> list[Segment]:
        """What stands for a part that was left out: its summary, or what was done in it, and the diff now."""
        text = self._prompts.render("summarised", summary=summary, steps=steps(left_out), diff=diff)
        return message(USER, text)
