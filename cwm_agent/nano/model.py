"""The small model itself: CWM's architecture class, made small, so that any server of CWM serves it too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import CwmConfig, CwmForCausalLM, PreTrainedTokenizerFast

from cwm_agent.nano.notes import NOTES
from cwm_agent.nano.shape import SHAPE
from cwm_agent.nano.tokenizer import vocabulary
from cwm_agent.traces.grammar import Special

CONTEXT = 2048
ROPE_THETA = 1_000_000.0
"""As CWM's own: most pairs of a head turn slowly, and can tell what a token is at any distance."""
_SHARP, _SLOW = 4, 9  # pairs of a head that tell near positions apart, and pairs that hardly turn within a context
_LOOK, _MATCH = 1.3, 2.0


def make_model(tokenizer: Tokenizer, **shape: int) -> CwmForCausalLM:
    """A model with random weights for this tokenizer; `shape` overrides SHAPE."""
    special = vocabulary(tokenizer)
    layers = (SHAPE | shape)["num_hidden_layers"]
    config = CwmConfig(
        vocab_size=tokenizer.get_vocab_size(),
        max_position_embeddings=CONTEXT,
        sliding_window=CONTEXT,
        layer_types=["full_attention"] * layers,
        rope_parameters={"rope_type": "default", "rope_theta": ROPE_THETA},
        tie_word_embeddings=True,
        bos_token_id=special.id(Special.BEGIN),
        eos_token_id=special.id(Special.END),
        pad_token_id=special.id(Special.PAD),
        **(SHAPE | shape),
    )
    model = CwmForCausalLM(config)
    head_start(model)
    return model


def head_start(model: CwmForCausalLM) -> None:
    """Weights with which copying begins: heads that look back by one to three tokens, and one that finds, by what they
    saw, where the present token stood before, and says what followed it. Training comes to these by itself, much later.
    """
    size, width = model.config.head_dim, model.config.hidden_size
    embedding = model.get_input_embeddings().weight
    first, second = model.model.layers[0].self_attn, model.model.layers[1].self_attn
    with torch.no_grad():
        embedding.normal_(0, 0.05)
        embedding[:, 0] = 0.3  # what all tokens share: the only thing from which a head of positions can be made
        pairs = size // 2
        turn = ROPE_THETA ** (-torch.arange(pairs) / pairs)
        sharp = (torch.arange(pairs) < _SHARP).float()
        first.k_proj.weight[:size] = 0
        first.k_proj.weight[:pairs, 0] = _LOOK * sharp
        for back in range(3):
            head = first.q_proj.weight[back * size : (back + 1) * size]
            head.zero_()
            head[:pairs, 0] = _LOOK * sharp * torch.cos(turn * (back + 1))
            head[pairs:, 0] = -_LOOK * sharp * torch.sin(turn * (back + 1))
        first.v_proj.weight[:size].normal_(0, width**-0.5)
        first.v_proj.weight[:size, 0] = 0
        first.o_proj.weight[:, : 3 * size].normal_(0, 0.01)
        seen, written = first.v_proj.weight[:size], first.o_proj.weight[:, :size]
        slow = [at for at in range(size) if at % pairs >= pairs - _SLOW]
        chosen = torch.linalg.qr(torch.randn(size, len(slow)))[0].T
        second.q_proj.weight[:size] = 0
        second.q_proj.weight[slow] = _MATCH * chosen @ seen
        second.k_proj.weight[:size] = 0
        second.k_proj.weight[slow] = _MATCH * 0.075 * chosen @ torch.linalg.pinv(written)
        second.v_proj.weight[:size].normal_(0, width**-0.5)
        second.v_proj.weight[:size, 0] = 0
        second.o_proj.weight[:, :size] = 0.3 * second.v_proj.weight[:size].T


def save(model: CwmForCausalLM, tokenizer: Tokenizer, folder: Path, notes: Mapping[str, Any], largest: str) -> None:
    """Write what a server loads: weights in files up to `largest`, configuration, tokenizer.

    `notes` say how the model came about.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder, max_shard_size=largest)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=Special.BEGIN.value,
        eos_token=Special.END.value,
        pad_token=Special.PAD.value,
        additional_special_tokens=[special.value for special in Special],
        clean_up_tokenization_spaces=False,
        model_max_length=CONTEXT,
    )
    fast.save_pretrained(folder)
    (folder / NOTES).write_text(json.dumps(notes, indent=1) + "\n", encoding="utf-8")
