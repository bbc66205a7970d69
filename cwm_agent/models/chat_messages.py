"""What is said between a policy and a model that knows messages and tools: values, the same for every server. Pure."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct


class Offer(Struct, frozen=True):
    """A tool that the model may call; `parameters` is the JSON schema of its arguments, an object."""

    name: str
    description: str
    parameters: dict[str, Any]


class Wish(Struct, frozen=True):
    """A call as the model wrote it: `arguments` is a text that should be a JSON object, and may be anything."""

    identity: str
    tool: str
    arguments: str


class Message(Struct, frozen=True):
    """One message. `wishes` are the calls of an assistant's, `answers` the identity of the call that a tool answers."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    wishes: tuple[Wish, ...] = ()
    answers: str = ""


class Thought(Struct, frozen=True):
    """A piece of the model's reasoning."""

    text: str


class Text(Struct, frozen=True):
    """A piece of what it says to the user."""

    text: str


class Ended(Struct, frozen=True, kw_only=True):
    """The last of a reply that came to its end. Calls are told here and nowhere else; one that was cut off has none.

    The counts are the server's, in tokens: the whole prompt, and the reply with its reasoning; None where none is told.
    """

    how: Literal["complete", "cut_off", "withheld"]
    wishes: tuple[Wish, ...] = ()
    prompt_tokens: int | None = None
    reply_tokens: int | None = None


ReplyPiece = Thought | Text | Ended
