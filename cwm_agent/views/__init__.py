"""How traces look outside the full screen: a table, two side by side, a page, a picture. Every text is made safe.

What makes them is imported when it is asked for: the full screen uses some of this room, and paints first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cwm_agent.views.view import TraceView

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["TraceView", "html", "svg", "text"]


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
