"""A frame as a world model writes it: without file, function, line and depth, and with unchanged locals as `".."`."""

from __future__ import annotations

from msgspec import Struct

from cwm_agent.traces.frames import FrameKind
from cwm_agent.traces.grammar import UNCHANGED


class RawFrame(Struct, frozen=True, kw_only=True):
    """One frame of the text. `source` is as written, its line end included; returns and exceptions have no locals."""

    event: FrameKind
    source: str
    locals: dict[str, str] = {}
    value: str | None = None

    def unchanged(self) -> list[str]:
        """The locals that are written as what they were."""
        return [name for name, value in self.locals.items() if value == UNCHANGED]
