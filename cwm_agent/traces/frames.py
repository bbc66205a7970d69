"""The frames of an execution, the same for a real run and an imagined one."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class FrameKind(StrEnum):
    """What a frame reports, after the events of `sys.settrace`."""

    CALL = "call"
    LINE = "line"
    RETURN = "return"
    EXCEPTION = "exception"


class Basis(StrEnum):
    """Where a part of an imagined frame comes from."""

    FORCED = "forced"  # the source alone told it
    CHOSEN = "chosen"  # the model picked among what the source allows
    FREE = "free"  # the model wrote it unbound


class Frame(Struct, frozen=True, kw_only=True):
    """The state of one function at one event; a line frame shows the state *before* its line runs.

    `locals` maps each name, in the order of the locals, to the repr of its whole value; returns and exceptions have
    none. `source` is the line with its indentation, without its end. `value` is the repr of what a return returned,
    `"Name: text"` for an exception, else None. An exception that leaves a function is followed by a return of that
    function with the value `None`, as in `sys.settrace`. `line` counts from 1 and is None where a predicted source
    line could not be placed. `depth` is 0 in the entry. `basis` says for each local where its value comes from,
    under `<line>` and `<value>` the same for the line and the value; it is empty in a real frame. `logprobs` has under
    these names the log-probability of what the model wrote or chose there, where the model tells it. A frame carries no
    origin: the core stamps it from the world that answered.
    """

    event: FrameKind
    file: str
    function: str
    line: int | None
    depth: int
    source: str
    locals: dict[str, str]
    value: str | None = None
    basis: dict[str, Basis] = {}
    logprobs: dict[str, float] = {}


class Trace(Struct, frozen=True):
    """The frames of one run, in order; `complete` is False where a limit or a crash cut it short."""

    frames: tuple[Frame, ...]
    complete: bool = True
