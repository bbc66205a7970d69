"""What the events of a trace mean for the picture: its frames, its end, and what became of a prediction."""

from __future__ import annotations

from cwm_agent.events import FramesReached, PredictionScored, TraceBegan, TraceEnded
from cwm_agent.tui.picture import Picture, Traced, TraceRun


def began(picture: Picture, event: TraceBegan) -> None:
    """A world traces a subject: a new item, or the other half of one."""
    traced = _find(picture, event.trace)
    if traced is None:
        traced = Traced(event.trace, event.subject, event.path)
        picture.traces.append(traced)
        picture.add(traced)
    traced.path = traced.path or event.path
    traced.runs[event.origin] = TraceRun(event.origin)
    traced.touch()


def reached(picture: Picture, event: FramesReached) -> None:
    """More frames; the panel shows them."""
    traced = _find(picture, event.trace)
    if traced is None or event.origin not in traced.runs:
        return
    traced.runs[event.origin].read(event.frames)
    traced.touch()
    picture.scene = "trace"


def ended(picture: Picture, event: TraceEnded) -> None:
    """A trace is over; with the second one, the two are compared."""
    traced = _find(picture, event.trace)
    if traced is None or event.origin not in traced.runs:
        return
    traced.runs[event.origin].outcome = event.outcome
    imagined, real = traced.imagined, traced.real
    if imagined and real and imagined.outcome and real.outcome and imagined.frames and real.frames:
        from cwm_agent.traces.compare import compare  # not needed for the first paint

        traced.comparison = compare(imagined.trace, real.trace)
    traced.touch()


def scored(picture: Picture, event: PredictionScored) -> None:
    """A prediction met its fact: the meter, and a word where it was made."""
    made, true = picture.foresight
    picture.foresight = made + 1, true + event.came_true
    traced = _find(picture, event.trace)
    if traced is not None:
        traced.scores = (*traced.scores, event)
        traced.touch()


def _find(picture: Picture, number: int) -> Traced | None:
    return next((each for each in reversed(picture.traces) if each.number == number), None)
