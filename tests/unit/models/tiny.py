"""A tiny random model in a folder, and what it computes, worked out position by position in the plainest way."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from cwm_agent.traces.grammar import Special

MERGES = [("Ġ", "a"), ("b", "c"), ("bc", "d"), ("Ġ", "Ġ"), ("r", "e"), ("Ã", "©"), ("<", "|")]
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 100.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
CONFIG: dict[str, Any] = {
    "architectures": ["CwmForCausalLM"],
    "hidden_size": 24,
    "intermediate_size": 20,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "layer_types": ["full_attention", "sliding_attention", "sliding_attention"],
    "sliding_window": 5,
    "max_position_embeddings": 512,
    "rms_norm_eps": 1e-5,
    "rope_parameters": {"rope_type": "default", "rope_theta": 100.0},
    "tie_word_embeddings": True,
    "hidden_act": "silu",
}
Weights = dict[str, np.ndarray[Any, np.dtype[np.float32]]]


def tokenizer(specials: Sequence[Special] = tuple(Special)) -> Tokenizer:
    """Bytes, a few merges, and the separators."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [*letters, *("".join(each) for each in MERGES)]
    made = Tokenizer(models.BPE({word: at for at, word in enumerate(words)}, MERGES))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([each.value for each in specials])
    return made


def weights(config: dict[str, Any], seed: int = 0) -> Weights:
    """Random ones, large enough that a model has opinions."""
    random = np.random.default_rng(seed)
    hidden, inner, head = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    queries, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    sizes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (config["vocab_size"], hidden)}
    for number in range(config["num_hidden_layers"]):
        parts = {
            "input_layernorm": (hidden,),
            "self_attn.q_proj": (queries, hidden),
            "self_attn.k_proj": (keys, hidden),
            "self_attn.v_proj": (keys, hidden),
            "self_attn.o_proj": (hidden, queries),
            "post_attention_layernorm": (hidden,),
            "mlp.gate_proj": (inner, hidden),
            "mlp.up_proj": (inner, hidden),
            "mlp.down_proj": (hidden, inner),
        }
        sizes |= {f"model.layers.{number}.{part}.weight": size for part, size in parts.items()}
    sizes["model.norm.weight"] = (hidden,)
    if not config["tie_word_embeddings"]:
        sizes["lm_head.weight"] = (config["vocab_size"], hidden)
    return {
        name: (random.normal(size=size) * (1.0 if len(size) == 1 else 2.0 / math.sqrt(size[1]))).astype(np.float32)
        for name, size in sizes.items()
    }


def write(
    folder: Path,
    *,
    seed: int = 0,
    made: Tokenizer | None = None,
    tensors: Weights | None = None,
    half: bool = False,
    **config: Any,
) -> dict[str, Any]:
    """A model's folder, and its whole configuration. `half`: weights as 16-bit brain floats, the lower bits cut off."""
    made = made or tokenizer()
    whole = {**CONFIG, "vocab_size": made.get_vocab_size() + 3, **config}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({name: each for name, each in whole.items() if each is not None}))
    made.save(str(folder / "tokenizer.json"))
    save(folder / "model.safetensors", weights(whole, seed) if tensors is None else tensors, half=half)
    return whole


def save(file: Path, tensors: Weights, *, half: bool = False) -> None:
    """Tensors in a file: the length of a header, the header, the numbers."""
    header, numbers = {}, b""
    for name, each in tensors.items():
        stored = (each.view(np.uint32) >> 16).astype("<u2") if half else each.astype("<f4")
        offsets = [len(numbers), len(numbers) + stored.nbytes]
        header[name] = {"dtype": "BF16" if half else "F32", "shape": list(each.shape), "data_offsets": offsets}
        numbers += stored.tobytes()
    text = json.dumps(header).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text + numbers)


def reference(config: dict[str, Any], named: Weights, ids: Sequence[int]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The logits after each token, without anything kept, in 64 bits."""
    heads, groups, size = config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"]
    w = {name.removeprefix("model.").removesuffix(".weight"): each.astype(np.float64) for name, each in named.items()}
    states = [w["embed_tokens"][number] for number in ids]

    def norm(state: Any, name: str) -> Any:
        return state / math.sqrt((state**2).mean() + config["rms_norm_eps"]) * w[name]

    def heads_of(state: Any, name: str, count: int, at: int | None) -> list[Any]:
        parts = (w[name] @ state).reshape(count, size)
        return [part if at is None else _turned(part, at, config["rope_parameters"]) for part in parts]

    for number, kind in enumerate(config["layer_types"]):
        layer = f"layers.{number}."
        inputs = [norm(state, layer + "input_layernorm") for state in states]
        queries = [heads_of(each, layer + "self_attn.q_proj", heads, at) for at, each in enumerate(inputs)]
        keys = [heads_of(each, layer + "self_attn.k_proj", groups, at) for at, each in enumerate(inputs)]
        values = [heads_of(each, layer + "self_attn.v_proj", groups, None) for each in inputs]
        for at, state in enumerate(states):
            first = max(0, at - config["sliding_window"] + 1) if kind == "sliding_attention" else 0
            seen = []
            for head in range(heads):
                group = head * groups // heads
                scores = [queries[at][head] @ keys[other][group] / math.sqrt(size) for other in range(first, at + 1)]
                shares = np.exp(np.array(scores) - max(scores))
                shares /= shares.sum()
                seen.append(sum(share * values[first + each][group] for each, share in enumerate(shares)))
            mixed = state + w[layer + "self_attn.o_proj"] @ np.concatenate(seen)
            inner = norm(mixed, layer + "post_attention_layernorm")
            gate = w[layer + "mlp.gate_proj"] @ inner
            wide = gate / (1 + np.exp(-gate)) * (w[layer + "mlp.up_proj"] @ inner)
            states[at] = mixed + w[layer + "mlp.down_proj"] @ wide
    head_weights = w["embed_tokens"] if config["tie_word_embeddings"] else w["lm_head"]
    return np.stack([head_weights @ norm(state, "norm") for state in states])


def _turned(part: Any, position: int, rope: dict[str, Any]) -> Any:
    """Number by number: the pair (i, i + half) turned by its angle."""
    half = len(part) // 2
    turned = np.empty_like(part)
    for at in range(half):
        speed = rope["rope_theta"] ** (-2 * at / len(part))
        if rope["rope_type"] == "llama3":
            speed = _slowed(speed, rope)
        cosine, sine = math.cos(position * speed), math.sin(position * speed)
        turned[at] = part[at] * cosine - part[at + half] * sine
        turned[at + half] = part[at + half] * cosine + part[at] * sine
    return turned


def _slowed(speed: float, rope: dict[str, Any]) -> float:
    """Llama 3's rule: short waves as they are, long ones slowed, those between in between."""
    waves = rope["original_max_position_embeddings"] * speed / (2 * math.pi)  # in the length first trained on
    if waves > rope["high_freq_factor"]:
        return speed
    if waves < rope["low_freq_factor"]:
        return speed / rope["factor"]
    share = (waves - rope["low_freq_factor"]) / (rope["high_freq_factor"] - rope["low_freq_factor"])
    return (1 - share) * speed / rope["factor"] + share * speed
