"""The small model itself: CWM's architecture class, made small, so that any server of CWM serves it too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import CwmConfig, CwmForCausalLM, PreTrainedTokenizerFast

from cwm_agent.nano.tokenizer import vocabulary
from cwm_agent.traces.grammar import Special

CONTEXT = 2048
NOTES = "training.json"
SHAPE = {
    "hidden_size": 192,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "head_dim": 32,
}


def make_model(tokenizer: Tokenizer, **shape: int) -> CwmForCausalLM:
    """A model with random weights for this tokenizer; `shape` overrides SHAPE."""
    special = vocabulary(tokenizer)
    layers = (SHAPE | shape)["num_hidden_layers"]
    config = CwmConfig(
        vocab_size=tokenizer.get_vocab_size(),
        max_position_embeddings=CONTEXT,
        sliding_window=CONTEXT,
        layer_types=["full_attention"] * layers,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        tie_word_embeddings=True,
        bos_token_id=special.id(Special.BEGIN),
        eos_token_id=special.id(Special.END),
        pad_token_id=special.id(Special.PAD),
        **(SHAPE | shape),
    )
    return CwmForCausalLM(config)


def save(model: CwmForCausalLM, tokenizer: Tokenizer, folder: Path, notes: dict[str, Any]) -> None:
    """Write what a server loads: weights, configuration, tokenizer; `notes` say how the model came about."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
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
