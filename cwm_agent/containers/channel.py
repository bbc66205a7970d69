"""A framed conversation with one service inside a container, over the standard streams of an attached exec."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from cwm_agent.containers.framing import PAYLOAD_LIMIT, BadFrame, Decoder, Frame, Header, Streams, encode

if TYPE_CHECKING:
    from cwm_agent.containers.container import Container

CHUNK = 256 * 1024
DIAGNOSTICS_LIMIT = 16 * 1024
WAITING_LIMIT = 4 * 1024 * 1024
_FRAME_COST = 512


class ChannelClosed(Exception):
    """The other end is gone; `diagnostics` is the last that it wrote to its standard error."""

    def __init__(self, reason: str, diagnostics: str = "") -> None:
        super().__init__(f"{reason}: {diagnostics}" if diagnostics else reason)
        self.diagnostics = diagnostics


class _Wire(Protocol):
    """Two streams in, one out, blocking; `shut` wakes whoever waits in it."""

    socket: socket.socket

    def pieces(self) -> list[tuple[int, bytes]]:
        """What came next, as (1 for output or 2 for diagnostics, bytes); empty at the end."""
        ...

    def shut(self) -> None:
        """End both directions."""
        ...


class _EngineWire:
    """The connection of an attached exec; the engine interleaves the two streams in it."""

    def __init__(self, attached: socket.socket) -> None:
        self.socket = attached
        self._streams = Streams()

    def pieces(self) -> list[tuple[int, bytes]]:
        while data := self.socket.recv(CHUNK):
            if pieces := self._streams.feed(data):
                return pieces
        return []

    def shut(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)


class _ProcessWire:
    """A process on this machine in place of one in a container."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str] | None) -> None:
        self.socket, theirs = socket.socketpair()
        with theirs:
            end = theirs.fileno()
            self.process = subprocess.Popen(argv, stdin=end, stdout=end, stderr=subprocess.PIPE, env=env)
        self._diagnostics = deque[bytes](maxlen=DIAGNOSTICS_LIMIT // 4096)
        self._thread = threading.Thread(target=self._read_diagnostics, daemon=True)
        self._thread.start()

    def _read_diagnostics(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            while data := os.read(stream.fileno(), 4096):
                self._diagnostics.append(data)

    def pieces(self) -> list[tuple[int, bytes]]:
        if data := self.socket.recv(CHUNK):
            return [(1, data)]
        self.process.wait()
        self._thread.join(1.0)
        found = [(2, data) for data in self._diagnostics]
        self._diagnostics.clear()
        return found

    def shut(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        try:
            self.process.wait(2.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Channel:
    """Frames to and from a service. One task receives; any may send. What waits unread is bounded, and so is memory.

    `send` and `receive` raise ChannelClosed once the service is gone, after the frames that it sent before.
    """

    def __init__(self, wire: _Wire, payload_limit: int = PAYLOAD_LIMIT) -> None:
        self._wire = wire
        self._loop = asyncio.get_running_loop()
        self._decoder = Decoder(payload_limit)
        self._frames: asyncio.Queue[Frame | None] = asyncio.Queue()
        self._room = threading.Condition()
        self._waiting = 0
        self._diagnostics = b""
        self._reason = "the service ended"
        self._closed = False
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="channel-writer")
        self._sending: Future[None] | None = None
        self._reader = threading.Thread(target=self._read, name="channel-reader", daemon=True)
        self._reader.start()

    @classmethod
    async def over(
        cls,
        container: Container,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        workdir: str = "/workspace",
        user: str | None = None,
        payload_limit: int = PAYLOAD_LIMIT,
    ) -> Channel:
        """Start `argv` in the container and talk to it; closing the channel ends its standard input."""
        attached = await container.exec_socket(list(argv), env=dict(env) if env else None, workdir=workdir, user=user)
        return cls(_EngineWire(attached), payload_limit)

    @classmethod
    async def over_subprocess(
        cls, argv: Sequence[str], *, env: Mapping[str, str] | None = None, payload_limit: int = PAYLOAD_LIMIT
    ) -> Channel:
        """Start `argv` on this machine and talk to it, for services that need no container to be tried."""
        return cls(_ProcessWire(argv, env), payload_limit)

    @property
    def ended(self) -> bool:
        """Whether the service is known to be gone; what it sent before may still be received."""
        return self._closed or not self._reader.is_alive()

    async def send(self, header: Header, payload: bytes = b"") -> None:
        """Hand one frame over; returns when the socket has taken it."""
        if self._closed:
            raise self._ended()
        data = memoryview(encode(header, payload))
        try:
            if self._sending is None or self._sending.done():
                data = data[self._offer(data) :]
            if data:
                self._sending = self._writer.submit(self._wire.socket.sendall, data)
                # A cancelled caller must not leave half a frame on the wire.
                await asyncio.shield(asyncio.wrap_future(self._sending))
        except OSError as error:
            raise self._ended() from error

    async def receive(self) -> Frame:
        """The next frame, in order."""
        frame = await self._frames.get()
        if frame is None:
            self._frames.put_nowait(None)
            raise self._ended()
        self._make_room(frame)
        return frame

    async def close(self) -> None:
        """End the conversation; the service sees the end of its standard input."""
        if self._closed:
            return
        self._closed = True
        with self._room:
            self._room.notify_all()
        await asyncio.to_thread(self._shut)

    def _shut(self) -> None:
        self._wire.shut()
        self._reader.join(5.0)
        self._writer.shutdown(wait=False)
        self._wire.socket.close()

    def _offer(self, data: memoryview) -> int:
        """How many bytes the socket takes at once, without a thread; a TLS socket cannot say and takes none."""
        try:
            return self._wire.socket.send(data, socket.MSG_DONTWAIT)
        except (BlockingIOError, ValueError):
            return 0

    def _ended(self) -> ChannelClosed:
        return ChannelClosed(self._reason, self._diagnostics.decode("utf-8", "replace").strip())

    def _make_room(self, frame: Frame) -> None:
        with self._room:
            self._waiting -= len(frame[1]) + _FRAME_COST
            self._room.notify_all()

    def _read(self) -> None:
        """The reader thread: ends with the wire, with nonsense on it, or with the loop."""
        try:
            while pieces := self._wire.pieces():
                for stream, data in pieces:
                    if stream == 1:
                        for frame in self._decoder.feed(data):
                            self._deliver(frame)
                    else:
                        self._diagnostics = (self._diagnostics + data)[-DIAGNOSTICS_LIMIT:]
        except BadFrame as error:
            self._reason = f"the service sent nonsense: {error}"
        except OSError as error:
            self._reason = f"the connection broke: {error}"
        except RuntimeError:
            return  # the event loop is closed: nobody is left to tell
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._frames.put_nowait, None)

    def _deliver(self, frame: Frame) -> None:
        with self._room:
            self._room.wait_for(lambda: self._waiting < WAITING_LIMIT or self._closed)
            self._waiting += len(frame[1]) + _FRAME_COST
        self._loop.call_soon_threadsafe(self._frames.put_nowait, frame)
