"""What transformers or vLLM make of prompts, greedily: `PYTHON peer_tokens.py ENGINE MODEL PROMPTS COUNT ANSWERS`.

PROMPTS is a JSON file of lists of token ids; ANSWERS will be one of the seconds of loading, and for each prompt the ids
of its answer and the seconds that it took.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

Answer = Callable[[list[int], int], list[int]]


def with_transformers(model: str) -> Answer:
    """`generate` as a program would use it."""
    import torch
    from transformers import CwmForCausalLM

    torch.set_num_threads(2)
    loaded = CwmForCausalLM.from_pretrained(model, dtype=torch.float32).eval()

    def answer(prompt: list[int], count: int) -> list[int]:
        ids = torch.tensor([prompt])
        with torch.no_grad():
            found = loaded.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=count)
        return [int(number) for number in found[0, len(prompt) :]]

    return answer


def with_vllm(model: str) -> Answer:
    """vLLM in this process, for one text at a time."""
    from vllm import LLM, SamplingParams

    loaded = LLM(model, dtype="float32", enforce_eager=True, max_model_len=2048, skip_tokenizer_init=True, seed=0)

    def answer(prompt: list[int], count: int) -> list[int]:
        sampling = SamplingParams(temperature=0, max_tokens=count, detokenize=False)
        done = loaded.generate({"prompt_token_ids": prompt}, sampling, use_tqdm=False)
        return list(done[0].outputs[0].token_ids)

    return answer


def main(engine: str, model: str, prompts: Path, count: int, answers: Path) -> None:
    """Load, answer each prompt, write."""
    began = time.perf_counter()
    answer = {"transformers": with_transformers, "vllm": with_vllm}[engine](model)
    loading = time.perf_counter() - began
    found = []
    for prompt in json.loads(prompts.read_text()):
        began = time.perf_counter()
        ids = answer(prompt, count)
        found.append((ids, time.perf_counter() - began))
    answers.write_text(json.dumps({"loading": loading, "answers": found}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
