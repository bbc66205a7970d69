"""A Chat by a script, for what a policy makes of replies."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from msgspec import structs

from cwm_agent.models.chat_messages import Ended, Message, Offer, ReplyPiece, Text, Thought, Wish

Script = Sequence[ReplyPiece] | Exception


class ScriptedChat:
    """Gives its replies one after the other; `asked` are the messages of each question.

    Each message counts as its characters, at three to a token, unless `counts` says another number.
    """

    name = "scripted"

    def __init__(self, *replies: Script, context_tokens: int = 100_000, counts: int | None = None) -> None:
        self._replies = list(replies)
        self._counts = counts
        self.context_tokens = context_tokens
        self.asked: list[list[Message]] = []
        self.closed = False

    async def reply(self, messages: Sequence[Message], offers: Sequence[Offer]) -> AsyncIterator[ReplyPiece]:
        assert {each.name for each in offers} == {"bash", "edit", "create", "submit"}
        check(messages)
        self.asked.append(list(messages))
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        read = self._counts if self._counts is not None else sum(len(each.text) for each in messages) // 3
        for piece in reply:
            counted = isinstance(piece, Ended)
            yield structs.replace(piece, prompt_tokens=read, reply_tokens=10) if counted else piece

    async def aclose(self) -> None:
        self.closed = True

    def text(self, at: int = -1) -> str:
        """A question, message by message."""
        return "\n".join(f"<{each.role}> {each.text}" for each in self.asked[at])


def check(messages: Sequence[Message]) -> None:
    """The order that every server takes: the system, then users and assistants in turn, each call with its answer."""
    assert [each.role for each in messages].count("system") == 1
    assert messages[0].role == "system"
    assert messages[1].role == "user"
    open_: list[str] = []
    names: set[str] = set()
    before = ""
    for each in messages[1:]:
        if each.role == "tool":
            assert each.answers == open_.pop(0)
        else:
            assert not open_, "each call is answered before anything else is said"
            assert not (each.role == before == "user")
        assert each.text or each.wishes
        for wish in each.wishes:
            assert isinstance(json.loads(wish.arguments), dict)
            assert wish.identity not in names
            assert len(wish.identity) == 9
            names.add(wish.identity)
            open_.append(wish.identity)
        before = each.role
    assert not open_
    assert before in ("user", "tool")


def calls(*made: tuple[str, dict[str, Any] | str], text: str = "", thought: str = "So.") -> Script:
    """A reply with calls."""
    wishes = tuple(
        Wish(f"x{at}", tool, arguments if isinstance(arguments, str) else json.dumps(arguments))
        for at, (tool, arguments) in enumerate(made)
    )
    return [Thought(thought), *([Text(text)] if text else []), Ended(how="complete", wishes=wishes)]


def bash(command: str, **more: Any) -> Script:
    return calls(("bash", {"command": command}), **more)


def says(*text: str) -> Script:
    return [*map(Text, text), Ended(how="complete")]
