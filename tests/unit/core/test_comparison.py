"""The table of a comparison, as a transcript, as Markdown and as JSON."""

from __future__ import annotations

import io

import msgspec

from cwm_agent.core import comparison
from cwm_agent.core.export import markdown
from cwm_agent.events import AgentEvent, FileStat, RolloutRow, RolloutsCompared
from cwm_agent.transcript import Transcript

COMPARED = RolloutsCompared(
    rows=(
        RolloutRow(
            rollout=5,
            status="fixed",
            files=(FileStat("a.py", "modified", 1, 2), FileStat("b.bin", "added", 0, 0, binary=True)),
            patch=5,
            kept=9,
            repaired=1,
            agreed=2,
            tokens=12_345,
        ),
        RolloutRow(
            rollout=6, status="proposed", files=(FileStat("a.py", "modified", 1, 2),), patch=5, kept=9, agreed=2
        ),
        RolloutRow(rollout=7, status="error", note="The server\x1b[2J went | away."),
    ),
    winner=5,
    decided_by="alone",
    reason="Rollout 5 was chosen.",
    passing=9,
    failing=1,
    written=1,
    reproducing=1,
    counted=1,
)


def test_it_is_laid_out_in_columns() -> None:
    head, first, second, third = comparison.lines(COMPARED)
    assert head.split() == list(comparison.HEAD[1:])
    assert first.split()[:8] == ["★", "5", "fixed", "9/9", "1/1", "2/1", "2", "12,345"]
    assert first.endswith("a.py +1 −2, b.bin binary")
    assert second.endswith("a.py +1 −2, the same as 5")
    assert third.split()[:3] == ["7", "error", "—"]
    assert head.index("ended") == first.index("fixed") == third.index("error")


def test_it_says_on_what_it_stands() -> None:
    told = " ".join(comparison.sentences(COMPARED))
    assert "9 passed before and 1 failed" in told
    assert "1 test was written by the model" in told
    nothing = msgspec.structs.replace(COMPARED, passing=None, failing=None, written=0, note="pytest is missing")
    assert comparison.sentences(nothing) == ["Rollout 5 was chosen.", "pytest is missing"]


def test_the_transcript_says_that_it_ran_and_lets_nothing_through() -> None:
    out = io.StringIO()
    Transcript(out).write(COMPARED)
    assert out.getvalue().startswith("◆ ran      the tests of 3 rollouts\n")
    assert "\x1b" not in out.getvalue()
    quiet = io.StringIO()
    Transcript(quiet, quiet=True).write(COMPARED)
    assert quiet.getvalue() == ""


def test_markdown_keeps_its_columns() -> None:
    table = [line for line in markdown([COMPARED]).splitlines() if line.startswith("|")]
    assert len(table) == 5
    assert {line.replace("\\|", "").count("|") for line in table} == {len(comparison.HEAD) + 1}


def test_it_survives_the_record() -> None:
    event: AgentEvent = COMPARED
    assert msgspec.json.decode(msgspec.json.encode(event), type=AgentEvent) == COMPARED  # type: ignore[comparison-overlap]
