"""Traces as training examples: what stands before the first frame, and the frames that are to be learnt."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from cwm_agent.nano.programs import Program, program
from cwm_agent.nano.recording import traces_of
from cwm_agent.traces.encode import prompt_segments, trace_segments
from cwm_agent.traces.entry import Entry, mark, wrap
from cwm_agent.traces.frames import Trace
from cwm_agent.traces.grammar import START_MARKER
from cwm_agent.traces.segments import Segment

WRAPPED = 1
"""Of three examples so many have a marked `main` around the call; the others begin in the called function itself."""
HELD_OUT = 1_000_000_000
"""Seeds from here on are never trained on."""


class Example(Struct, frozen=True):
    """One trace to learn: `frames` begin with the call frame of the entry and end the text."""

    program: Program
    entry: Entry
    trace: Trace

    @property
    def prompt(self) -> list[Segment]:
        """The context with its marked entry."""
        return prompt_segments(self.entry.text)

    @property
    def frames(self) -> list[Segment]:
        """The frames and the end of the text."""
        return trace_segments(self.trace.frames)


def entry_of(made: Program, *, wrapped: bool) -> tuple[Entry, str, str]:
    """The marked context, the source that is run, and the call that is traced."""
    if not wrapped:
        return mark(made.source, made.entry), made.source, made.call
    entry = wrap(made.source, made.call)
    return entry, entry.text.replace(START_MARKER, ""), f"{entry.function}()"


def examples(seeds: range, level: int, *, withheld: bool | None = None) -> Iterator[Example]:
    """The examples of these seeds whose traces are short enough, each source and call once.

    `withheld` takes only those that are kept for measuring, or, False, only the others.
    """
    made = {(each.source, each.call): each for each in (program(seed, level) for seed in seeds)}
    if withheld is not None:
        made = {key: each for key, each in made.items() if each.withheld is withheld}
    asked = []
    for number, each in enumerate(made.values()):
        asked.append((each, *entry_of(each, wrapped=number % 3 < WRAPPED)))
    traces = traces_of([(source, call) for _, _, source, call in asked])
    for (each, entry, _, _), trace in zip(asked, traces, strict=True):
        if trace is not None and trace.frames:
            yield Example(each, entry, trace)
