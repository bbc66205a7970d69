"""The file of frames: whole lines, whatever a signal handler of the program's does in the middle of one."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SINK = Path(__file__).parents[2] / "sandbox" / "tracer" / "sink.py"


@pytest.fixture
def sink() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tracer_sink", SINK)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def line(number: int, size: int = 1000) -> bytes:
    return json.dumps({"n": number, "pad": "x" * size}).encode() + b"\n"


def append_all(out: Any, count: int) -> None:
    for number in range(count):
        out.append(line(number))


def numbers(path: Path) -> list[int]:
    return [json.loads(each)["n"] for each in path.read_bytes().split(b"\0")[0].splitlines()]


def test_lines_are_whole_beyond_a_piece_and_longer_than_one(sink: ModuleType, tmp_path: Path) -> None:
    out = sink.open_sink(str(tmp_path / "f"), 64 << 20)
    for number in range(600):
        out.append(line(number, 3 * sink.PIECE if number == 300 else 1000))
        assert numbers(tmp_path / "f")[-1] == number
    out.close()
    assert numbers(tmp_path / "f") == list(range(600))
    assert (tmp_path / "f").read_bytes().endswith(b"}\n")


def test_the_limit_is_that_of_the_file(sink: ModuleType, tmp_path: Path) -> None:
    out = sink.open_sink(str(tmp_path / "f"), sink.PIECE + 5000)
    with pytest.raises(sink.Full, match="bytes"):
        append_all(out, 600)
    out.close()
    found = numbers(tmp_path / "f")
    assert found == list(range(len(found)))
    assert (tmp_path / "f").stat().st_size <= 2 * sink.PIECE  # the limit is looked at once for each piece


@pytest.mark.parametrize("name", ["open", "fstat", "posix_fallocate", "close"])
def test_an_exception_of_a_signal_handler_is_the_programs(
    sink: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """TimeoutError is an OSError: it must neither be swallowed nor tear a line."""
    out = sink.open_sink(str(tmp_path / "f"), 64 << 20)
    written = 0
    while written + 1010 < sink.PIECE:
        out.append(line(written // 1010, 980))
        written += len(line(written // 1010, 980))
    real: Callable[..., object] = getattr(sink.os, name)

    def handler(*arguments: object, **more: object) -> object:
        real(*arguments, **more)
        raise TimeoutError("now")

    with monkeypatch.context() as patched:
        patched.setattr(sink.os, name, handler)
        with pytest.raises(TimeoutError):
            append_all(out, 4)
    out.append(line(-2))
    found = numbers(tmp_path / "f")
    assert found[-1] == -2
    out.close()
    assert numbers(tmp_path / "f") == found
