"""Imagination in one request under a grammar: the model can write nothing that the flow of control does not allow."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from cwm_agent.observations import WorldNoticed
from cwm_agent.protocols import TraceModel
from cwm_agent.traces.frames import FrameKind
from cwm_agent.worlds.imagination.ebnf import Grammar, TooLarge
from cwm_agent.worlds.imagination.free import free
from cwm_agent.worlds.imagination.pen import Pen
from cwm_agent.worlds.imagination.reader import Reader, Step
from cwm_agent.worlds.imagination.shapes import Shapes


async def guided(reader: Reader, pen: Pen, model: TraceModel, then: FrameKind | None = None) -> AsyncGenerator[Step]:
    """The frames after those that the reader was given, to the end of the entry; free where there is no grammar."""
    grammar, why = _grammar(reader, then)
    if why:
        yield WorldNoticed(f"This call is imagined without a grammar: {why}.")
    async with aclosing(free(reader, pen, model, None if grammar else then, grammar)) as steps:
        async for step in steps:
            yield step


def _grammar(reader: Reader, then: FrameKind | None) -> tuple[str | None, str]:
    """The grammar of what can follow, or None and why there is none."""
    scene, last = reader.scene, reader.last
    assert last is not None
    if any(frame.line is None or not frame.function for frame in [*reader.stack, last]):
        return None, "it is not sure where in the source it stands"
    try:
        text = Grammar(scene, Shapes(scene.entry.text, scene.tree)).write(reader.stack, last, then)
    except TooLarge:
        return None, "its source is too large for one"
    return (text, "") if text else (None, f"the flow of control leads to no {then}" if then else "it has ended")
