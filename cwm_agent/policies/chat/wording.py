"""Entries of a conversation as messages, in the words of the templates. Pure but for the templates themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import msgspec
from msgspec import structs

from cwm_agent.errors import UsageError
from cwm_agent.models.chat_messages import Message, Offer, Wish
from cwm_agent.policies.chat.calls import arguments
from cwm_agent.policies.conversation.keeping import address
from cwm_agent.policies.conversation.prompts import Prompts
from cwm_agent.policies.conversation.reading import Answered, Asked, Entry, Note, Said, Told
from cwm_agent.policies.conversation.telling import observed, steps
from cwm_agent.settings import LimitSettings
from cwm_agent.tools.call import sound

_REMEMBERED = 1024
_NOT_ANSWERED = "[It was stopped before there was an answer.]"


class Wording:
    """Says everything that the model is told. `guidance` gives what a trusted repository says of itself.

    Of one answer it shows `most` characters, of a longer one both ends. Where it `keeps` outputs, it says where all of
    one can be read.
    """

    def __init__(
        self,
        prompts: Prompts,
        limits: LimitSettings,
        *,
        command_seconds: float,
        guidance: Callable[[], str],
        most: int,
        keeps: bool = False,
    ) -> None:
        self._prompts = prompts
        self._limits = limits
        self._seconds = f"{command_seconds:g}"
        self._guidance = guidance
        self._most = most
        self._keeps = keeps
        self._answered = lru_cache(_REMEMBERED)(self._answer)

    def offers(self) -> tuple[Offer, ...]:
        """The tools."""
        text = self._prompts.render("chat_tools.json", seconds=self._seconds)
        try:
            return msgspec.json.decode(text, type=tuple[Offer, ...])
        except msgspec.DecodeError as error:
            raise UsageError(f"The prompt chat_tools.json.j2 is no list of tools: {error}.") from error

    def rules(self) -> Message:
        """The system's message."""
        text = self._prompts.render(
            "chat_system", seconds=self._seconds, turns=self._limits.turns, guidance=self._guidance().strip()
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
        notes = self._cut_notes(asked.notes)
        return Message("user", self._prompts.render("task", text=asked.text, first=asked.first, notes=notes))

    def _said(self, said: Said, at: int, after: Sequence[Entry]) -> list[Message]:
        if said.call is None:
            return [Message("assistant", said.text)] if said.text else []
        wish = Wish(_identity(at), said.call.tool, arguments(said.call))
        spoken = Message("assistant", said.text, (wish,))
        answered = after and isinstance(after[0], Answered)
        return [spoken] if answered else [spoken, Message("tool", _NOT_ANSWERED, answers=wish.identity)]

    def _answer(self, answered: Answered, *, fold: bool) -> str:
        path = self._path(answered)
        whole = self._rendered(answered, self.cut(answered.observation, path))
        if not fold:
            return whole
        lines = len(answered.observation.splitlines())
        short = self._rendered(answered, self._prompts.render("folded", lines=lines, path=path))
        return min(whole, short, key=len)

    def _rendered(self, answered: Answered, output: str) -> str:
        shown = structs.replace(answered, observation=output, notes=self._cut_notes(answered.notes))
        left = max(0, self._limits.turns - answered.turns)
        return self._prompts.render("chat_answer", **observed(shown), turns=left)

    def shown_in_part(self, entries: Sequence[Entry], folded: int) -> list[Answered | Note]:
        """What of these is not shown whole, where the first `folded` come without outputs, and can be kept."""
        notes = [note for each in entries if isinstance(each, Asked | Answered) for note in each.notes]
        answers = [(at, each) for at, each in enumerate(entries) if isinstance(each, Answered)]
        return [
            *(each for at, each in answers if self._path(each) and (at < folded or len(each.observation) > self._most)),
            *(note for note in notes if self._path(note) and len(note.output) > self._most),
        ]

    def _path(self, entry: Answered | Note) -> str:
        """Where the whole output is; an imagined one would look like a real one there."""
        imagined = isinstance(entry, Answered) and entry.imagined
        return address(entry.action) if self._keeps and entry.action and not imagined else ""

    def _cut_notes(self, notes: Sequence[Note]) -> tuple[Note, ...]:
        return tuple(structs.replace(note, output=self.cut(note.output, self._path(note))) for note in notes)

    def cut(self, output: str, path: str) -> str:
        """Both ends of an output that is too long; `path` is a file that has all of it, or empty."""
        if len(output) <= self._most:
            return output
        half = self._most // 2
        between = self._prompts.render("cut", characters=len(output) - 2 * half, path=path)
        return f"{output[:half]}\n{between}\n{output[-half:]}"

    def _summarised(self, gone: Sequence[Entry]) -> str:
        return self._prompts.render("summarised", summary="", steps=steps(gone), diff="")


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


def _identity(at: int) -> str:
    """What a call is named by, from its place: nine letters and digits, which is all that some servers take."""
    return f"call{at:05d}"
