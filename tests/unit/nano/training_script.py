"""What the tests of training run where torch is: `PYTHON training_script.py WHAT FOLDER …`. Prints JSON, a line each.

The model is tiny, and so are the shards, which are written first: nothing is traced here.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import CwmForCausalLM

from cwm_agent.nano.forward import hidden
from cwm_agent.nano.kitchen import Kitchen, path_of
from cwm_agent.nano.model import make_model
from cwm_agent.nano.shards import WHOLE, Row, row, write_shard
from cwm_agent.nano.tokenizer import load_tokenizer
from cwm_agent.nano.train import Course, Plan, batches, is_over, rate, tensors

SHAPE = {"hidden_size": 96, "intermediate_size": 96, "num_hidden_layers": 2}
PLAN = Plan(batch=512, warm=5)
STEPS, COOL_AT, COOLING = 14, 9, 5


def random_rows(size: int, seed: int, count: int = 40) -> list[Row]:
    """Rows of random tokens, of which the second half counts."""
    rng = random.Random(seed)
    lengths = [rng.randint(8, 120) for _ in range(count)]
    return [
        row([rng.randrange(size) for _ in range(each)], [0] * (each // 2) + [WHOLE] * (each - each // 2))
        for each in lengths
    ]


def prepare(folder: Path, tokenizer: Tokenizer) -> None:
    """Three shards, of five or six steps each."""
    for number in range(3):
        write_shard(path_of(folder, number), random_rows(tokenizer.get_vocab_size(), number))


def learn(folder: Path, data: Path, pause: float = 0.0) -> None:
    """Train to the end, from wherever the folder's state is; every step is saved and told."""
    torch.set_num_threads(1)
    course = Course(folder, load_tokenizer(folder), PLAN, **SHAPE)
    for batch in course.stream(Kitchen(data, folder, workers=0, nice=0)):
        if course.step == COOL_AT and course.cooling is None:
            course.cool(COOLING)
        loss = course.learn(batch)
        course.save()
        print(json.dumps([course.step, loss]), flush=True)
        if course.over:
            return
        time.sleep(pause)


def same(one: Path, *others: str) -> None:
    """Whether other states are the same as this one to the last bit, the seconds they took left out."""
    first, *found = (torch.load(each, weights_only=True) for each in (one, *others))
    for each in (first, *found):
        each.pop("seconds")
    print(json.dumps([*(_equal(first, each) for each in found), is_over(one.parent)]))


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)


def forward(folder: Path) -> None:
    """How far our forward pass is from transformers', and its own in 16 bits; and how large what they give is."""
    model = make_model(load_tokenizer(folder), **SHAPE)
    with torch.no_grad():
        for name, each in model.named_parameters():
            each.normal_(1.0 if "norm" in name else 0.0, 0.2)
    ids = torch.randint(0, model.config.vocab_size, (3, 70))
    with torch.no_grad():
        theirs = model.model(input_ids=ids, use_cache=False).last_hidden_state
        ours, halved = hidden(model, ids, torch.float32), hidden(model, ids, torch.bfloat16)
    print(
        json.dumps(
            [(theirs - ours).abs().max().item(), (theirs - halved).abs().mean().item(), theirs.abs().mean().item()]
        )
    )


def packing(folder: Path) -> None:
    """Batches: their padding, whether each row is in one, and the loss together beside the sum of those alone."""
    tokenizer = load_tokenizer(folder)
    rows = random_rows(tokenizer.get_vocab_size(), 7, 400)
    made = batches(rows, 1024, random.Random(0))
    padding = [tensors(each, -1)[0] for each in made]
    course = Course(folder / "none", tokenizer, PLAN, **SHAPE)
    with torch.no_grad():
        together = sum(float(course.loss(*tensors(each, 0))) for each in made)
        alone = sum(float(course.loss(*tensors([each], 0))) for each in rows)
    print(json.dumps({
        "rows": sorted(len(each.ids) for batch in made for each in batch) == sorted(len(each.ids) for each in rows),
        "largest": max(each.numel() for each in padding),
        "padding": sum(int((each == -1).sum()) for each in padding) / sum(each.numel() for each in padding),
        "same order": batches(rows, 1024, random.Random(0)) == made,
        "together": together, "alone": alone,
    }))  # fmt: skip


def greedy(folder: Path, prompt: list[int], count: int) -> None:
    """What transformers says to a prompt."""
    model = CwmForCausalLM.from_pretrained(folder)
    ids = torch.tensor([prompt])
    for _ in range(count):
        ids = torch.cat((ids, model(input_ids=ids, use_cache=False).logits[:, -1:].argmax(-1)), 1)
    print(json.dumps(ids[0, len(prompt) :].tolist()))


def rates() -> None:
    """The rate over a run that is cooled."""
    from cwm_agent.nano.train import Cooling

    print(json.dumps([rate(step, Plan(batch=8192, warm=5), Cooling(10, 4)) for step in range(15)]))


if __name__ == "__main__":
    what, folder, *rest = sys.argv[1:]
    where = Path(folder)
    match what:
        case "learn":
            learn(where, Path(rest[0]), float(rest[1]))
        case "same":
            same(where, *rest)
        case "greedy":
            greedy(where, json.loads(rest[0]), int(rest[1]))
        case "checks":
            prepare(where / "data", load_tokenizer(where))
            forward(where)
            packing(where)
            rates()
