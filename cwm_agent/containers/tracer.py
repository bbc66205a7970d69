"""The real tracer from the host's side: a call, a script or a test run under it in a session's container."""

from __future__ import annotations

import asyncio
import contextlib
import posixpath
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from cwm_agent.containers.channel import Channel, ChannelClosed
from cwm_agent.containers.container import Container
from cwm_agent.containers.framing import Frame as ChannelFrame
from cwm_agent.containers.framing import Header
from cwm_agent.containers.output import OutputText
from cwm_agent.containers.spec import WORKSPACE
from cwm_agent.containers.toolbox import TOOLBOX_PYTHON, TRACER
from cwm_agent.errors import SandboxError
from cwm_agent.observations import (
    Completed,
    Finished,
    FrameReached,
    LimitReached,
    Limits,
    Outcome,
    OutputWritten,
    TraceCall,
    WorldEvent,
    WorldNoticed,
)
from cwm_agent.protocols import RecordedCall
from cwm_agent.traces.frames import Frame, FrameKind

SERVICE = (*TOOLBOX_PYTHON, f"{TRACER}/served.py")
LINGER_SECONDS = 2.0
"""How long a program may go on once its trace has reached a limit, to end by itself."""

_GRACE = 10.0
_TRACE_BYTES = 64 * 1024 * 1024
_NOTICES = {"lost": "the program switched tracing off, or its recursion did; the trace ends before the program"}

Connect = Callable[[], Awaitable[Channel]]


class _Line(Struct):
    """One line of the tracer: a frame, a recorded call, or the news that the trace is over."""

    event: Literal["call", "line", "return", "exception", "input", ""] = ""
    file: str = ""
    function: str = ""
    line: int | None = None
    depth: int = 0
    source: str = ""
    locals: dict[str, str] = {}
    value: str | None = None
    thread: int = 0
    over: str = ""
    module: str | None = None
    qualname: str = ""
    arguments: dict[str, str] = {}
    expressions: dict[str, str] = {}
    call: str | None = None

    def frame(self) -> Frame:
        return Frame(
            event=FrameKind(self.event),
            file=self.file,
            function=self.function,
            line=self.line,
            depth=self.depth,
            source=self.source,
            locals=self.locals,
            value=self.value,
        )


_decode = msgspec.json.Decoder(_Line).decode


def read_frames(lines: bytes) -> Iterator[Frame]:
    """The frames of the first thread among whole lines of the tracer."""
    return _Trace().feed(lines)


