"""What training leaves, made into what ships: weights of 16 bits in small files, configuration, tokenizer, notes."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import torch

from cwm_agent.errors import UsageError
from cwm_agent.nano.model import save
from cwm_agent.nano.tokenizer import load_tokenizer
from cwm_agent.nano.train import BUDGET, STATE, Course, Plan

FILE_LIMIT, ALL_LIMIT = 16_000_000, 64_000_000
"""Bytes of one file of weights, and of all."""
_FILES = "15MB"


def export(folder: Path, output: Path, *, average: bool, full: bool = False) -> None:
    """Write the newest state of a training folder: the running mean of its weights, or the weights as they are.

    `full` stores 32 bits a weight instead of 16. UsageError where there is no state, or it is too large to ship.
    """
    if not (folder / STATE).exists():
        raise UsageError(
            f"There is no {STATE} in {folder}.", remedy="Train first: python -m cwm_agent.nano train FOLDER"
        )
    tokenizer = load_tokenizer(folder)
    course = Course(folder, tokenizer, Plan())
    if average:
        with torch.no_grad():
            for each, mean in zip(course.model.parameters(), course.average, strict=True):
                each.copy_(mean)
    for old in output.glob("model*.safetensors*"):
        old.unlink()
    said = notes(course) | {"averaged": average}
    if (folder / BUDGET).exists():
        said["budget"] = json.loads((folder / BUDGET).read_text(encoding="utf-8"))
    save(course.model if full else course.model.half(), tokenizer, output, said, _FILES)
    config = json.loads((output / "config.json").read_text(encoding="utf-8"))
    config["dtype"] = "float32"  # how to compute, whatever is stored
    (output / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    for each in output.glob("model*.safetensors"):
        each.chmod(0o644)
    sizes = [each.stat().st_size for each in output.glob("model*.safetensors")]
    if max(sizes) >= FILE_LIMIT or sum(sizes) >= ALL_LIMIT:
        raise UsageError(f"The weights take {sum(sizes) / 1e6:.0f} MB, and the largest file {max(sizes) / 1e6:.0f}.")


def notes(course: Course) -> dict[str, Any]:
    """How the model came about. `tokens` were read, of which `learnt` counted in the loss.

    The curve has the step, the tokens, the loss per weight, and the seconds of each of its points.
    """
    parameters = sum(each.numel() for each in course.model.parameters())
    return {
        "parameters": parameters,
        "tokens": course.tokens,
        "learnt": course.learnt,
        "steps": course.step,
        "shards": course.shard,
        "training_flops": 6 * parameters * course.tokens,
        "seconds": round(course.seconds),
        "cooled": round(cooled(course), 3),
        "loss": course.losses[-1][2] if course.losses else None,
        "curve": [[step, tokens, loss, seconds] for step, tokens, loss, seconds in thinned(course.losses)],
        "made_with": {"python": platform.python_version(), "torch": torch.__version__},
    }


def cooled(course: Course) -> float:
    """How far the rate has fallen: 0 while it is constant, 1 at the end of a run."""
    if course.cooling is None:
        return 0.0
    return min(1.0, (course.step - course.cooling.first) / course.cooling.steps)


def thinned(losses: list[tuple[int, int, float, float]], most: int = 60) -> list[tuple[int, int, float, float]]:
    """At most so many points of a curve, the last among them."""
    every = max(1, -(-len(losses) // most))
    return losses[::-1][::every][::-1]
