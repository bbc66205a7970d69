"""100,000 random and mutated inputs: no exception, no hang, nothing repaired, nothing after the first nonsense."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from cwm_agent.observations import Unreadable
from cwm_agent.traces.compare import compare
from cwm_agent.traces.decode import Decoder, TraceEvent
from cwm_agent.traces.follow import Follower
from cwm_agent.traces.frames import Frame, Trace
from cwm_agent.traces.grammar import CWM, Special
from cwm_agent.traces.jsonl import LineReader
from cwm_agent.traces.raw import RawFrame
from cwm_agent.traces.segments import IdSplitter
from tests.unit.traces.programs import PROGRAMS
from tests.unit.traces.record import anywhere

GOLDEN = Path(__file__).parents[2] / "golden" / "traces"
SOURCES = {name: source for name, (source, _) in PROGRAMS.items() if (GOLDEN / f"{name}.txt").exists()}
TEXTS = {name: (GOLDEN / f"{name}.txt").read_text().replace("|>\n", "|>")[:1200] for name in SOURCES}
SCRAPS = [special.value for special in Special]
SCRAPS += [
    '{"',
    '"}',
    "{}",
    '"',
    "\\",
    "\n",
    "..",
    "[",
    "]",
    "<|",
    "|>",
    "0",
    "null",
    "\x00",
    "é",
    "\ud800",
    ": ",
    "NaN",
]
ROUNDS = 100_000


def mutated(dice: random.Random, text: str) -> str:
    """A piece of a golden text with a few cuts, doublings, swaps and insertions."""
    start = dice.choice((0, 0, text.find("<|", dice.randrange(len(text)))))
    text = text[max(start, 0) :][: dice.randrange(1, 400)]
    for _ in range(dice.randrange(4)):
        a, b = sorted((dice.randrange(len(text) + 1), dice.randrange(len(text) + 1)))
        b = min(b, a + dice.randrange(40))
        kind = dice.randrange(4)
        middle = ("", text[a:b] * 2, dice.choice(SCRAPS), text[a:b][::-1])[kind]
        text = text[:a] + middle + text[b:]
    end = text.rfind("<|frame_sep|>")
    return text[: end + 13] if end > 0 and dice.randrange(2) else text


def noise(dice: random.Random) -> str:
    return "".join(dice.choices(SCRAPS, k=dice.randrange(1, 25)))


def decoded(dice: random.Random, text: str) -> list[TraceEvent]:
    decoder = Decoder(limit=dice.choice((40, 128 * 1024)))
    cut = dice.randrange(len(text) + 1)
    return [*decoder.feed_text(text[:cut]), *decoder.feed_text(text[cut:]), *decoder.close()]


def followed(name: str, events: list[TraceEvent]) -> list[Frame | Unreadable]:
    """The frames that came of it, up to the first that cannot be one."""
    follower = Follower(SOURCES[name], anywhere(SOURCES[name]))
    found: list[Frame | Unreadable] = []
    for event in events:
        if isinstance(event, RawFrame):
            found.append(follower.follow(event))
            if isinstance(found[-1], Unreadable):
                break
    return found


def test_no_text_makes_the_decoder_raise_or_hang() -> None:
    dice = random.Random(20260)
    ends: Counter[str] = Counter()
    for number in range(ROUNDS):
        name = dice.choice(list(TEXTS))
        text = noise(dice) if number % 4 == 0 else mutated(dice, TEXTS[name])
        events = decoded(dice, text)
        spoilt = [event for event in events if isinstance(event, Unreadable)]
        assert spoilt in ([], events[-1:])
        assert all(event.raw for event in spoilt)
        ends[type(events[-1]).__name__ if events else "nothing"] += 1
        if number % 20 == 1:
            frames = followed(name, events)
            real = Trace(tuple(frame for frame in frames if isinstance(frame, Frame)))
            assert compare(real, real).first_divergence is None
    assert sum(ends.values()) == ROUNDS
    assert min(ends["RawFrame"], ends["Unreadable"]) > 1000
    assert ends["Ended"] > 50


def test_no_ids_make_the_decoder_raise() -> None:
    dice = random.Random(7)
    every = [*CWM.ids.values(), *b'{"a": "1"}\xff\xc3\n']
    for _ in range(3000):
        splitter, decoder = IdSplitter(CWM, lambda number: bytes([number])), Decoder()
        events = decoder.feed(splitter.feed(dice.choices(every, k=30)))
        events += [*decoder.feed(splitter.close()), *decoder.close()]
        assert events


def test_no_bytes_make_the_line_reader_raise() -> None:
    dice = random.Random(11)
    good = (GOLDEN / "raised.jsonl").read_bytes()
    for _ in range(3000):
        data = bytearray(good)
        for _ in range(dice.randrange(1, 6)):
            data[dice.randrange(1, len(data))] = dice.choice(b'\x00\xff"{}[],:\n\\9')
        reader = LineReader()
        lines = [*reader.feed(bytes(data[:400])), *reader.feed(bytes(data[400:])), *reader.close()]
        assert lines or reader.torn
