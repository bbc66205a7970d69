"""Trains the small model on traces that are made as it goes: `python -m cwm_agent.nano.train FOLDER --minutes 45`.

The loss is on the frames alone. The learning rate rises, and falls to the end of the time.
Where the folder has a model, it is trained on, from programs that it has not seen.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import CwmForCausalLM

from cwm_agent.nano.dataset import HELD_OUT, examples
from cwm_agent.nano.model import NOTES, make_model, save
from cwm_agent.nano.programs import LEVELS
from cwm_agent.nano.tokenizer import ids, load_tokenizer, train_tokenizer

BATCH = 1024
"""Tokens of one step, its padding included."""
LONGEST = 1408
"""Tokens; longer traces are not learnt from."""
RATE = 2e-3
_WARM = 0.02
_CHUNK = 1500
MIX = (0.12, 0.6, 0.24, 0.04)
"""The share of each level."""

Row = tuple[list[int], int]
"""The ids of a trace, and where its frames begin."""


def rows(tokenizer: Tokenizer, seeds: range, level: int) -> list[Row]:
    """The traces of these programs that are short enough."""
    found = []
    for each in examples(seeds, level):
        prompt, frames = ids(tokenizer, each.prompt), ids(tokenizer, each.frames)
        if len(prompt) + len(frames) <= LONGEST:
            found.append((prompt + frames, len(prompt)))
    return found


def batches(found: list[Row], rng: random.Random) -> list[list[Row]]:
    """The rows in batches of like length, in random order."""
    made: list[list[Row]] = [[]]
    for row in sorted(found, key=lambda row: len(row[0]) + rng.random()):
        if made[-1] and (len(made[-1]) + 1) * len(row[0]) > BATCH:
            made.append([])
        made[-1].append(row)
    rng.shuffle(made)
    return made


def tensors(batch: list[Row], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and labels; what is not learnt has the label -100."""
    longest = max(len(row) for row, _ in batch)
    inputs = torch.full((len(batch), longest), pad)
    labels = torch.full((len(batch), longest), -100)
    for at, (row, start) in enumerate(batch):
        inputs[at, : len(row)] = torch.tensor(row)
        labels[at, start : len(row)] = torch.tensor(row[start:])
    return inputs, labels


def rate(progress: float) -> float:
    """The learning rate at this share of the time."""
    warm = min(1.0, progress / _WARM)
    return RATE * warm * (0.04 + 0.96 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))


def first_tokenizer() -> Tokenizer:
    """A tokenizer from a first look at programs of every level."""
    looked = [each for level in range(LEVELS) for each in examples(range(1500), level)]
    return train_tokenizer(part for each in looked for part in (*each.prompt, *each.frames) if isinstance(part, str))


class Course:
    """One training run, its length in seconds."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self._folder = folder
        self._seconds = seconds
        self._seeds = [0] * LEVELS
        self._tokens = self._steps = 0
        if (folder / NOTES).exists():
            self._continue(json.loads((folder / NOTES).read_text(encoding="utf-8")))
        else:
            self._tokenizer = first_tokenizer()
            self._model: CwmForCausalLM = make_model(self._tokenizer)
        decayed = [each for each in self._model.parameters() if each.dim() > 1]
        others = [each for each in self._model.parameters() if each.dim() <= 1]
        groups = [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
        self._optimizer = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.97))
        self._started = time.monotonic()
        self._before = self._tokens

    def _continue(self, notes: dict[str, Any]) -> None:
        self._tokenizer = load_tokenizer(self._folder)
        self._model = CwmForCausalLM.from_pretrained(self._folder)
        self._tokens, self._steps, self._seeds = notes["tokens"], notes["steps"], notes["seeds"]

    @property
    def progress(self) -> float:
        """The share of the time that is over."""
        return (time.monotonic() - self._started) / self._seconds

    def run(self, save_every: float) -> None:
        """Train to the end of the time, saving every so many seconds."""
        said = saved = time.monotonic()
        loss = 0.0
        for batch in self._stream():
            here = self._step(batch)
            loss = here if not loss else 0.95 * loss + 0.05 * here
            now = time.monotonic()
            over = self.progress >= 1
            if now - said > 20 or over:
                said = now
                speed = (self._tokens - self._before) / (now - self._started)
                print(f"{self.progress:6.1%}  step {self._steps}  {self._tokens / 1e6:.2f}M tokens  "
                      f"{speed:.0f} token/s  loss {loss:.4f}", flush=True)  # fmt: skip
            if now - saved > save_every or over:
                saved = now
                self._save(loss)
            if over:
                return

    def _save(self, loss: float) -> None:
        notes = {"tokens": self._tokens, "steps": self._steps, "loss": round(loss, 4), "seeds": self._seeds,
                 "parameters": sum(each.numel() for each in self._model.parameters())}  # fmt: skip
        save(self._model, self._tokenizer, self._folder, notes)

    def _stream(self) -> Iterator[list[Row]]:
        rng = random.Random(0)
        used = self._seeds
        for _ in count():
            found = []
            for level, share in enumerate(MIX):
                start, used[level] = used[level], used[level] + int(share * _CHUNK)
                assert used[level] < HELD_OUT
                found += rows(self._tokenizer, range(start, used[level]), level)
            yield from batches(found, rng)

    def _step(self, batch: list[Row]) -> float:
        inputs, labels = tensors(batch, self._model.config.pad_token_id)
        for group in self._optimizer.param_groups:
            group["lr"] = rate(self.progress)
        loss = self._model(input_ids=inputs, labels=labels, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self._tokens += int((labels != -100).sum())
        self._steps += 1
        return float(loss.detach())


def main() -> None:
    """Train, and leave the newest checkpoint in the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=45.0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    Course(options.folder, options.minutes * 60).run(save_every=150)


if __name__ == "__main__":
    main()
