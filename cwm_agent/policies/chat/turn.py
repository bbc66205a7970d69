"""One question to the model: its replies until one can be used, and what it is told of those that cannot."""

from __future__ import annotations

import re

import msgspec

from cwm_agent.events import ToolCall
from cwm_agent.models.chat_messages import Ended, Message, Wish
from cwm_agent.policies.chat.calls import Unusable, action
from cwm_agent.policies.chat.wording import Wording
from cwm_agent.policies.conversation.speech import Speech

ATTEMPTS = 3
_NAME = re.compile(r"[\w-]{1,64}", re.ASCII)


class Turn:
    """`calls` are those of the last reply, up to the first that cannot be read; `flaw` says why it cannot be used.

    `messages` are the replies that could not be, each with what is said of it.
    """

    def __init__(self, wording: Wording) -> None:
        self._wording = wording
        self._speech = Speech()
        self._gap = ""
        self.messages: list[Message] = []
        self.calls: list[ToolCall] = []
        self.attempts = 0
        self.flaw = ""
        self.withheld = False

    @property
    def text(self) -> str:
        """What the last reply said to the user."""
        return self._speech.text

    def begin(self) -> None:
        """The next reply comes."""
        self._gap = "\n\n" if self.text else ""
        self._speech = Speech()
        self.calls = []
        self.flaw = ""

    def say(self, piece: str) -> str:
        """What of a piece of text can be shown now."""
        shown = self._speech.add(piece)
        if shown:
            shown, self._gap = self._gap + shown, ""
        return shown

    def end(self, ended: Ended) -> None:
        """The reply is over: find its calls, or what is wrong with it."""
        self.attempts += 1
        if ended.how == "withheld":
            self.withheld = True
        elif ended.how == "cut_off":
            self._refuse("cut_off")
        elif not ended.wishes and not self.text:
            self._refuse("empty")
        else:
            self._take(ended.wishes)

    def _take(self, wishes: tuple[Wish, ...]) -> None:
        for wish in wishes:
            try:
                self.calls.append(action(wish))
            except Unusable as error:
                if not self.calls:
                    self._answer(wishes, str(error))
                return

    def _refuse(self, flaw: str) -> None:
        self.flaw = flaw.replace("_", " ")
        if self.text and flaw != "cut_off":
            self.messages.append(Message("assistant", self.text))
        self.messages.append(Message("user", self._wording.error(flaw)))

    def _answer(self, wishes: tuple[Wish, ...], why: str) -> None:
        """Nothing of a reply is carried out whose first call cannot be read; each of its calls is answered."""
        self.flaw = why
        named = [Wish(f"bad{self.attempts}{at:05d}", _tool(each), _shown(each)) for at, each in enumerate(wishes)]
        self.messages.append(Message("assistant", self.text, tuple(named)))
        for at, each in enumerate(named):
            said = self._wording.error("left_out") if at else self._wording.error("bad_call", why)
            self.messages.append(Message("tool", said, answers=each.identity))


def _tool(wish: Wish) -> str:
    """Its name, where it is one that servers take back."""
    return wish.tool if _NAME.fullmatch(wish.tool) else "unknown"


def _shown(wish: Wish) -> str:
    """Its arguments as they were; those that are no object as a text in one, for servers read them again."""
    try:
        if isinstance(msgspec.json.decode(wish.arguments), dict):
            return wish.arguments
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    return msgspec.json.encode({"unreadable": wish.arguments.encode("utf-8", "replace").decode()}).decode()
