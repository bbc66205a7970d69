"""How traces look outside the full screen: a table, two side by side, a page, a picture. Every text is made safe."""

from __future__ import annotations

from rich.console import Console, RenderableType

from cwm_agent.observations import Origin, Outcome
from cwm_agent.traces.compare import Comparison, compare
from cwm_agent.traces.frames import Trace
from cwm_agent.views import one_trace, two_traces
from cwm_agent.views.paint import painted
from cwm_agent.views.spans import Line
from cwm_agent.views.view import TraceView

__all__ = ["TraceView", "html", "lines", "side_by_side", "svg", "table", "text"]


def table(
    trace: Trace, *, origin: Origin, subject: str, outcome: Outcome, width: int, source: str = ""
) -> RenderableType:
    """One trace, for a rich console."""
    rows = one_trace.rows(trace, origin=origin, subject=subject, outcome=outcome, width=width, source=source)
    return painted(rows)


def side_by_side(
    imagined: Trace,
    real: Trace,
    comparison: Comparison,
    *,
    subject: str,
    outcomes: dict[Origin, Outcome],
    width: int,
    source: str = "",
) -> RenderableType:
    """Both traces, for a rich console."""
    rows = two_traces.rows(imagined, real, comparison, subject=subject, outcomes=outcomes, width=width, source=source)
    return painted(rows)


def lines(shown: TraceView, width: int) -> list[Line]:
    """What a terminal of this width shows: both traces compared, the only one, or that there is none."""
    if shown.imagined is not None and shown.real is not None:
        comparison = shown.comparison or compare(shown.imagined, shown.real)
        return two_traces.rows(
            shown.imagined,
            shown.real,
            comparison,
            subject=shown.subject,
            outcomes=shown.outcomes,
            width=width,
            source=shown.source,
        )
    found: list[Line] = []
    for origin, trace in shown.traces.items():
        found += one_trace.rows(
            trace,
            origin=origin,
            subject=shown.subject,
            outcome=shown.outcome(origin),
            width=width,
            source=shown.source,
        )
    return found


def text(shown: TraceView, console: Console) -> None:
    """Print a view on a console, in its width."""
    console.print(painted(lines(shown, console.width)))


def html(shown: TraceView) -> str:
    """A page that stands alone: no network, nothing in a value is ever executed."""
    from cwm_agent.views.page import page

    return page(shown)


def svg(shown: TraceView) -> str:
    """A picture of the table, or of both traces."""
    from cwm_agent.views.picture import picture

    return picture(shown)
