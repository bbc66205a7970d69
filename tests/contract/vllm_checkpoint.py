"""A small model of CWM's architecture that vLLM serves, made without a hub: `PYTHON vllm_checkpoint.py FOLDER`.

It needs torch and transformers, so it runs in vLLM's environment. The model is not trained; it walks: each token has
one that likely follows, as FOLLOWING tells. So what it says to a prompt is known to whoever sent the prompt, and greedy
answers do not hang on the last bit of a number. Plain tokens follow in the order of their ids; but a frame begins with
a line, and a value is a quoted 1. What is drawn at a temperature of 1 now and then jumps anywhere, and ends its turn
after some hundred tokens.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import CwmConfig, CwmForCausalLM, PreTrainedTokenizerFast

from cwm_agent.nano.tokenizer import train_tokenizer
from cwm_agent.traces.grammar import TRACE_SPECIALS, Special
from tests.contract.vllm_server import CONTEXT, FOLLOWING, ROOT

HIDDEN, LAYERS = 128, 4
WINDOW = 1024
"""Tokens that three layers of four see, as in CWM."""
NEXT, END, SEPARATOR = 0.07, 4.0, 3.0
"""How strongly a model wants the next token, with a probability of some four fifths, the end of its turn, and a
separator of traces, which a grammar lets it spell in plain text too."""


def main(folder: Path) -> None:
    """Write tokenizer, configuration and weights."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "cwm_agent").glob("[cdehp]*.py"))]
    tokenizer = train_tokenizer(text for text in texts if "<|" not in text)
    model = made(tokenizer)
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
    (folder / FOLLOWING).write_text(json.dumps(following(tokenizer)))


def made(tokenizer: Tokenizer) -> CwmForCausalLM:
    """The model, the same each time."""
    torch.manual_seed(0)
    model = CwmForCausalLM(
        CwmConfig(
            vocab_size=tokenizer.get_vocab_size(),
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
        given[:, 0] = 1  # what all tokens have alike: from it comes what is wanted after each of them
        wanted = model.get_output_embeddings().weight.zero_()
        wanted.index_add_(0, torch.tensor(following(tokenizer)), NEXT * given)
        wanted[:, 0] = 0
        for special in TRACE_SPECIALS:
            wanted[tokenizer.token_to_id(special.value), 0] = SEPARATOR
        wanted[tokenizer.token_to_id(Special.END_OF_TURN.value), 0] = END
    return model


def following(tokenizer: Tokenizer) -> list[int]:
    """For each token the one that it is followed by."""
    one, opened, closed = (tokenizer.token_to_id(token) for token in ("1", 'Ġ"', '"'))  # Ġ is a blank
    ends = {'"': one, ":": opened}
    after = [ends.get(token[-1], -1) for token in sorted(tokenizer.get_vocab(), key=tokenizer.token_to_id)]
    after[one] = closed
    plain = [number for number in range(len(Special), len(after)) if after[number] < 0]
    for number, then in zip(plain, [*plain[1:], plain[0]], strict=True):
        after[number] = then
    for special in Special:
        after[tokenizer.token_to_id(special.value)] = plain[0]
    after[tokenizer.token_to_id(Special.FRAME.value)] = tokenizer.token_to_id(Special.LINE.value)
    return after


if __name__ == "__main__":
    main(Path(sys.argv[1]))
