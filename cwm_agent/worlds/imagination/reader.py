"""The trace that is being imagined, as far as it is: text becomes whole, placed frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from cwm_agent.observations import Completed, Unreadable, WorldNoticed
from cwm_agent.traces.decode import Decoder, Ended
from cwm_agent.traces.encode import frame_segments
from cwm_agent.traces.follow import Follower
from cwm_agent.traces.frames import Basis, Frame, FrameKind
from cwm_agent.traces.grammar import HAS_LOCALS
from cwm_agent.traces.locals import Shortener, shorten
from cwm_agent.traces.raw import RawFrame
from cwm_agent.traces.segments import Segment, as_text
from cwm_agent.worlds.imagination.pen import Cut, Pen
from cwm_agent.worlds.imagination.scene import Scene

Step = Frame | WorldNoticed
"""What an imagination yields; it ends by itself where the entry is left, and with Cut where it cannot go on."""


class Reader:
    """Follows one trace through its scene. `stack` has the last frame of each running function, outermost first."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.stack: list[Frame] = []
        self.last: Frame | None = None
        self.raised = False  # `last` is the return of a function that an exception left
        self.fallen: str | None = None  # the exception that was raised last
        self._decoder = Decoder()
        self._follower = Follower(scene.entry.text, scene.flow.successors, scene.path)
        self._shortener = Shortener()

    def given(self, frames: Sequence[Frame]) -> None:
        """Frames that nobody has to imagine, with the lines that they are known to have."""
        for raw, known in zip(shorten(frames), frames, strict=True):
            self._decoder.feed(frame_segments(raw))
            frame = self._follower.follow(raw)
            if isinstance(frame, Unreadable):
                raise Cut(frame)
            self._reached(replace(frame, line=known.line or frame.line, function=known.function or frame.function))

    def read(self, segments: Iterable[Segment]) -> list[Frame | Ended]:
        """The frames of a text that the model wrote unbound; Cut where it is no trace."""
        found: list[Frame | Ended] = []
        for event in self._decoder.feed(segments):
            if isinstance(event, Ended):
                found.append(event)
                continue
            frame = event if isinstance(event, Unreadable) else self._follower.follow(event)
            if isinstance(frame, Unreadable):
                raise Cut(frame)
            assert isinstance(event, RawFrame)
            found.append(self._reached(replace(frame, basis=_free(frame))))
        return found

    def finish(
        self,
        segments: Sequence[Segment],
        basis: dict[str, Basis],
        line: tuple[str, int] | None,
        logprobs: dict[str, float],
    ) -> Frame:
        """The frame that these segments are, at a function and line that are known where they are given."""
        events = self._decoder.feed(segments)
        event = events[0] if len(events) == 1 else Unreadable(as_text(segments), "This is no frame.")
        frame = self._follower.follow(event) if isinstance(event, RawFrame) else event
        if not isinstance(frame, Frame):
            raise Cut(frame if isinstance(frame, Unreadable) else Unreadable(as_text(segments), "This is no frame."))
        function, number = line or (frame.function, frame.line)
        return self._reached(replace(frame, basis=basis, function=function, line=number, logprobs=logprobs))

    def close(self, pen: Pen) -> None:
        """The model has ended: Cut, unless the entry was left before."""
        for event in self._decoder.close():
            assert isinstance(event, Unreadable)
            raise Cut(event)
        if not self.over:
            raise pen.unreadable("the model stopped before the entry returned")

    def known(self, depth: int) -> dict[str, str]:
        """The last whole locals of the function that runs at this depth."""
        return self._follower.resolver.known(depth)

    def shows_whole(self, depth: int) -> bool:
        """Whether a line frame of this depth, were it the next, would have its locals written whole."""
        return self._shortener.shown != depth

    @property
    def over(self) -> bool:
        """Whether the user's entry was left."""
        return self.last is not None and self.scene.over(self.last)

    def outcome(self) -> Completed:
        """How a trace that is over ended: exit code 1 where an exception left the entry."""
        return Completed(1 if self.raised else 0)

    def _reached(self, frame: Frame) -> Frame:
        before = self.stack[frame.depth] if frame.depth < len(self.stack) else None
        self.raised = (
            before is not None
            and before is self.last
            and before.event is FrameKind.EXCEPTION
            and frame.event is FrameKind.RETURN
        )
        del self.stack[frame.depth :]
        if frame.event is not FrameKind.RETURN:
            self.stack.append(frame)
        if frame.event is FrameKind.EXCEPTION:
            self.fallen = frame.value
        self._shortener.shorten(frame)
        self.last = frame
        return frame


def _free(frame: Frame) -> dict[str, Basis]:
    """Everything of this frame was written by the model."""
    names = ["<line>", *frame.locals] if frame.event in HAS_LOCALS else ["<line>", "<value>"]
    return dict.fromkeys(names, Basis.FREE)
