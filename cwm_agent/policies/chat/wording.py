"""Entries of a conversation as messages, in the words of the templates. Pure but for the templates themselves."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec
from msgspec import structs

from cwm_agent.errors import UsageError
from cwm_agent.models.chat_messages import Message, Offer, Wish
from cwm_agent.policies.chat.calls import arguments
from cwm_agent.policies.conversation.prompts import Prompts
from cwm_agent.policies.conversation.reading import Answered, Asked, Entry, Said, Told, path_of
from cwm_agent.settings import LimitSettings
from cwm_agent.tools.call import sound

_REMEMBERED = 1024
_NOT_ANSWERED = "[It was stopped before there was an answer.]"


class Wording:
    """Says everything that the model is told. `guidance` is what a trusted repository says of itself.

    Of one answer it shows `most` characters, of a longer one both ends.
    """

    def __init__(
        self, prompts: Prompts, limits: LimitSettings, *, command_seconds: float, guidance: str, most: int
    ) -> None:
        self._prompts = prompts
        self._limits = limits
        self._seconds = f"{command_seconds:g}"
        self._guidance = guidance
        self._most = most
        self._answered = lru_cache(_REMEMBERED)(self._answer)

    def offers(self) -> tuple[Offer, ...]:
        """The tools."""
        text = self._prompts.render("chat_tools", kind="json", seconds=self._seconds)
        try:
            return msgspec.json.decode(text, type=tuple[Offer, ...])
        except msgspec.DecodeError as error:
            raise UsageError(f"The prompt chat_tools.json.j2 is no list of tools: {error}.") from error

    def rules(self) -> Message:
        """The system's message."""
        text = self._prompts.render(
            "chat_system", seconds=self._seconds, turns=self._limits.turns, guidance=self._guidance.strip()
        )
        return Message("system", text)

    def error(self, flaw: str, detail: str = "") -> str:
        """What the model is told of a reply that cannot be used, or of a call in it."""
        return self._prompts.render("chat_error", flaw=flaw, detail=detail)

    def messages(self, entries: Sequence[Entry], *, left_out: int = 0, folded: int = 0) -> list[Message]:
        """A conversation. Of the first `left_out` entries only the user's words stay, and a list of what was done.

        The first `folded` of all entries come without the outputs of tools.
        """
        found = [self.rules()]
        gone = entries[:left_out]
        found += [self._asked(each) for each in gone if isinstance(each, Asked)]
        if gone:
            found.append(Message("user", self._summarised(gone)))
        for at, entry in enumerate(entries[left_out:], left_out):
            match entry:
                case Asked():
                    found.append(self._asked(entry))
                case Said():
                    found += self._said(entry, at, entries[at + 1 : at + 2])
                case Told():
                    found.append(Message("user", self._prompts.render("told", notes=entry.notes)))
                case Answered():
                    found.append(Message("tool", self._answered(entry, fold=at < folded), answers=_identity(at - 1)))
        return joined(found)

    def _asked(self, asked: Asked) -> Message:
        return Message("user", self._prompts.render("task", text=asked.text, first=asked.first, notes=asked.notes))

    def _said(self, said: Said, at: int, after: Sequence[Entry]) -> list[Message]:
        if said.call is None:
            return [Message("assistant", said.text)] if said.text else []
        wish = Wish(_identity(at), said.call.tool, arguments(said.call))
        spoken = Message("assistant", said.text, (wish,))
        answered = after and isinstance(after[0], Answered)
        return [spoken] if answered else [spoken, Message("tool", _NOT_ANSWERED, answers=wish.identity)]

    def _answer(self, answered: Answered, *, fold: bool) -> str:
        whole = self._rendered(answered, cut(answered.observation, self._most))
        if not fold:
            return whole
        lines = len(answered.observation.splitlines())
        short = self._rendered(answered, self._prompts.render("folded", lines=lines))
        return min(whole, short, key=len)

    def _rendered(self, answered: Answered, output: str) -> str:
        return self._prompts.render(
            "chat_answer",
            output=output,
            imagined=answered.imagined,
            draft=answered.draft,
            guessed=answered.imagined and answered.guessed,
            failures=answered.failures,
            path=path_of(answered.call),
            review=answered.call.tool == "submit" and answered.good,
            notes=answered.notes,
            turns=max(0, self._limits.turns - answered.turns),
        )

    def _summarised(self, gone: Sequence[Entry]) -> str:
        steps = [
            f"{entry.call.tool}: {entry.call.content.strip().partition(chr(10))[0]}"
            for entry in gone
            if isinstance(entry, Said) and entry.call
        ]
        return self._prompts.render("summarised", summary="", steps=steps)


def joined(messages: Sequence[Message]) -> list[Message]:
    """The same, sound, with what the user says in a row as one message: some models know no other order."""
    found: list[Message] = []
    for message in messages:
        each = structs.replace(message, text=sound(message.text))
        if found and each.role == found[-1].role == "user":
            found[-1] = Message("user", f"{found[-1].text}\n\n{each.text}")
        else:
            found.append(each)
    return found


def cut(output: str, most: int) -> str:
    """Both ends of an output that is longer than `most` characters."""
    if len(output) <= most:
        return output
    half = most // 2
    return f"{output[:half]}\n[… {len(output) - 2 * half} characters left out …]\n{output[-half:]}"


def _identity(at: int) -> str:
    """What a call is named by, from its place: nine letters and digits, which is all that some servers take."""
    return f"call{at:05d}"
