"""Hand-checked traces: frames as JSON lines beside the same run as a world model writes it.

In the files a separator that ends a frame is followed by a line break, which is not part of the text.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cwm_agent.observations import Origin
from cwm_agent.traces.decode import Ended, read_text
from cwm_agent.traces.encode import trace_segments
from cwm_agent.traces.follow import Follower
from cwm_agent.traces.frames import Frame, Trace
from cwm_agent.traces.grammar import Special
from cwm_agent.traces.jsonl import LineReader, frame_line, trace_of
from cwm_agent.traces.raw import RawFrame
from cwm_agent.traces.segments import as_text
from tests.unit.traces.programs import PROGRAMS
from tests.unit.traces.record import FILE, anywhere, observed, record

GOLDEN = Path(__file__).parents[2] / "golden" / "traces"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.txt"))


def told(name: str) -> Trace:
    reader = LineReader()
    lines = reader.feed((GOLDEN / f"{name}.jsonl").read_bytes())
    assert reader.close() == []
    return trace_of(lines, Origin.REAL)


def written(name: str) -> str:
    end = Special.FRAME.value
    return (GOLDEN / f"{name}.txt").read_text(encoding="utf-8").replace(end + "\n", end).removesuffix("\n")


def test_every_kind_has_its_files() -> None:
    assert {"strawberry", "recursion", "unwinding", "generator", "comprehension", "raised"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_frames_are_written_as_in_the_golden_file(name: str) -> None:
    assert as_text(trace_segments(told(name).frames)) == written(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_golden_text_is_read_back_to_whole_placed_frames(name: str) -> None:
    real = told(name)
    follower = Follower(PROGRAMS[name][0], observed(real), FILE)
    events = read_text(written(name))
    assert isinstance(events.pop(), Ended)
    assert tuple(follower.follow(raw) for raw in events if isinstance(raw, RawFrame)) == real.frames
    assert follower.placer.ended


@pytest.mark.parametrize("name", NAMES)
def test_a_flow_that_rules_nothing_out_leads_to_no_wrong_line(name: str) -> None:
    real = told(name)
    follower = Follower(PROGRAMS[name][0], anywhere(PROGRAMS[name][0]), FILE)
    for raw, frame in zip(read_text(written(name)), real.frames, strict=False):
        assert isinstance(raw, RawFrame)
        found = follower.follow(raw)
        assert isinstance(found, Frame)
        assert found.line in (frame.line, None)
        assert (found.depth, found.locals) == (frame.depth, frame.locals)


@pytest.mark.parametrize("name", NAMES)
def test_the_json_lines_are_written_as_they_were(name: str) -> None:
    lines = (GOLDEN / f"{name}.jsonl").read_text(encoding="ascii").splitlines()
    assert [frame_line(frame, Origin.REAL) for frame in told(name).frames] == lines


@pytest.mark.parametrize("name", ["strawberry", "unwinding", "raised", "generator"])
def test_this_python_still_runs_so(name: str) -> None:
    assert record(*PROGRAMS[name]) == told(name)
