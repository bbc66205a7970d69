"""What is to be served: a folder with a configuration that tells its sizes, or a name on the hub."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from cwm_agent.errors import ModelUnavailable
from cwm_agent.models.serving.memory import CWM, Shape, Weights, shape_of
from cwm_agent.text import printable_line

OFFICIAL = "facebook/cwm"
"""The model's name on the hub, and the one under which every server of ours answers."""

_FOUR_BIT = re.compile(r"awq|gptq|w4a16|int4|4-?bit", re.IGNORECASE)
_EIGHT_BIT = re.compile(r"fp8|w8a8|w8a16", re.IGNORECASE)
_FOUR, _EIGHT = 4, 8


class Checkpoint(Struct, frozen=True):
    """A model: what vLLM is told to load, its shape, how its weights are kept, and whether it is a folder here.

    Of a name on the hub nothing is known before it is loaded: it is taken for CWM, 4-bit or 8-bit where it says so.
    """

    model: str
    shape: Shape = CWM
    weights: Weights = "bf16"
    folder: bool = False


def checkpoint(model: str | None) -> Checkpoint:
    """The model of that name or folder; None is CWM itself. ModelUnavailable where a folder holds no model."""
    if model is None:
        return Checkpoint(OFFICIAL)
    path = Path(model).expanduser()
    if path.is_dir():
        return _of_folder(path.resolve())
    if path.is_file() or model.startswith(("/", "./", "../", "~")) or model.count("/") > 1:
        raise ModelUnavailable(
            f"There is no model folder {printable_line(model)}.",
            remedy="Name a folder with config.json and the weights, or a model of the hub such as facebook/cwm.",
        )
    return Checkpoint(model, weights=_weights_by_name(model))


def _of_folder(path: Path) -> Checkpoint:
    file = path / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise TypeError("it is no object")
        shape = shape_of(config)
    except (OSError, ValueError, TypeError, KeyError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ModelUnavailable(
            f"{printable_line(str(file))} does not describe a model: {printable_line(str(why))}.",
            remedy="Name the folder that holds config.json, the tokenizer and the weights.",
        ) from error
    return Checkpoint(str(path), shape, _weights_by_config(config), folder=True)


def _weights_by_config(config: Mapping[str, Any]) -> Weights:
    """How the weights are kept, from `quantization_config`; a method that is not known counts as 8-bit."""
    told = config.get("quantization_config")
    if not isinstance(told, dict):
        return "bf16"
    text = json.dumps(told)
    bits = {int(number) for number in re.findall(r'"(?:bits|w_bit|num_bits)": (\d+)', text)}
    if bits:
        return "int4" if min(bits) <= _FOUR else "fp8" if min(bits) <= _EIGHT else "bf16"
    return "int4" if _FOUR_BIT.search(text) else "fp8"


def _weights_by_name(name: str) -> Weights:
    if _FOUR_BIT.search(name):
        return "int4"
    return "fp8" if _EIGHT_BIT.search(name) else "bf16"
