"""How much of a conversation fits the model's context, told from what the server counts."""

from __future__ import annotations

from collections.abc import Sequence

from cwm_agent.errors import LimitError
from cwm_agent.models.chat_messages import Message
from cwm_agent.policies.chat.wording import Wording
from cwm_agent.policies.conversation.reading import Answered, Entry

FULL = 0.75
"""The part of the room from which on something has to go; the rest is for the next reply."""
LOW = 0.5
"""The part to which it goes down, so that it is not needed again at once."""
PER_TOKEN = 3.0
"""Characters of a token, as long as the server has not counted any."""
_LEAST, _MOST = 1.0, 8.0
_OFFERS = 2_500
"""Characters by which the tools and the frame of a conversation count."""


class Window:
    """The messages of a conversation, with its oldest parts left out where it has outgrown `room` tokens.

    First the outputs of tools go, oldest first, then whole steps; the user's own words and the last step stay. What is
    gone stays gone while the conversation goes on, so that each prompt begins like the one before.
    """

    def __init__(self, wording: Wording, room: int) -> None:
        self._wording = wording
        self.room = room
        self._per_token = PER_TOKEN
        self._covered: tuple[Entry, ...] = ()
        self._folded = 0
        self._left_out = 0

    @property
    def folded(self) -> int:
        """How many of the first entries come without the outputs of tools."""
        return self._folded

    def messages(self, entries: Sequence[Entry]) -> list[Message]:
        """What the model is told; LimitError where the least that can be told is too much."""
        if tuple(entries[: len(self._covered)]) != self._covered:
            self._folded = self._left_out = 0
        found = self._written(entries)
        if self.tokens(found) > FULL * self.room:
            found = self._shrunk(entries)
            if self.tokens(found) > FULL * self.room:
                raise LimitError(
                    f"Your requests and the last step alone fill the model's context of {self.room} tokens.",
                    remedy="Begin a new session with a shorter request, or raise chat.context or limits.tokens.",
                )
        self._covered = tuple(entries[: max(self._folded, self._left_out)])
        return found

    def compact(self, entries: Sequence[Entry]) -> None:
        """Leave out all that can go, whether there is room or not."""
        answers = [at for at, entry in enumerate(entries) if isinstance(entry, Answered)]
        self._folded = max([self._folded, *(at + 1 for at in answers[:-1])])
        self._left_out = max([self._left_out, *_starts(entries)])
        self._covered = tuple(entries[: max(self._folded, self._left_out)])

    def count(self, messages: Sequence[Message], tokens: int) -> None:
        """What the server counted for these messages."""
        if tokens > 0:
            self._per_token = min(_MOST, max(_LEAST, _characters(messages) / tokens))

    def tighten(self, messages: Sequence[Message]) -> None:
        """These messages are more than the server takes, whatever was counted."""
        self._per_token = min(self._per_token, max(_LEAST / 8, _characters(messages) / self.room))

    def _shrunk(self, entries: Sequence[Entry]) -> list[Message]:
        """Fold, and where that does not do, leave out, until there is room again or nothing more can go."""
        found = self._written(entries)
        answers = [at for at, entry in enumerate(entries) if isinstance(entry, Answered)]
        for at in answers[:-1]:
            if self.tokens(found) <= LOW * self.room:
                return found
            self._folded = max(self._folded, at + 1)
            found = self._written(entries)
        for at in _starts(entries):
            if self.tokens(found) <= LOW * self.room:
                return found
            self._left_out = max(self._left_out, at)
            found = self._written(entries)
        return found

    def _written(self, entries: Sequence[Entry]) -> list[Message]:
        return self._wording.messages(entries, left_out=self._left_out, folded=self._folded)

    def tokens(self, messages: Sequence[Message]) -> int:
        """How many these are, as far as is known."""
        return int(_characters(messages) / self._per_token)


def _starts(entries: Sequence[Entry]) -> list[int]:
    """Where a conversation can begin anew behind what is left out: before a step or a request, the last one at most."""
    return [at for at, entry in enumerate(entries) if at and not isinstance(entry, Answered)]


def _characters(messages: Sequence[Message]) -> int:
    said = sum(len(each.text) + sum(len(wish.arguments) for wish in each.wishes) for each in messages)
    return said + _OFFERS
