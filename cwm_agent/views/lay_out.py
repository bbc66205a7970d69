"""A view as lines of text: both traces compared, or the only one."""

from __future__ import annotations

from cwm_agent.traces.compare import compare
from cwm_agent.views import one_trace, two_traces
from cwm_agent.views.spans import Line
from cwm_agent.views.view import TraceView


def lines(shown: TraceView, width: int) -> list[Line]:
    """What a terminal of this width shows; nothing where there is no trace."""
    if shown.imagined is not None and shown.real is not None:
        return two_traces.rows(
            shown.imagined,
            shown.real,
            shown.comparison or compare(shown.imagined, shown.real),
            subject=shown.subject,
            outcomes=shown.outcomes,
            width=width,
            source=shown.source,
        )
    return [
        line
        for origin, trace in shown.traces.items()
        for line in one_trace.rows(
            trace,
            origin=origin,
            subject=shown.subject,
            outcome=shown.outcome(origin),
            width=width,
            source=shown.source,
        )
    ]
