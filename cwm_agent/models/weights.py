"""A model's folder as transformers writes it, read without it: configuration and weights, each checked by the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize

from cwm_agent.errors import ModelUnavailable
from cwm_agent.models.network import Floats, Layer, Network, Rotary, Shape

LARGEST = 4 * 1024**3
"""Bytes of weights; a larger model is too slow on a CPU to be of use."""
ARCHITECTURE = "CwmForCausalLM"
_REMEDY = "Name the folder of a small model of CWM's architecture, as `save_pretrained` of transformers writes it."
_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_UNUSED = "rotary_emb.inv_freq"  # some writers keep it; it follows from the configuration


def read_network(folder: Path, config: Mapping[str, Any]) -> Network:
    """The network of a folder; ModelUnavailable where its weights are missing or do not fit the configuration."""
    shape = shape_of(folder, config)
    files = sorted(folder.glob("model*.safetensors"))
    if not files:
        raise broken(folder, "it has no model.safetensors")
    if sum(each.stat().st_size for each in files) > LARGEST:
        raise ModelUnavailable(
            f"The model in {folder} is too large to run in this process.",
            remedy=f"Serve it, for example with `vllm serve {folder}`, and name the server with --model-url.",
        )
    tensors: dict[str, Floats] = {}
    for each in files:
        tensors |= _tensors(folder, each)
    return _network(_Tensors(folder, tensors), shape, tied=bool(config.get("tie_word_embeddings")))


def read_config(folder: Path) -> dict[str, Any]:
    """What config.json says."""
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except FileNotFoundError:
        why = "it has no config.json" if folder.is_dir() else "there is no such folder"
        raise broken(folder, why) from None
    except (OSError, ValueError) as error:
        raise broken(folder, f"config.json cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise broken(folder, "config.json is no object")
    return config


def shape_of(folder: Path, config: Mapping[str, Any]) -> Shape:
    """The sizes that a configuration names; ModelUnavailable for another architecture or a part that is not known."""
    named = config.get("architectures")
    if named != [ARCHITECTURE]:
        raise broken(folder, f"its architecture is {named}, not {ARCHITECTURE}")
    if config.get("hidden_act", "silu") != "silu" or config.get("mlp_bias") or config.get("attention_bias"):
        raise broken(folder, "its layers have biases or another activation than CWM's")
    try:
        heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
        shape = Shape(
            vocabulary=int(config["vocab_size"]),
            hidden=hidden,
            inner=int(config["intermediate_size"]),
            heads=heads,
            groups=int(config.get("num_key_value_heads") or heads),
            head=int(config.get("head_dim") or hidden // heads),
            windows=_windows(config),
            epsilon=float(config.get("rms_norm_eps", 1e-5)),
            rotary=_rotary(config),
        )
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise broken(folder, f"config.json lacks a value, or has one that cannot be: {error}") from error
    if min(shape.vocabulary, hidden, shape.inner, heads, shape.groups, shape.head, len(shape.windows)) < 1:
        raise broken(folder, "config.json has a size below 1")
    if heads % shape.groups or shape.head % 2:
        raise broken(folder, f"{heads} heads of {shape.head} numbers cannot be in {shape.groups} groups")
    return shape


def _windows(config: Mapping[str, Any]) -> tuple[int, ...]:
    """How far back each layer sees; without a list, every fourth layer sees everything."""
    count = int(config["num_hidden_layers"])
    kinds = config.get("layer_types")
    if kinds is None:
        kinds = ["sliding_attention" if number % 4 else "full_attention" for number in range(count)]
    if len(kinds) != count or not {*kinds} <= {"full_attention", "sliding_attention"}:
        raise ValueError(f"layer_types {kinds}")
    window = int(config.get("sliding_window") or 0)
    return tuple(window if kind == "sliding_attention" else 0 for kind in kinds)


def _rotary(config: Mapping[str, Any]) -> Rotary:
    """Of `rope_parameters`, or of the two entries that older writers have; without any, CWM's own."""
    said = config.get("rope_parameters")
    if said is None and "rope_theta" in config:
        said = {"rope_theta": config["rope_theta"], **(config.get("rope_scaling") or {})}
    if said is None:
        return Rotary(theta=1_000_000.0, factor=16.0)
    theta, kind = float(said.get("rope_theta", 1_000_000.0)), said.get("rope_type", said.get("type", "default"))
    if kind == "default":
        return Rotary(theta=theta)
    if kind != "llama3":
        raise ValueError(f"rope_type {kind!r}")
    return Rotary(
        theta=theta,
        factor=float(said["factor"]),
        low=float(said["low_freq_factor"]),
        high=float(said["high_freq_factor"]),
        trained=int(said["original_max_position_embeddings"]),
    )


