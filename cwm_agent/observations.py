"""What is asked of a world, and what it answers. Plain values, the same for a real and an imagined world."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from cwm_agent.traces.frames import Frame


class Origin(StrEnum):
    """Where a claim comes from: it ran, or it was imagined."""

    REAL = "real"
    IMAGINED = "imagined"


class Mode(StrEnum):
    """Which world answers an action: the container, the world model and then the container, or the model alone."""

    REAL = "real"
    VERIFY = "verify"
    IMAGINED = "imagined"


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds of one request. A breach ends the request, keeps what was written, and is an outcome, not an error.

    `output_bytes` is what is kept of the output: past it the middle is cut out. `flood_bytes` is how much a command
    may write before it is stopped. `disk_bytes` is what one request may add to the snapshot.
    """

    seconds: float = 120.0
    output_bytes: int = 480 * 1024
    flood_bytes: int = 256 * 1024 * 1024
    disk_bytes: int = 4 * 1024**3
    frames: int = 10_000


class RunCommand(Struct, frozen=True, tag="run_command"):
    """A command for the session's shell, one line or many; standard input is at its end."""

    command: str


class TraceCall(Struct, frozen=True, tag="trace_call"):
    """A call expression to be traced, evaluated in the module whose text is `source`; `path` names its file."""

    source: str
    entry: str
    path: str = ""


Request = RunCommand | TraceCall


class OutputWritten(Struct, frozen=True, tag="output_written"):
    """A piece of output, standard error merged in, decoded as UTF-8 with U+FFFD for what is not."""

    text: str


class FrameReached(Struct, frozen=True, tag="frame_reached"):
    """The next frame of a trace."""

    frame: Frame


class WorldNoticed(Struct, frozen=True, tag="world_noticed"):
    """Something that the user should know about the world itself: a restarted shell, ended background processes."""

    text: str


class Completed(Struct, frozen=True, tag="completed"):
    """The request ran to its end. An exit code over 128 is 128 plus the signal that ended the command."""

    exit_code: int


class LimitReached(Struct, frozen=True, tag="limit_reached"):
    """A limit ended the request; what was written until then is kept."""

    which: Literal["time", "output", "memory", "disk", "processes", "frames", "tokens", "doubt"]
    detail: str = ""

    @property
    def words(self) -> str:
        """What it was that ended it, without the detail."""
        return "too unsure to go on" if self.which == "doubt" else f"stopped at its {self.which} limit"


class Unreadable(Struct, frozen=True, tag="unreadable"):
    """A world model's answer that is not of the format; `raw` is what it wrote."""

    raw: str
    reason: str


Outcome = Completed | LimitReached | Unreadable


class Finished(Struct, frozen=True, tag="finished"):
    """The last event of every request, exactly once."""

    outcome: Outcome


WorldEvent = OutputWritten | FrameReached | WorldNoticed | Finished
