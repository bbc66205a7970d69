"""How traces look outside the full screen: a table, two side by side, a page, a picture. Every text is made safe.

What makes them is imported when it is asked for: the full screen uses some of this room, and paints first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cwm_agent.views.view import TraceView

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from cwm_agent.observations import Origin, Outcome
    from cwm_agent.traces.compare import Comparison
    from cwm_agent.traces.frames import Trace

__all__ = ["TraceView", "html", "side_by_side", "svg", "table", "text"]


def table(
    trace: Trace, *, origin: Origin, subject: str, outcome: Outcome, width: int, source: str = ""
) -> RenderableType:
    """One trace, for a rich console."""
    from cwm_agent.views import one_trace
    from cwm_agent.views.paint import painted

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
    from cwm_agent.views import two_traces
    from cwm_agent.views.paint import painted

    rows = two_traces.rows(imagined, real, comparison, subject=subject, outcomes=outcomes, width=width, source=source)
    return painted(rows)


def text(shown: TraceView, console: Console) -> None:
    """Print a view on a console, in its width: both traces compared, the only one, or nothing where there is none."""
    from cwm_agent.views.lay_out import lines
    from cwm_agent.views.paint import painted

    console.print(painted(lines(shown, console.width)))


def html(shown: TraceView) -> str:
    """A page that stands alone: no network, nothing in a value is ever executed."""
    from cwm_agent.views.page import page

    return page(shown)


def svg(shown: TraceView) -> str:
    """A picture of the table, or of both traces."""
    from cwm_agent.views.picture import picture

    return picture(shown)
