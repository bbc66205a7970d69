"""The ways to serve the model, as a table: how many cards, how the weights are kept."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from cwm_agent.errors import UsageError
from cwm_agent.models.serving.memory import Weights


class Preset(Struct, frozen=True):
    """One way: its cards within a machine, the weights that it keeps, and where it runs.

    `quantized`: the checkpoint itself is small, and the user names it. `nodes` above 1 is a pipeline over machines.
    """

    name: str
    meaning: str
    cards: int = 1
    weights: Weights = "bf16"
    where: Literal["gpu", "cpu"] = "gpu"
    quantized: bool = False
    nodes: int = 1


PRESETS: tuple[Preset, ...] = (
    Preset("tp8", "eight cards of one machine, bf16", cards=8),
    Preset("tp4", "four cards of one machine, bf16", cards=4),
    Preset("tp2", "two cards of one machine, bf16", cards=2),
    Preset("bf16", "one large card, bf16"),
    Preset("fp8", "one card; the weights are made 8-bit while they load", weights="fp8"),
    Preset("awq-tp2", "two cards and a 4-bit checkpoint that you name", cards=2, weights="int4", quantized=True),
    Preset("awq", "one card and a 4-bit checkpoint that you name", weights="int4", quantized=True),
    Preset("ray", "several machines: tensor parallel within each, a pipeline across them", cards=8, nodes=2),
    Preset("vllm-cpu", "no GPU: a small model from a folder that you name", where="cpu"),
)
"""In order of preference: the first that fits is taken; `ray` only where it is asked for."""


def named(name: str) -> Preset:
    """The preset of that name; UsageError names those there are."""
    for preset in PRESETS:
        if preset.name == name:
            return preset
    raise UsageError(f"There is no preset {name!r}.", remedy=f"There are {', '.join(each.name for each in PRESETS)}.")
