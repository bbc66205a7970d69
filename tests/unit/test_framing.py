"""The two halves of the frame format, the engine's streams, and the channel over a process on this machine."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import struct
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_agent.containers import framing
from cwm_agent.containers.channel import WAITING_LIMIT, Channel, ChannelClosed

RUNNER = Path(__file__).parents[2] / "sandbox" / "runner"


def inside() -> ModuleType:
    spec = importlib.util.spec_from_file_location("framing_inside", RUNNER / "framing.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


INSIDE = inside()
HEADERS = st.dictionaries(st.text(max_size=8), st.none() | st.integers(-(2**53), 2**53) | st.text() | st.booleans())
FRAMES = st.lists(st.tuples(HEADERS, st.binary(max_size=300)), max_size=5)


@given(FRAMES, st.integers(1, 40))
def test_both_halves_read_what_the_other_wrote_cut_anywhere(frames: list[tuple[Any, bytes]], step: int) -> None:
    for write, decoder in ((framing.encode, INSIDE.Decoder()), (INSIDE.encode, framing.Decoder())):
        data = b"".join(write(header, payload) for header, payload in frames)
        read = [frame for at in range(0, len(data), step) for frame in decoder.feed(data[at : at + step])]
        assert read == frames


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_waits_for_more(data: bytes) -> None:
    for decoder, refusal in ((framing.Decoder(1024), framing.BadFrame), (INSIDE.Decoder(1024), INSIDE.BadFrame)):
        try:
            frames = decoder.feed(data)
        except refusal:
            continue
        assert sum(len(payload) for _, payload in frames) <= len(data)


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">II", framing.HEADER_LIMIT + 1, 0),
        struct.pack(">II", 2, 2000),
        struct.pack(">II", 2, 0) + b"[]",
        struct.pack(">II", 2, 0) + b"\xff\xff",
    ],
    ids=["long header", "long payload", "no object", "no JSON"],
)
def test_a_bad_frame_is_refused_before_it_is_held(data: bytes) -> None:
    with pytest.raises(framing.BadFrame):
        framing.Decoder(1024).feed(data)
    with pytest.raises(INSIDE.BadFrame):
        INSIDE.Decoder(1024).feed(data)


def test_too_much_to_send_is_refused_by_the_sender() -> None:
    for half in (framing, INSIDE):
        with pytest.raises(half.BadFrame):
            half.encode({"long": "x" * framing.HEADER_LIMIT})


def test_blocking_descriptors_carry_frames_and_their_end() -> None:
    reader, writer = os.pipe()
    frames = [({"n": 1}, b"one"), ({"n": 2}, b"\x00" * 300_000)]

    def write() -> None:
        for header, payload in frames:
            INSIDE.write_frame(writer, header, payload)
        os.write(writer, b"\x00\x00")
        os.close(writer)

    thread = threading.Thread(target=write)
    thread.start()
    assert [INSIDE.read_frame(reader) for _ in frames] == frames
    with pytest.raises(INSIDE.BadFrame, match="within a frame"):
        INSIDE.read_frame(reader)
    thread.join()
    os.close(reader)


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(min_size=1, max_size=50))), st.integers(1, 20))
def test_the_engines_streams_are_taken_apart_wherever_they_are_cut(pieces: list[tuple[int, bytes]], step: int) -> None:
    data = b"".join(struct.pack(">B3xI", stream, len(piece)) + piece for stream, piece in pieces)
    streams = framing.Streams()
    found = [piece for at in range(0, len(data), step) for piece in streams.feed(data[at : at + step])]
    for stream in (1, 2):
        assert b"".join(p for s, p in found if s == stream) == b"".join(p for s, p in pieces if s == stream)


SERVICE = f"""
import sys; sys.path.insert(0, {str(RUNNER)!r})
from framing import read_frame, write_frame
"""


def service(body: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-B", "-c", SERVICE + body]


ECHO = service("""
while True:
    frame = read_frame(0)
    if frame is None: break
    write_frame(1, *frame)
""")


async def test_frames_go_both_ways_whole_and_in_order() -> None:
    channel = await Channel.over_subprocess(ECHO)
    large = os.urandom(3_000_000)
    sent = [({"n": n}, large if n % 5 == 0 else b"%d" % n) for n in range(12)]

    async def send() -> None:
        for header, payload in sent:
            await channel.send(header, payload)

    task = asyncio.create_task(send())
    assert [await channel.receive() for _ in sent] == sent
    await task
    await channel.close()
    with pytest.raises(ChannelClosed):
        await channel.send({})


async def test_a_service_that_ends_leaves_its_last_frames_and_words() -> None:
    channel = await Channel.over_subprocess(
        service("write_frame(1, {'last': True}); sys.stderr.write('x' * 99999 + 'no more')")
    )
    assert await channel.receive() == ({"last": True}, b"")
    for _ in range(2):
        with pytest.raises(ChannelClosed) as caught:
            await channel.receive()
    assert caught.value.diagnostics.endswith("no more")
    assert len(caught.value.diagnostics) < 20_000
    await channel.close()


async def test_nonsense_ends_the_channel_with_a_reason() -> None:
    channel = await Channel.over_subprocess(service("print('I am not a frame, I am just talking.', flush=True)"))
    with pytest.raises(ChannelClosed, match="nonsense"):
        await channel.receive()
    await channel.close()


async def test_a_flood_waits_at_the_source() -> None:
    channel = await Channel.over_subprocess(
        service("""
count = 0
while True:
    write_frame(1, {"n": count}, b"x" * 65536); count += 1
    if count == 2000: break
""")
    )
    await channel.receive()
    await asyncio.sleep(0.5)
    held = channel._waiting
    assert WAITING_LIMIT <= held <= WAITING_LIMIT + 100_000
    for expected in range(1, 2000):
        header, _ = await channel.receive()
        assert header == {"n": expected}
    await channel.close()


async def test_closing_ends_a_service_that_does_not_listen() -> None:
    channel = await Channel.over_subprocess(service("import time; time.sleep(600)"))
    waiting = asyncio.create_task(channel.receive())
    await asyncio.sleep(0)
    await asyncio.wait_for(channel.close(), 10)
    with pytest.raises(ChannelClosed):
        await waiting
