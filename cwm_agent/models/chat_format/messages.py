"""What a chat with CWM is made of: messages under headers, as text and separators.

The format is that of the public prompting guide of facebookresearch/cwm and of its agent's environment.
"""

from __future__ import annotations

from cwm_agent.errors import ModelUnavailable
from cwm_agent.events import ToolCall
from cwm_agent.traces.grammar import Special, Vocabulary
from cwm_agent.traces.segments import Segment

SYSTEM = "system"
USER = "user"
ASSISTANT = "assistant"

THINK = "<think>\n"
THOUGHT = "</think>"
CALL_END = "</tool>"
OUTPUT = "<output>\n"
OUTPUT_END = "</output>"

CHAT_SPECIALS = (Special.BEGIN, Special.HEADER, Special.HEADER_END, Special.END_OF_TURN)


def check(vocabulary: Vocabulary) -> None:
    """ModelUnavailable where a model lacks a separator of the chat."""
    missing = [special.value for special in CHAT_SPECIALS if special not in vocabulary.ids]
    if missing:
        raise ModelUnavailable(
            f"The model has no token for {', '.join(missing)}, and so no chat.",
            remedy="Name one that chats, such as facebook/cwm, or let the forager decide.",
        )


def tool_role(tool: str) -> str:
    """The role in which a tool answers."""
    return f"tool: {tool}"


def begin() -> list[Segment]:
    """What stands before the first message."""
    return [Special.BEGIN]


def message(role: str, body: str) -> list[Segment]:
    """One whole message. `body` stays text, whatever it spells."""
    return [*_header(role), body, Special.END_OF_TURN]


def opening(*, thinking: bool) -> list[Segment]:
    """The head of the model's turn, which it continues; `end` closes it."""
    return [*_header(ASSISTANT), THINK] if thinking else _header(ASSISTANT)


def end() -> list[Segment]:
    """What stands behind the model's own tokens, which come without the one that stopped them."""
    return [Special.END_OF_TURN]


def reply(thoughts: str, text: str, call: ToolCall | None, *, thinking: bool) -> str:
    """A turn of the model behind its opening, from what was read in it: of the same values, if not of the same ids."""
    written = text
    if call is not None:
        gap = "" if not text or text.endswith("\n") else "\n"
        written = f"{text}{gap}<tool: {call.tool}>\n{call.content}\n{CALL_END}"
    if not thinking:
        return written
    gap = "" if not thoughts or thoughts.endswith("\n") else "\n"
    return f"{thoughts}{gap}{THOUGHT}\n{written}"


def answer(output: str, budget: str) -> str:
    """The body of a tool's message: what it said, and what is left to the model."""
    gap = "" if output.endswith("\n") else "\n"
    return f"{OUTPUT}{output}{gap}{OUTPUT_END}\n\n{budget}"


def answering(tool: str) -> list[Segment]:
    """The head of a tool's message up to its output, for a model that is to imagine the rest."""
    return [*_header(tool_role(tool)), OUTPUT]


def _header(role: str) -> list[Segment]:
    return [Special.HEADER, role, Special.HEADER_END, "\n\n"]
