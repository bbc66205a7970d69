"""A small model of CWM's architecture that vLLM serves, made without a hub: `PYTHON vllm_checkpoint.py FOLDER`.

It needs torch and transformers, so it runs in vLLM's environment. The model is not trained; it walks: after the plain
token n the likeliest is n + 1, and after the last of them the first again. So what it says to a prompt is known to
whoever sent the prompt, greedy answers do not hang on the last bit of a number, and what is drawn at a temperature of
1 now and then jumps anywhere, to a separator too.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from transformers import CwmConfig, CwmForCausalLM, PreTrainedTokenizerFast

from cwm_agent.nano.tokenizer import train_tokenizer
from cwm_agent.traces.grammar import Special

CONTEXT = 20_480
"""Tokens; enough for a conversation."""
LAYERS = 4
HIDDEN = 128
WINDOW = 1024
PULL = 0.09
"""How strongly the next token is wanted: with a probability of some nine tenths."""
SOURCES = Path(__file__).parents[2] / "cwm_agent"


def main(folder: Path) -> None:
    """Write tokenizer, configuration and weights."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(SOURCES.glob("[cdehp]*.py"))]
    tokenizer = train_tokenizer(text for text in texts if "<|" not in text)
    size, first = tokenizer.get_vocab_size(), len(Special)
    torch.manual_seed(0)
    model = CwmForCausalLM(
        CwmConfig(
            vocab_size=size,
            hidden_size=HIDDEN,
            intermediate_size=2 * HIDDEN,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=HIDDEN // 4,
            max_position_embeddings=CONTEXT,
            sliding_window=WINDOW,
            layer_types=["sliding_attention" if at % LAYERS else "full_attention" for at in range(LAYERS)],
            rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
            bos_token_id=tokenizer.token_to_id(Special.BEGIN.value),
            eos_token_id=tokenizer.token_to_id(Special.END.value),
            pad_token_id=tokenizer.token_to_id(Special.PAD.value),
        )
    )
    with torch.no_grad():
        given = model.get_input_embeddings().weight.normal_(0, 1)
        wanted = model.get_output_embeddings().weight
        after = torch.arange(size) + 1
        after[-1] = first
        wanted.zero_()
        wanted[after] = PULL * given
    model.save_pretrained(folder)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=Special.BEGIN.value,
        eos_token=Special.END.value,
        pad_token=Special.PAD.value,
        additional_special_tokens=[special.value for special in Special],
        clean_up_tokenization_spaces=False,
    )
    fast.save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
