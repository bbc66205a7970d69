"""What if a local had another value: what is asked of the user, and how the answer is read. Pure."""

from __future__ import annotations

import ast

from cwm_agent.events import ImagineOn
from cwm_agent.observations import Origin
from cwm_agent.text import printable_line
from cwm_agent.traces.grammar import HAS_LOCALS
from cwm_agent.tui.loupe import Loupe
from cwm_agent.views.steps import Step

LONGEST = 200
"""Characters of a value that is offered for editing."""


def subject(loupe: Loupe) -> tuple[Origin, Step] | None:
    """The frame whose locals may be changed: the real one where there is one, for its state is the true one."""
    place = loupe.place
    if place is None:
        return None
    for origin in (Origin.REAL, Origin.IMAGINED):
        step = place.couple.of(origin)
        if step is not None and step.frame.event in HAS_LOCALS and step.frame.locals:
            return origin, step
    return None


def offered(loupe: Loupe) -> str | None:
    """A local to begin with, as `name = value`: one that the two have otherwise, that just changed, or the first."""
    found = subject(loupe)
    if found is None:
        return None
    origin, step = found
    frame, other = step.frame, loupe.other(origin)
    wrong = [name for name, value in frame.locals.items() if other is not None and other.get(name) != value]
    changed = [each.name for each in step.changes if each.after is not None and step.since is not None]
    name = (wrong + changed + list(frame.locals))[0]
    value = frame.locals[name]
    return f"{name} = {printable_line(value) if len(value) <= LONGEST else ''}"


def read(loupe: Loupe, answer: str) -> ImagineOn | str:
    """What is to be imagined, or why the answer is no value."""
    found, traced = subject(loupe), loupe.traced
    if found is None or traced is None:
        return "This frame has no locals to change: step to a call or a line."
    name, sign, value = (part.strip() for part in answer.partition("="))
    if not sign or not name.isidentifier() or not value:
        return f"Write it as name = value, not {printable_line(answer)}."
    try:
        ast.parse(value, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return f"{printable_line(value)} is no Python expression."
    origin, step = found
    return ImagineOn(traced.number, origin, step.number, {name: value})
