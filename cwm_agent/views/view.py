"""What there is to show of one subject: its traces, how they ended, and how they compare."""

from __future__ import annotations

from msgspec import Struct

from cwm_agent.observations import Completed, Origin, Outcome
from cwm_agent.traces.compare import Comparison
from cwm_agent.traces.frames import Trace


class TraceView(Struct, frozen=True, kw_only=True):
    """One call or test, traced by one world or by both.

    `source` is the text of the file at `path`, whole, or empty where it is not known. An origin without an outcome
    counts as completed.
    """

    subject: str
    path: str = ""
    source: str = ""
    imagined: Trace | None = None
    real: Trace | None = None
    outcomes: dict[Origin, Outcome] = {}
    comparison: Comparison | None = None

    @property
    def traces(self) -> dict[Origin, Trace]:
        """The traces there are, the imagined one first."""
        both = ((Origin.IMAGINED, self.imagined), (Origin.REAL, self.real))
        return {origin: trace for origin, trace in both if trace is not None}

    def outcome(self, origin: Origin) -> Outcome:
        """How the trace of this origin ended."""
        return self.outcomes.get(origin, Completed(0))
