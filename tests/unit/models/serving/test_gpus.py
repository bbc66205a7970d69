from __future__ import annotations

import os
from pathlib import Path

import pytest

from cwm_agent.errors import ModelUnavailable
from cwm_agent.models.serving.gpus import Gpu, detect, in_words, parse, visible

H100 = "0, NVIDIA H100 80GB HBM3, 81559, GPU-aaaa\n1, NVIDIA H100 80GB HBM3, 81559, GPU-bbbb\n"
MIB = 1024**2


def machine(folder: Path, answer: str, status: int = 0) -> dict[str, str]:
    """An environment whose nvidia-smi answers so."""
    tool = folder / "nvidia-smi"
    (folder / "answer").write_text(answer)
    tool.write_text(f"#!/bin/sh\ncat {folder / 'answer'}\nexit {status}\n")
    tool.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_the_cards_are_read(tmp_path: Path) -> None:
    found = detect(machine(tmp_path, H100))
    assert [(gpu.index, gpu.name, gpu.memory, gpu.uuid) for gpu in found] == [
        (0, "NVIDIA H100 80GB HBM3", 81559 * MIB, "GPU-aaaa"),
        (1, "NVIDIA H100 80GB HBM3", 81559 * MIB, "GPU-bbbb"),
    ]
    assert in_words(found) == "2 × NVIDIA H100 80GB HBM3 (80 GiB)"


def test_no_tool_and_no_card_are_fine(tmp_path: Path) -> None:
    assert detect({"PATH": str(tmp_path)}) == ()
    assert detect(machine(tmp_path, "No devices were found\n", 6)) == ()
    assert detect(machine(tmp_path, "")) == ()
    assert in_words(()) == "no GPU"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that it runs.\n", 9),
        ("Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 550.120\n", 18),
        ("", 127),
    ],
)
def test_a_broken_driver_is_one_clear_error(tmp_path: Path, answer: str, status: int) -> None:
    with pytest.raises(ModelUnavailable, match="driver does not answer") as caught:
        detect(machine(tmp_path, answer, status))
    assert answer.splitlines()[:1] == [] or answer.splitlines()[0] in caught.value.message
    assert "--preset" in caught.value.remedy


def test_a_card_that_does_not_tell_its_memory_is_left_out() -> None:
    assert parse("0, NVIDIA GB10, [N/A], GPU-a\nnonsense\n1, NVIDIA L4, 23034\n") == (Gpu(1, "NVIDIA L4", 23034 * MIB),)


@pytest.mark.parametrize(
    ("allowed", "indices"),
    [
        (None, [0, 1]),
        ("1", [1]),
        ("1,0", [1, 0]),
        ("GPU-bbbb", [1]),
        ("GPU-b", [1]),
        ("", []),
        ("-1", []),
        ("0,7,1", [0]),
    ],
)
def test_only_the_cards_that_cuda_shows_count(allowed: str | None, indices: list[int]) -> None:
    assert [gpu.index for gpu in visible(parse(H100), allowed)] == indices
