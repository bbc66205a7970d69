"""The separators of CWM's formats, their token ids, and the marks inside a trace. No other file knows these strings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum

from msgspec import Struct

from cwm_agent.errors import ModelUnavailable
from cwm_agent.traces.frames import FrameKind


class Special(Enum):
    """A token that text can never make, however it is spelt. Not a `str`, so that the two cannot be confused."""

    BEGIN = "<|begin_of_text|>"
    END = "<|end_of_text|>"
    PAD = "<|pad|>"
    HEADER = "<|start_header_id|>"
    HEADER_END = "<|end_header_id|>"
    END_OF_MESSAGE = "<|eom_id|>"
    END_OF_TURN = "<|eot_id|>"
    FRAME = "<|frame_sep|>"
    ACTION = "<|action_sep|>"
    RETURN = "<|return_sep|>"
    CALL = "<|call_sep|>"
    LINE = "<|line_sep|>"
    EXCEPTION = "<|exception_sep|>"
    ARGUMENT = "<|arg_sep|>"
    CONTEXT = "<|trace_context_start|>"


SPECIAL_OF_KIND = {
    FrameKind.CALL: Special.CALL,
    FrameKind.LINE: Special.LINE,
    FrameKind.RETURN: Special.RETURN,
    FrameKind.EXCEPTION: Special.EXCEPTION,
}
KIND_OF_SPECIAL = {special: kind for kind, special in SPECIAL_OF_KIND.items()}
HAS_LOCALS = frozenset({FrameKind.CALL, FrameKind.LINE})

UNCHANGED = ".."
"""The value of a local that is what it was. The format has no way to write a value whose repr is these two dots."""

START_MARKER = "  # << START_OF_TRACE"

TRACE_SPECIALS = frozenset(SPECIAL_OF_KIND.values()) | {
    Special.BEGIN,
    Special.END,
    Special.FRAME,
    Special.ACTION,
    Special.ARGUMENT,
    Special.CONTEXT,
}
STOP_SPECIALS = (Special.END, Special.END_OF_MESSAGE, Special.END_OF_TURN)


class Vocabulary(Struct, frozen=True):
    """The token id of each separator in one model."""

    ids: dict[Special, int]

    def id(self, special: Special) -> int:
        """The token id; raises KeyError where the model has no such token."""
        return self.ids[special]

    def specials(self) -> dict[int, Special]:
        """The way back: token id → separator."""
        return {number: special for special, number in self.ids.items()}

    def stop_ids(self) -> tuple[int, ...]:
        """The ids after which the model has nothing more to say, as far as it knows them."""
        return tuple(self.ids[special] for special in STOP_SPECIALS if special in self.ids)


CWM = Vocabulary(
    {
        Special.BEGIN: 128000,
        Special.END: 128001,
        Special.PAD: 128004,
        Special.HEADER: 128006,
        Special.HEADER_END: 128007,
        Special.END_OF_MESSAGE: 128008,
        Special.END_OF_TURN: 128009,
        Special.FRAME: 128100,
        Special.ACTION: 128101,
        Special.RETURN: 128102,
        Special.CALL: 128103,
        Special.LINE: 128104,
        Special.EXCEPTION: 128105,
        Special.ARGUMENT: 128106,
        Special.CONTEXT: 128107,
    }
)
"""CWM's own ids, from its tokenizer."""


def look_up(id_of: Callable[[str], int | None], needed: Iterable[Special] = TRACE_SPECIALS) -> Vocabulary:
    """The ids of another model, by string; ModelUnavailable where it lacks one that is needed."""
    found = {special: number for special in Special if (number := id_of(special.value)) is not None}
    missing = sorted(special.value for special in needed if special not in found)
    if missing:
        raise ModelUnavailable(
            f"The model has no token for {', '.join(missing)}.",
            remedy="Name a model that writes CWM's traces, such as facebook/cwm.",
        )
    twice = {number for number in found.values() if list(found.values()).count(number) > 1}
    if twice:
        raise ModelUnavailable(
            f"The model has one token for several separators: {sorted(twice)}.",
            remedy="Its tokenizer does not know CWM's separators; name a model that does.",
        )
    return Vocabulary(found)
