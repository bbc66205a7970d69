"""How much memory a model takes: its weights, and the keys and values of a sequence. Pure arithmetic on its shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

GIB = 1024**3

Weights = Literal["bf16", "fp8", "int4"]

_PER_PARAMETER: dict[Weights, float] = {"bf16": 2.0, "fp8": 1.0, "int4": 0.5 + 2.5 / 128}
"""Bytes for each parameter of a linear layer; a group of 128 four-bit ones has a scale and a zero point of its own."""

_EMBEDDING = 2.0  # the embedding and the head stay in bf16, however the layers are kept
_CACHED = 2  # bytes of one cached number
BATCH = 2_048
"""Tokens that the server works on at once: a sliding layer keeps that many beside its window."""

WORKING_BYTES = 2 * GIB
"""Room for activations, CUDA graphs and the libraries on each card: an estimate, on the safe side for this batch."""
USABLE = 0.92
"""The part of a card's memory that vLLM may take."""
SEQUENCES = 2
"""Whole contexts that should fit at once: the agent's, and a trace that is imagined meanwhile."""


class Shape(Struct, frozen=True, kw_only=True):
    """The sizes of a dense decoder with grouped-query attention, some of whose layers see only a window."""

    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    window: int
    sliding_layers: int
    context: int
    tied: bool = False


CWM = Shape(
    layers=64,
    hidden=6144,
    intermediate=21_504,
    heads=48,
    kv_heads=8,
    head_dim=128,
    vocabulary=128_256,
    window=8192,
    sliding_layers=48,
    context=131_072,
)
"""facebook/cwm, as its configuration has it: every fourth layer sees everything."""


def shape_of(config: Mapping[str, Any]) -> Shape:
    """The shape that a checkpoint's config.json tells; KeyError, TypeError or ValueError where it does not."""
    hidden, heads, layers = (int(config[key]) for key in ("hidden_size", "num_attention_heads", "num_hidden_layers"))
    window = int(config.get("sliding_window") or 0)
    kinds = config.get("layer_types")
    sliding = list(kinds).count("sliding_attention") if kinds is not None else (layers if window else 0)
    if min(hidden, heads, layers) < 1:
        raise ValueError("a size is not positive")
    return Shape(
        layers=layers,
        hidden=hidden,
        intermediate=int(config["intermediate_size"]),
        heads=heads,
        kv_heads=int(config.get("num_key_value_heads") or heads),
        head_dim=int(config.get("head_dim") or hidden // heads),
        vocabulary=int(config["vocab_size"]),
        window=window,
        sliding_layers=sliding,
        context=int(config["max_position_embeddings"]),
        tied=bool(config.get("tie_word_embeddings", False)),
    )


def weight_bytes(shape: Shape, weights: Weights) -> int:
    """All weights of the model, without what loading them takes besides."""
    attention = shape.hidden * shape.head_dim * (2 * shape.heads + 2 * shape.kv_heads)
    linear = shape.layers * (attention + 3 * shape.hidden * shape.intermediate)
    embedding = shape.vocabulary * shape.hidden * (1 if shape.tied else 2)
    return round(linear * _PER_PARAMETER[weights] + embedding * _EMBEDDING)


def cache_bytes(shape: Shape, context: int, *, hybrid: bool = True) -> int:
    """Keys and values of one sequence of `context` tokens.

    With the hybrid cache manager a sliding layer keeps its window and the tokens being worked on, otherwise all.
    """
    token = 2 * shape.kv_heads * shape.head_dim * _CACHED
    kept = min(context, shape.window - 1 + BATCH) if hybrid else context
    whole = shape.layers - shape.sliding_layers
    return token * (whole * context + shape.sliding_layers * kept)


def needed_bytes(
    shape: Shape, weights: Weights, context: int, *, cards: int = 1, sequences: int = SEQUENCES, on_load: bool = False
) -> int:
    """What each of `cards` must hold, which share weights and cache evenly.

    `on_load`: the weights come as bf16 and are made smaller on the card, which holds them whole for a moment.
    """
    running = weight_bytes(shape, weights) + sequences * cache_bytes(shape, context)
    loading = weight_bytes(shape, "bf16") if on_load else 0
    return max(running, loading) // cards + WORKING_BYTES


__all__ = [
    "BATCH", "CWM", "GIB", "SEQUENCES", "USABLE", "WORKING_BYTES", "Shape", "Weights",
    "cache_bytes", "needed_bytes", "shape_of", "weight_bytes",
]  # fmt: skip
