"""Imagination in one request: the model writes the whole trace, unbound or under a grammar."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from cwm_agent.protocols import TraceModel
from cwm_agent.traces.decode import Ended
from cwm_agent.traces.frames import Frame, FrameKind
from cwm_agent.traces.grammar import SPECIAL_OF_KIND, Special
from cwm_agent.worlds.imagination.pen import Pen
from cwm_agent.worlds.imagination.reader import Reader


async def free(
    reader: Reader, pen: Pen, model: TraceModel, then: FrameKind | None = None, grammar: str | None = None
) -> AsyncGenerator[Frame]:
    """The frames after those that the reader was given, to the end of the entry."""
    if then is not None:
        pen.force(SPECIAL_OF_KIND[then])
        reader.read([SPECIAL_OF_KIND[then]])
    async with aclosing(pen.ask(stop=model.vocabulary.stop_ids(), grammar=grammar)) as tokens:
        async for token in tokens:
            segment = pen.take(token)
            for event in reader.read([segment]):
                if isinstance(event, Ended):
                    reader.close(pen)
                    return
                yield event
                if reader.over:
                    return
            if segment is Special.FRAME:
                pen.finish_frame()
    reader.close(pen)


async def free_frame(reader: Reader, pen: Pen) -> Frame:
    """One frame that the model writes unbound, up to its end."""
    async with aclosing(pen.ask()) as tokens:
        async for token in tokens:
            segment = pen.take(token)
            for event in reader.read([segment]):
                if isinstance(event, Ended):
                    raise pen.unreadable("the model ended the trace before the entry returned")
                pen.finish_frame()
                return event
    raise pen.unreadable("the model stopped before the entry returned")
