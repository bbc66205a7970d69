"""What a shard of the training data holds, and that it is the same for ever."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from cwm_agent.nano.curriculum import STAGES, rows
from cwm_agent.nano.dataset import examples
from cwm_agent.nano.kitchen import Kitchen, path_of
from cwm_agent.nano.shards import Row, read_shard, write_shard
from cwm_agent.nano.tokenizer import train_tokenizer, vocabulary
from cwm_agent.traces.grammar import Special


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    made = examples(range(100), 1)
    return train_tokenizer(part for each in made for part in (*each.prompt, *each.frames) if isinstance(part, str))


@pytest.fixture(scope="module")
def found(tokenizer: Tokenizer) -> list[Row]:
    return list(rows(tokenizer, 3, programs=100))


def _same(one: list[Row], other: list[Row]) -> bool:
    return len(one) == len(other) and all(
        np.array_equal(left.ids, right.ids) and np.array_equal(left.weights, right.weights)
        for left, right in zip(one, other, strict=True)
    )


def test_a_shard_is_the_same_for_ever(tokenizer: Tokenizer, found: list[Row]) -> None:
    assert len(found) > 60
    assert _same(found, list(rows(tokenizer, 3, programs=100)))
    assert not _same(found, list(rows(tokenizer, 4, programs=100)))


def test_a_row_is_a_prompt_a_given_call_and_frames_that_count(tokenizer: Tokenizer, found: list[Row]) -> None:
    special = vocabulary(tokenizer)
    longest = next(each.longest for each in STAGES if each.end > 3)
    for each in found:
        ids = each.ids.tolist()
        assert ids[:2] == [special.id(Special.BEGIN), special.id(Special.CONTEXT)]
        assert ids[-1] == special.id(Special.END)
        assert len(ids) <= longest
        first = ids.index(special.id(Special.FRAME), ids.index(special.id(Special.FRAME)) + 1) + 1
        assert not each.weights[:first].any()
        assert each.weights[first:].all()
        assert each.ids.max() < tokenizer.get_vocab_size()


def test_shards_are_read_as_they_were_written(found: list[Row], tmp_path: Path) -> None:
    write_shard(tmp_path / "deep" / "some.npz", found)
    assert _same(read_shard(tmp_path / "deep" / "some.npz"), found)
    write_shard(tmp_path / "none.npz", [])
    assert read_shard(tmp_path / "none.npz") == []
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["none.npz"]


def test_a_kitchen_takes_what_is_there_already(found: list[Row], tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    for number in (0, 1):
        write_shard(path_of(tmp_path, number), found[: number + 1])
    kitchen = Kitchen(tmp_path, tmp_path, workers=1, nice=5)
    try:
        assert [len(read_shard(kitchen.take(number, 2))) for number in (0, 1)] == [1, 2]
    finally:
        kitchen.close()
    assert not path_of(tmp_path, 2).exists()
