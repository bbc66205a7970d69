from __future__ import annotations

from pathlib import Path

import pytest

from cwm_agent.models.serving.log import Log, stage


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Loading safetensors checkpoint shards:  50% Completed | 7/14", "loading weights: 7 of 14 files (50 %)"),
        ("Loading safetensors checkpoint shards (eager):   0% Completed | 0/1", "loading weights: 0 of 1 files (0 %)"),
        ("INFO [default_loader.py:502] Loading weights took 16.84 seconds", "weights loaded in 16.84 s"),
        ("Capturing CUDA graphs (decode, FULL):  40%|████", "capturing CUDA graphs: 40 %"),
        ("Capturing CUDA graphs:   0%|          | 0/67", "capturing CUDA graphs: 0 %"),
        ("Fetching 14 files:  21%|██", "downloading 14 files: 21 %"),
        ("INFO CPU KV cache size: 87,296 tokens, Maximum", "room for 87,296 tokens of context in all"),
        ("INFO: 127.0.0.1:46048 - \"GET /health HTTP/1.1\" 200 OK", None),
    ],
)  # fmt: skip
def test_a_line_tells_how_far_the_start_has_come(line: str, words: str | None) -> None:
    assert stage(line) == words


def test_lines_come_once_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("before\n")
    log = Log(path)
    with path.open("a") as file:
        file.write("one\ntw")
        file.flush()
        assert log.fresh() == ["one"]
        file.write("o\r 10%\r 20%\n\nhalf")
        file.flush()
    assert log.fresh() == ["two", " 10%", " 20%"]
    assert log.fresh() == []
    assert log.text() == "one\ntwo\n 10%\n 20%\nhalf"


def test_bytes_that_are_no_text_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = Log(path)
    assert log.fresh() == []
    path.write_bytes(b"\xff\xfe ok\n")
    assert log.fresh() == ["\ufffd\ufffd ok"]


def test_what_is_kept_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = Log(path)
    path.write_text("".join(f"{number}\n" for number in range(10_000)) + "x" * 10_000 + "\n")
    lines = log.text().splitlines()
    assert len(lines) == 4000
    assert len(lines[-1]) == 2000
