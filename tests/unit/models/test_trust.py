"""Trust is what was measured: nothing where nothing was, and never certainty from a few cases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cwm_agent.models.trust import Bin, Trust, trust_in


def test_a_model_that_was_not_evaluated_has_none(tmp_path: Path) -> None:
    assert trust_in(tmp_path).right(1.0) == 0
    (tmp_path / "evaluation.json").write_text("{}")
    assert trust_in(tmp_path) == Trust()


def written(folder: Path, **values: object) -> Trust:
    bins = [{"confidence": 0.1, "right": 0.0, "of": 98}, {"confidence": 0.9, "right": 0.8, "of": 98}]
    good = {"bins": bins, "error": 0.03, "ranking": 0.9, "of": 196}
    (folder / "evaluation.json").write_text(json.dumps({"values": good | values, "traces": good, "other": 1}))
    return trust_in(folder)


def test_the_share_of_the_nearest_confidence_is_told(tmp_path: Path) -> None:
    trust = written(tmp_path)
    assert trust.right(0.2) == pytest.approx(0.01)
    assert trust.right(1.0) == pytest.approx((0.8 * 98 + 1) / 100)


def test_confidence_is_told_where_it_was_measured_to_mean_something(tmp_path: Path) -> None:
    assert written(tmp_path).told
    assert not written(tmp_path, error=0.2).told
    assert not written(tmp_path, ranking=0.6).told
    assert not written(tmp_path, ranking=None).told


def test_one_case_is_not_certainty() -> None:
    assert Trust((Bin(0.9, 1.0, 1),)).right(0.9) == pytest.approx(2 / 3)


def test_what_was_hardly_ever_right_is_not_gone_on_with() -> None:
    assert Trust().least == 0
    assert Trust((Bin(0.01, 0.0, 100), Bin(0.9, 0.8, 10))).least == 0.1
    assert Trust((Bin(0.01, 0.0, 3), Bin(0.9, 0.8, 10))).least == 0
    assert Trust((Bin(0.01, 0.2, 100),)).least == 0