def _tensors(folder: Path, file: Path) -> dict[str, Floats]:
    """The tensors of one file, by name, as 32-bit floats."""
    try:
        return {name: _array(name, each) for name, each in deserialize(file.read_bytes())}  # type: ignore[no-untyped-call]
    except (OSError, SafetensorError, ValueError, MemoryError) as error:
        raise broken(folder, f"{file.name} cannot be read: {error}") from error


def _array(name: str, stored: Mapping[str, Any]) -> Floats:
    kind = stored["dtype"]
    if kind not in _TYPES:
        raise ValueError(f"{name} is of type {kind}")
    raw = np.frombuffer(stored["data"], _TYPES[kind]).reshape(stored["shape"])
    if kind == "BF16":  # the upper half of a 32-bit float
        return (raw.astype(np.uint32) << 16).view(np.float32)
    return raw.astype(np.float32)


class _Tensors:
    """Gives tensors away, each once, in the shape that is expected."""

    def __init__(self, folder: Path, named: dict[str, Floats]) -> None:
        self._folder = folder
        self._named = {name: each for name, each in named.items() if not name.endswith(_UNUSED)}

    def take(self, name: str, *sizes: int) -> Floats:
        """A vector, or a matrix turned from (outputs, inputs) to (inputs, outputs)."""
        found = self._named.pop(name, None)
        if found is None:
            raise broken(self._folder, f"its weights lack {name}")
        if found.shape != sizes:
            raise broken(self._folder, f"{name} has the shape {found.shape}, not {sizes} as config.json has it")
        if not np.isfinite(found).all():
            raise broken(self._folder, f"{name} has values that are no numbers")
        return found.T

    def forget(self, name: str) -> None:
        """Leave one out, where it is there."""
        self._named.pop(name, None)

    def over(self) -> None:
        """Make sure that nothing is left."""
        if self._named:
            raise broken(self._folder, f"its weights have {min(self._named)}, which CWM's architecture has not")


def _network(tensors: _Tensors, shape: Shape, *, tied: bool) -> Network:
    embedding = tensors.take("model.embed_tokens.weight", shape.vocabulary, shape.hidden)
    layers = [_layer(tensors, f"model.layers.{number}", shape) for number in range(len(shape.windows))]
    norm = tensors.take("model.norm.weight", shape.hidden)
    if tied:
        tensors.forget("lm_head.weight")
        head = embedding
    else:
        head = tensors.take("lm_head.weight", shape.vocabulary, shape.hidden)
    tensors.over()
    return Network(shape, np.ascontiguousarray(embedding.T), layers, norm, np.ascontiguousarray(head))


def _layer(tensors: _Tensors, name: str, shape: Shape) -> Layer:
    queries, keys = shape.heads * shape.head, shape.groups * shape.head

    def joined(*parts: tuple[str, int], inputs: int = shape.hidden) -> Floats:
        found = [tensors.take(f"{name}.{part}.weight", outputs, inputs) for part, outputs in parts]
        return np.ascontiguousarray(np.concatenate(found, axis=1))

    return Layer(
        tensors.take(f"{name}.input_layernorm.weight", shape.hidden),
        joined(("self_attn.q_proj", queries), ("self_attn.k_proj", keys), ("self_attn.v_proj", keys)),
        joined(("self_attn.o_proj", shape.hidden), inputs=queries),
        tensors.take(f"{name}.post_attention_layernorm.weight", shape.hidden),
        joined(("mlp.gate_proj", shape.inner), ("mlp.up_proj", shape.inner)),
        joined(("mlp.down_proj", shape.hidden), inputs=shape.inner),
    )


def broken(folder: Path, why: str) -> ModelUnavailable:
    """The error of a folder that holds no model that runs here."""
    return ModelUnavailable(f"The model in {folder} cannot be loaded: {why}.", remedy=_REMEDY)
