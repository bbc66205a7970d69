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


class Frame(Struct, frozen=True, kw_only=True):
    """The state of one function at one event; a line frame shows the state *before* its line runs.

    `locals` maps each name, in the order of the locals, to the repr of its whole value. `value` is the repr of
    what a return returned, `"Name: text"` for an exception, else None. `line` counts from 1 and is None where a
    predicted source line could not be placed. `depth` is 0 in the entry. A frame carries no origin: the core
    stamps it from the world that answered.
    """

    event: FrameKind
    file: str
    function: str
    line: int | None
    depth: int
    source: str
    locals: dict[str, str]
    value: str | None = None


class Trace(Struct, frozen=True):
    """The frames of one run, in order; `complete` is False where a limit or a crash cut it short."""

    frames: tuple[Frame, ...]
    complete: bool = True
