"""Raw frames made whole: depth and line by following the flow, locals by following the call stack."""

from __future__ import annotations

from cwm_agent.observations import Unreadable
from cwm_agent.traces.encode import frame_segments
from cwm_agent.traces.frames import Basis, Frame, FrameKind
from cwm_agent.traces.locals import Resolver, UnknownValue
from cwm_agent.traces.place import Placer, Successors
from cwm_agent.traces.raw import RawFrame
from cwm_agent.traces.segments import as_text


class Follower:
    """Turns the raw frames of one trace into whole ones, in order; `file` is the name that the frames carry."""

    def __init__(self, source: str, successors: Successors, file: str = "") -> None:
        self.placer = Placer(source, successors)
        self.resolver = Resolver()
        self._file = file
        self._count = 0

    def follow(self, raw: RawFrame, basis: dict[str, Basis] | None = None) -> Frame | Unreadable:
        """The whole frame, or why there is none; after an Unreadable the trace cannot be followed further."""
        self._count += 1
        if self.placer.ended:
            return self._unreadable(raw, "it follows after the entry has returned")
        if self.placer.depth < 0 and raw.event is not FrameKind.CALL:
            return self._unreadable(raw, "a trace begins with a call")
        place = self.placer.place(raw)
        whole = self.resolver.resolve(raw, place.depth)
        if isinstance(whole, UnknownValue):
            return self._unreadable(raw, f"`{whole.name}` is said to be unchanged, but has no value yet")
        return Frame(
            event=raw.event,
            file=self._file,
            function=place.function,
            line=place.line,
            depth=place.depth,
            source=raw.source.removesuffix("\n"),
            locals=whole,
            value=raw.value,
            basis=basis or {},
        )

    def _unreadable(self, raw: RawFrame, reason: str) -> Unreadable:
        return Unreadable(as_text(frame_segments(raw)), f"Frame {self._count}: {reason}.")
