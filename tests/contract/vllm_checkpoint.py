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

TEXTS = ROOT / "cwm_agent" / "demo" / "repository"
"""What the tokenizer is made from: texts that hardly ever change."""
HIDDEN, LAYERS = 128, 4
WINDOW = 1024
"""Tokens that three layers of four see, as in CWM."""
NEXT, END, SEPARATOR = 0.07, 4.0, 3.0
"""How strongly a model wants the next token, with a probability of some four fifths, the end of its turn, and a
separator of traces, which a grammar lets it spell in plain text too."""


def main(folder: Path) -> None:
    """Write tokenizer, configuration and weights."""
    tokenizer = train_tokenizer(path.read_text(encoding="utf-8") for path in sorted(TEXTS.rglob("*.py")))
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
    (folder / FOLLOWING).write_text(json.dumps(walk(tokenizer)))


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
        wanted.index_add_(0, torch.tensor(walk(tokenizer)), NEXT * given)
        wanted[:, 0] = 0
        for special in TRACE_SPECIALS:
            wanted[tokenizer.token_to_id(special.value), 0] = SEPARATOR
        wanted[tokenizer.token_to_id(Special.END_OF_TURN.value), 0] = END
    return model


def walk(tokenizer: Tokenizer) -> list[int]:
    """For each token the one that it is followed by."""
    number_of = tokenizer.token_to_id
    one, opened, closed = number_of("1"), number_of('Ġ"'), number_of('"')  # Ġ is a blank
    values = {number_of(":"): opened, number_of('":'): opened, opened: one, closed: one, one: closed}
    values.pop(None, None)  # what the texts had too seldom
    plain = [number for number in range(len(Special), tokenizer.get_vocab_size()) if number not in values]
    following = {number: plain[number] for number in range(len(Special))} | values
    following |= dict(zip(plain, [*plain[1:], plain[0]], strict=True))
    following[number_of(Special.FRAME.value)] = number_of(Special.LINE.value)
    return [following[number] for number in range(tokenizer.get_vocab_size())]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