class ServedTracer:
    """Traces one program at a time, each in processes of its own; `connect` starts the service for it.

    The frames of the thread that makes the call come as they are reached; those of other threads follow at its end,
    thread by thread, each with depths of its own. A program whose trace has reached a limit may go on for
    LINGER_SECONDS and is then ended.
    """

    def __init__(self, connect: Connect, root: str = WORKSPACE) -> None:
        self._connect = connect
        self._root = root

    def call(self, request: TraceCall, limits: Limits) -> AsyncGenerator[WorldEvent]:
        """Evaluate the call in the module; this is a `worlds.real.Tracer`."""
        argv = ["--root", "{folder}", "--call", request.entry, "{text}"]
        if request.path:
            path = posixpath.join(self._root, request.path)
            argv = ["--root", self._root, "--text", "{text}", "--call", request.entry, path]
        return self._events(argv, request.source, limits)

    def script(self, path: str, arguments: Sequence[str], limits: Limits) -> AsyncGenerator[WorldEvent]:
        """Run a file of the snapshot as `python PATH ARGUMENTS`."""
        return self._events(["--root", self._root, "--script", path, *arguments], "", limits)

    def test(self, identity: str, limits: Limits) -> AsyncGenerator[WorldEvent]:
        """Run one pytest test; its call phase is traced."""
        return self._events(["--root", self._root, "--test", identity], "", limits)

    async def inputs(self, identity: str, limits: Limits) -> tuple[RecordedCall, ...]:
        """The calls that one pytest test makes into the user's code, in order; none where it does not run."""
        found: list[RecordedCall] = []
        async for header, payload in self._conversation(["--root", self._root, "--inputs", identity], "", limits):
            if header["t"] == "frames":
                lines = map(_decode, payload.splitlines())
                found += [msgspec.convert(line, RecordedCall, from_attributes=True) for line in lines if line.event]
        return tuple(found)

    async def _events(self, argv: list[str], source: str, limits: Limits) -> AsyncGenerator[WorldEvent]:
        text = OutputText()
        trace = _Trace()
        conversation = self._conversation(argv, source, limits)
        done: Header = {}
        async with contextlib.aclosing(conversation):
            async for header, payload in conversation:
                if header["t"] == "frames":
                    for frame in trace.feed(payload):
                        yield FrameReached(frame)
                    continue
                said = text.cut(header["bytes"]) if header["t"] == "cut" else text.feed(payload)
                if said:
                    yield OutputWritten(said)
                done = header
        if said := text.finish():
            yield OutputWritten(said)
        for frame in trace.others():
            yield FrameReached(frame)
        if trace.over in _NOTICES:
            yield WorldNoticed(_NOTICES[trace.over])
        yield Finished(_outcome(done, trace.over, limits))

    async def _conversation(self, argv: list[str], source: str, limits: Limits) -> AsyncGenerator[ChannelFrame]:
        """What the service sends, up to and with its `done`; closing it ends all that was started."""
        order = {
            "t": "trace",
            "argv": ["--frames", str(limits.frames), "--bytes", str(_TRACE_BYTES), *argv],
            "cwd": self._root,
            "seconds": limits.seconds,
            "keep": limits.output_bytes,
            "flood": limits.flood_bytes,
            "linger": LINGER_SECONDS,
        }
        channel = await self._connect()
        try:
            async with asyncio.timeout(limits.seconds + _GRACE) as deadline:
                await channel.send(order, source.encode("utf-8", "surrogatepass"))
            while True:
                async with asyncio.timeout_at(deadline.when()):
                    frame = await channel.receive()
                yield frame
                if frame[0]["t"] == "done":
                    return
        except (ChannelClosed, TimeoutError) as error:
            raise SandboxError(
                f"The trace ended in the middle: {error or 'nothing was heard of the tracer'}.",
                remedy="Run the code as a command to see what ends it.",
            ) from error
        finally:
            await channel.close()


class ContainerTracer(ServedTracer):
    """The tracer of the project that stands at `root` in a container."""

    def __init__(self, container: Container, root: str = WORKSPACE) -> None:
        super().__init__(lambda: Channel.over(container, SERVICE, workdir="/"), root)


class _Trace:
    """The tracer's lines on their way to frames; those of other threads are kept for the end."""

    def __init__(self) -> None:
        self.over = ""
        self._others: dict[int, list[Frame]] = {}

    def feed(self, payload: bytes) -> Iterator[Frame]:
        """The frames of the first thread among whole lines."""
        for text in payload.splitlines():
            line = _decode(text)
            if line.over:
                self.over = line.over
            elif line.thread:
                self._others.setdefault(line.thread, []).append(line.frame())
            else:
                yield line.frame()

    def others(self) -> Iterator[Frame]:
        """The frames of the other threads."""
        for number in sorted(self._others):
            yield from self._others[number]


def _outcome(done: Header, over: str, limits: Limits) -> Outcome:
    """How the run ended; a limit of the trace counts before the program's own end."""
    if done["limit"] == "time":
        return LimitReached("time", f"{limits.seconds:g} s")
    if done["limit"] == "output":
        return LimitReached("output", f"more than {limits.flood_bytes:,} bytes written")
    if over == "frames":
        return LimitReached("frames", f"{limits.frames:,} frames")
    if over == "bytes":
        return LimitReached("frames", f"{_TRACE_BYTES:,} bytes of frames")
    if over == "disk":
        return LimitReached("disk", "no room for more frames")
    return Completed(int(done["exit"]))
