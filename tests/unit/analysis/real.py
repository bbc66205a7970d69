"""What real runs did, as the room has to foretell it: transitions from frame to frame, and locals that changed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

from cwm_agent.traces.frames import Frame, FrameKind
from tests.unit.tracing import RUNNING, trace, write

FRAMES = "200000"


class Step(NamedTuple):
    """One frame, the one that came next in its thread, and the last frames of the suspended functions."""

    frame: Frame
    following: Frame
    stack: list[Frame]


class Changed(NamedTuple):
    """A line frame, and the next frame with locals of the same call."""

    frame: Frame
    following: Frame

    @property
    def names(self) -> set[str]:
        before, after = self.frame.locals, self.following.locals
        return {name for name in {**before, **after} if before.get(name) != after.get(name)}


def run(folder: Path, programs: dict[str, str], python: str = RUNNING) -> dict[str, list[list[Frame]]]:
    """Each program's frames, thread by thread; all run behind one call, so that it costs one process."""
    files = {f"p{number}.py": dedent(text) for number, text in enumerate(programs.values())}
    calls = "".join(f"    run(p{number}.main)\n" for number in range(len(files)))
    imports = "".join(f"import p{number}\n" for number in range(len(files)))
    attempt = "def run(f):\n    try:\n        f()\n    except Exception:\n        pass\n\n"
    write(folder, {**files, "f.py": f"{imports}\n{attempt}def everything():\n{calls}"})
    traced = trace(folder, "--frames", FRAMES, "--bytes", "400000000", "--call", "everything()", "f.py", python=python)
    assert (traced.over, traced.exit) == ("", 0), traced.err
    threads: dict[int, list[Frame]] = {}
    for each in traced.frames:
        threads.setdefault(each.pop("thread"), []).append(Frame(**{**each, "event": FrameKind(each["event"])}))
    return {
        name: [_of_file(frames, f"p{number}.py") for frames in threads.values()] for number, name in enumerate(programs)
    }


def _of_file(frames: list[Frame], file: str) -> list[Frame]:
    return [frame for frame in frames if frame.file == file]


def steps(frames: list[Frame]) -> Iterator[Step]:
    """Every transition within one program and thread; the end of its `main` leads out of it."""
    last: dict[int, Frame] = {}
    for frame, following in pairwise(frames):
        last = {depth: each for depth, each in last.items() if depth <= frame.depth}
        last[frame.depth] = frame
        if frame.event is FrameKind.RETURN:
            del last[frame.depth]
        stack = [last[depth] for depth in sorted(last) if depth < frame.depth]
        if stack or frame.event is not FrameKind.RETURN:
            yield Step(frame, following, stack)


def changes(frames: list[Frame]) -> Iterator[Changed]:
    """Every line with what its function shows next."""
    for at, frame in enumerate(frames):
        if frame.event is FrameKind.LINE:
            following = _next_of_call(frames, at)
            if following is not None:
                yield Changed(frame, following)


def _next_of_call(frames: list[Frame], at: int) -> Frame | None:
    depth = frames[at].depth
    for frame in frames[at + 1 :]:
        if frame.depth < depth or (frame.depth == depth and frame.event in (FrameKind.CALL, FrameKind.RETURN)):
            return None
        if frame.depth == depth and frame.event is FrameKind.LINE:
            return frame
    return None
