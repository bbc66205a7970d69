"""The forward pass of CwmForCausalLM for training, with as few passes over memory as the same weights allow.

On a processor a small model spends most of its time between the matrix products. A test compares it with theirs.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import CwmForCausalLM

_F = torch.nn.functional


def hidden(model: CwmForCausalLM, ids: torch.Tensor, kind: torch.dtype) -> torch.Tensor:
    """What the head reads, (traces, tokens, hidden); all layers see everything before, and compute in `kind`."""
    config = model.config
    turns = _turns(model, ids.shape[1], kind)
    seen = _F.embedding(ids, model.model.embed_tokens.weight.to(kind))
    for layer in model.model.layers:
        seen = seen + _attend(layer.self_attn, _norm(layer.input_layernorm, seen), turns, config)
        seen = seen + _think(layer.mlp, _norm(layer.post_attention_layernorm, seen))
    return _norm(model.model.norm, seen)


def _turns(model: CwmForCausalLM, length: int, kind: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    frequencies = model.model.rotary_emb.inv_freq
    angles = torch.outer(torch.arange(length, device=frequencies.device, dtype=torch.float32), frequencies)
    sines = angles.sin()
    return torch.cat((angles, angles), -1).cos().to(kind), torch.cat((-sines, sines), -1).to(kind)


def _norm(norm: Any, seen: torch.Tensor) -> torch.Tensor:
    return _F.rms_norm(seen, norm.weight.shape, norm.weight.to(seen.dtype), norm.variance_epsilon)


def _attend(block: Any, seen: torch.Tensor, turns: tuple[torch.Tensor, torch.Tensor], config: Any) -> torch.Tensor:
    heads, groups, size = config.num_attention_heads, config.num_key_value_heads, config.head_dim
    weight = torch.cat((block.q_proj.weight, block.k_proj.weight, block.v_proj.weight)).to(seen.dtype)
    count, length, _ = seen.shape
    every = _F.linear(seen, weight).view(count, length, heads + 2 * groups, size).transpose(1, 2)
    turned = every[:, : heads + groups]
    cosines, sines = turns
    turned = turned * cosines + turned.roll(size // 2, -1) * sines
    queries, keys, values = turned[:, :heads], turned[:, heads:], every[:, heads + groups :]
    found = _look(queries, keys, values)
    return _F.linear(found.transpose(1, 2).reshape(count, length, heads * size), block.o_proj.weight.to(seen.dtype))


def _look(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Causal attention, (traces, heads, tokens, size).

    On a processor the heads of a group are one product: at 100 tokens a fifth of the time of torch's own attention, at
    280 half of it, at 768 about the same.
    """
    if queries.device.type != "cpu":
        return _F.scaled_dot_product_attention(queries, keys, values, is_causal=True, enable_gqa=True)
    count, heads, length, size = queries.shape
    groups = keys.shape[1]
    later = torch.full((length, length), -torch.inf, dtype=queries.dtype).triu(1).repeat(heads // groups, 1)
    asked = (queries * size**-0.5).reshape(count * groups, -1, size)
    offered, said = (each.reshape(count * groups, length, size) for each in (keys, values))
    weights = torch.baddbmm(later, asked, offered.transpose(1, 2)).softmax(-1)
    return torch.bmm(weights, said).view(queries.shape)


def _think(block: Any, seen: torch.Tensor) -> torch.Tensor:
    weight = torch.cat((block.gate_proj.weight, block.up_proj.weight)).to(seen.dtype)
    gate, up = _F.linear(seen, weight).chunk(2, -1)
    return _F.linear(_F.silu(gate) * up, block.down_proj.weight.to(seen.dtype))
