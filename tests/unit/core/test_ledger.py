"""The ledger keeps what was told, survives a torn line, and says how sure it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from cwm_agent.core.ledger import Accuracy, Entry, Ledger, accuracy, in_words, rows
from cwm_agent.events import Noticed, PredictionScored


def entry(came_true: bool, model: str = "m", kind: str = "trace") -> Entry:
    return Entry(
        at=1.0,
        model=model,
        session="s",
        kind=kind,  # type: ignore[arg-type]
        subject="f(1)",
        predicted="returns 1",
        fact="returns 1" if came_true else "returns 2",
        came_true=came_true,
    )


def test_what_is_kept_is_read_again_in_order(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "deep" / "ledger.jsonl")
    assert ledger.read() == ()
    told = [entry(True), entry(False), entry(True, model="other")]
    for each in told:
        ledger.keep(each)
    assert list(Ledger(ledger.path).read()) == told


def test_a_line_torn_by_a_kill_costs_only_itself(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.keep(entry(True))
    ledger.path.write_bytes(ledger.path.read_bytes() + b'{"at": 1.0, "mod')
    assert len(ledger.read()) == 1


def test_a_ledger_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(OSError, match=r"."):
        Ledger(blocker / "ledger.jsonl").keep(entry(True))


def test_rows_are_counted_for_each_model_and_kind() -> None:
    found = rows([entry(True), entry(False), entry(True, model="other"), entry(True, kind="test")])
    assert [(row.model, row.kind, row.accuracy.made, row.accuracy.came_true) for row in found] == [
        ("m", "trace", 2, 1),
        ("other", "trace", 1, 1),
        ("m", "test", 1, 1),
    ]


def test_the_interval_holds_the_share_and_narrows() -> None:
    few, many = Accuracy(10, 8), Accuracy(1000, 800)
    for each in (few, many):
        low, high = each.interval
        assert each.share is not None
        assert low < each.share < high
    assert many.interval[1] - many.interval[0] < few.interval[1] - few.interval[0]
    # The interval of 8 in 10, from a table of Wilson's score interval.
    assert few.interval == pytest.approx((0.4902, 0.9433), abs=1e-3)


def test_words_are_cautious_while_there_is_little_to_go_by() -> None:
    assert in_words(Accuracy()) == "nothing predicted yet"
    assert "interval" in in_words(Accuracy(10, 8))
    assert in_words(Accuracy(1000, 840)) == "84 % of 1000"


def test_accuracy_counts_scores_alone() -> None:
    scored = PredictionScored("trace", "f()", "returns 1", "returns 2", came_true=False, sentence="")
    assert accuracy([Noticed("info", "x"), scored]) == Accuracy(1, 0)
