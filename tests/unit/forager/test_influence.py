"""The dynamic slice, on traces that the real tracer recorded."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from cwm_agent import protocols
from cwm_agent.containers.tracer import read_frames
from cwm_agent.events import ActionProposed, AgentEvent, FramesReached, PromptAccepted, ToolCall, TraceBegan
from cwm_agent.observations import Origin
from cwm_agent.policies.forager.influence import influence
from cwm_agent.policies.forager.localise import suspects
from cwm_agent.policies.forager.source import Source
from cwm_agent.policies.forager.turn import read
from cwm_agent.protocols import Spectrum
from cwm_agent.traces.frames import Frame
from tests.unit import tracing

CODE = dedent(
    """\
    def other(x):
        y = x * 2
        return y

    def price(items, vat):
        names = []
        total = 0
        for name, cost in items:
            names.append(name)
            if cost > 10:
                total += cost
        shown = other(len(names))
        if shown > 100:
            total = 0
        return add(total, vat)

    def add(total, vat):
        rate = vat / 100
        unused = total - 1
        return total + rate
    """
)
CHECK = "from shop import price\n\n\ndef test_price():\n    assert price([('a', 20), ('b', 5)], 10) == 22\n"
TEST = "test_shop.py::test_price"


def frames(folder: Path) -> tuple[Frame, ...]:
    folder = folder / "shop"
    folder.mkdir()
    tracing.write(folder, {"shop.py": CODE, "test_shop.py": CHECK})
    out = folder.parent / "frames"
    tracing.trace(folder, "--test", TEST, out=out)
    return tuple(read_frames(out.read_bytes().split(b"\0")[0]))


def test_lines_without_a_part_are_left_out(tmp_path: Path) -> None:
    source = Source("shop.py", CODE)
    found = {source.line(line).strip() for path, line in influence(frames(tmp_path), {"shop.py": source})}
    assert {"return total + rate", "rate = vat / 100", "total += cost", "if cost > 10:", "total = 0"} <= found
    assert "for name, cost in items:" in found
    assert "unused = total - 1" not in found
    assert not {"names = []", "y = x * 2"} & found


def test_a_part_in_the_failure_raises_the_suspicion(tmp_path: Path) -> None:
    source = Source("shop.py", CODE)
    ran = {"shop.py": (6, 7, 8, 9, 10, 11, 12, 13, 15, 18, 19, 20, 2, 3)}
    spectrum = Spectrum((protocols.TestResult(TEST, "failed"),), {TEST: ran})
    part = influence(frames(tmp_path), {"shop.py": source})
    score = {each.line: each for each in suspects(spectrum, [TEST], {"shop.py": source}, influenced=part)}
    assert score[18].score > score[19].score
    assert "trace" in score[18].why


def test_no_trace_says_nothing() -> None:
    assert influence((), {}) == frozenset()


def test_a_turn_knows_the_traces_of_the_code_as_it_is(tmp_path: Path) -> None:
    got = frames(tmp_path)
    history: list[AgentEvent] = [
        PromptAccepted("fix it"),
        TraceBegan(1, Origin.IMAGINED, TEST),
        FramesReached(1, Origin.IMAGINED, got),
        TraceBegan(1, Origin.REAL, TEST),
        FramesReached(1, Origin.REAL, got[:3]),
        FramesReached(1, Origin.REAL, got[3:]),
    ]
    assert read(history).traced == {TEST: got}
    assert read([*history, ActionProposed(1, ToolCall("edit", "shop.py"))]).traced == {}
