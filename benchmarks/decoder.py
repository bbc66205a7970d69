"""How fast traces are encoded, decoded and made whole, and that the time is linear in the length of the text."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from benchmarks.table import machine, write
from cwm_agent.traces.decode import Decoder, read_text
from cwm_agent.traces.encode import trace_segments
from cwm_agent.traces.follow import Follower
from cwm_agent.traces.frames import Frame, FrameKind
from cwm_agent.traces.raw import RawFrame
from cwm_agent.traces.segments import as_text

SOURCE = """\
def count(word, letter):
    n = 0
    for each in word:
        if each == letter:
            n += 1
    return n
"""
FLOW = {1: {2}, 2: {3}, 3: {4, 6}, 4: {3, 5}, 5: {3}}
RUNS = 5
SMALLEST = 10_000  # frames
TOKEN = 4  # characters, as a stream of tokens brings them


def frames(number: int) -> list[Frame]:
    """A trace of about this many frames, that counts letters."""
    lines = SOURCE.split("\n")

    def frame(event: FrameKind, line: int, value: str | None = None, **values: str) -> Frame:
        return Frame(
            event=event, file="count.py", function="count", line=line, depth=0, source=lines[line - 1],
            locals=values, value=value,
        )  # fmt: skip

    made = [frame(FrameKind.CALL, 1, word="'strawberry'", letter="'r'")]
    state = {"word": "'strawberry'", "letter": "'r'", "n": "0"}
    for step in range(number // 3):
        state["each"] = repr("strawberry"[step % 10])
        made.append(frame(FrameKind.LINE, 4, **state))
        made.append(frame(FrameKind.LINE, 5, **state))
        state["n"] = str(step)
        made.append(frame(FrameKind.LINE, 3, **state))
    return [*made, frame(FrameKind.RETURN, 6, value=str(number))]


def fastest(work: Callable[[], object]) -> float:
    """Seconds of CPU time of the quickest of RUNS, the collector of cycles at rest."""
    best = float("inf")
    gc.collect()
    gc.disable()
    for _ in range(RUNS):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    gc.enable()
    return best


def in_tokens(text: str) -> int:
    decoder = Decoder(limit=len(text))
    return sum(len(decoder.feed_text(text[at : at + TOKEN])) for at in range(0, len(text), TOKEN))


def followed(raws: list[RawFrame]) -> int:
    follower = Follower(SOURCE, lambda _name, line: FLOW.get(line, set()))
    return sum(isinstance(follower.follow(raw), Frame) for raw in raws)


def main() -> None:
    rows = []
    firsts: dict[str, float] = {}
    for factor in (1, 2, 4):
        trace = frames(SMALLEST * factor)
        text = as_text(trace_segments(trace))
        raws = [event for event in read_text(text) if isinstance(event, RawFrame)]
        assert followed(raws) == len(trace) == len(raws)
        megabytes = len(text.encode()) / 1e6
        endless = '<|line_sep|>{"n": "' + "9" * len(text)
        for what, work in (
            ("encode", lambda trace=trace: as_text(trace_segments(trace))),
            ("decode, the text at once", lambda text=text: read_text(text)),
            (f"decode, {TOKEN} characters at a time", lambda text=text: in_tokens(text)),
            ("the same, one endless frame without its limit", lambda text=endless: in_tokens(text)),
            ("make whole and place", lambda raws=raws: followed(raws)),
        ):
            seconds = fastest(work)
            first = firsts.setdefault(what, seconds)
            rows.append((what, f"{len(trace):,}", f"{megabytes:.1f} MB", f"{seconds:.3f} s",
                         f"{megabytes / seconds:.1f}", f"{seconds / first:.2f}× for {factor}×"))  # fmt: skip
    rows.sort(key=lambda row: list(firsts).index(row[0]))
    write(
        "decoder",
        "Reading and writing traces",
        f"CPU time of the quickest of {RUNS} runs each. Linear means as many times the time as the length. {machine()}",
        ("what", "frames", "text", "time", "MB/s", "time for n, 2n, 4n"),
        rows,
    )


if __name__ == "__main__":
    main()
