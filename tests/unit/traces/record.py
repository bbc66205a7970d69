"""A plain recorder over `sys.settrace`, to hold the room against what Python really does."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from cwm_agent.traces.frames import Frame, FrameKind, Trace

FILE = "program.py"
NO_FRAMES_OF_THEIR_OWN = {"<listcomp>", "<dictcomp>", "<setcomp>"}


def shown(value: object) -> str:
    return re.sub(r"0x[0-9a-f]+", "0x…", repr(value))


def record(source: str, call: str) -> Trace:
    """The frames of a call expression, evaluated in a module with this source."""
    lines = source.split("\n")
    frames: list[Frame] = []
    stack: list[FrameType] = []

    def note(frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        if frame.f_code.co_filename != FILE or frame.f_code.co_name in NO_FRAMES_OF_THEIR_OWN:
            return None
        if event == "call":
            stack.append(frame)
        value = None
        if event == "return":
            value = shown(argument)
        elif event == "exception":
            value = f"{argument[0].__name__}: {argument[1]}"
        frames.append(
            Frame(
                event=FrameKind(event),
                file=FILE,
                function=frame.f_code.co_name,
                line=frame.f_lineno,
                depth=len(stack) - 1,
                source=lines[frame.f_lineno - 1],
                locals={k: shown(v) for k, v in frame.f_locals.items()} if event in ("call", "line") else {},
                value=value,
            )
        )
        if event == "return":
            stack.pop()
        return note

    module: dict[str, Any] = {"__name__": "program"}
    exec(compile(source, FILE, "exec"), module)
    before = sys.gettrace()
    sys.settrace(note)
    try:
        eval(compile(call, "<call>", "eval"), module)
    except Exception:
        assert frames[-1].depth == 0  # it left the entry
    finally:
        sys.settrace(before)
    return Trace(tuple(frames))


def observed(trace: Trace) -> Callable[[str, int], set[int]]:
    """The flow that this run took: a flow that is right for it, and as narrow as can be."""
    found: dict[tuple[str, int], set[int]] = {}
    last: dict[int, tuple[str, int]] = {}
    for frame in trace.frames:
        assert frame.line
        if frame.event is FrameKind.LINE:
            found.setdefault(last[frame.depth], set()).add(frame.line)
        if frame.event is not FrameKind.RETURN:
            last[frame.depth] = (frame.function, frame.line)
    return lambda name, line: found.get((name, line), set())


def anywhere(source: str) -> Callable[[str, int], set[int]]:
    """The flow that rules nothing out."""
    every = set(range(1, source.count("\n") + 2))
    return lambda _name, _line: every
