"""Trains the small model on shards of traces; stopped at any moment, it goes on from there as if it had not been.

The rate rises, stays, and falls to nothing over the last steps: a run whose end is not known yet can be cooled down
at any time, and go on from before. What counts as done is in the state: steps, not time.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from msgspec import Struct
from tokenizers import Tokenizer
from transformers import CwmForCausalLM

from cwm_agent.nano.forward import hidden
from cwm_agent.nano.kitchen import Kitchen
from cwm_agent.nano.model import make_model
from cwm_agent.nano.shards import WHOLE, Row, read_shard

STATE = "state.pt"
TRUNK = "trunk.pt"
"""The state as it was before the rate fell: from here a run can go on, under the name of the other."""
BUDGET = "budget.json"
"""What a run was meant to cost, written before its first step."""
_EMA = 0.998
_LONG = 8  # lengths are rounded up to a multiple: a compiled model meets fewer shapes


class Plan(Struct, frozen=True, kw_only=True):
    """How to train: tokens of a step, the greatest rates for steps of 8192, and the steps of the rise.

    For other steps the rates go with the square root of their size.
    """

    batch: int = 4096
    rate: float = 2e-3
    matrix_rate: float = 2.5e-3
    decay: float = 0.05
    warm: int = 100
    seed: int = 0


class Cooling(Struct, frozen=True):
    """The last steps of a run, over which the rate falls to nothing."""

    first: int
    steps: int


def is_over(folder: Path) -> bool:
    """Whether the run whose state is in this folder was cooled to its end."""
    state = torch.load(folder / STATE, map_location="cpu", weights_only=True)
    return state["cooling"] is not None and int(state["step"]) >= sum(state["cooling"])


def rate(step: int, plan: Plan, cooling: Cooling | None) -> float:
    """The share of the greatest rate at this step."""
    warm = math.sqrt(plan.batch / 8192) * min(1.0, (step + 1) / plan.warm)
    if cooling is None or step < cooling.first:
        return warm
    return warm * max(0.0, 1 - (step - cooling.first + 1) / (cooling.steps + 1))


def batches(rows: list[Row], size: int, rng: random.Random) -> list[list[Row]]:
    """The rows in batches of like length and about `size` tokens, in random order."""
    made: list[list[Row]] = [[]]
    for row in sorted(rows, key=lambda row: len(row.ids) + rng.random()):
        if made[-1] and (len(made[-1]) + 1) * len(row.ids) > size:
            made.append([])
        made[-1].append(row)
    rng.shuffle(made)
    return made


def tensors(batch: list[Row], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and weights, one trace a line, padded at the end: no token sees another trace, nor the padding."""
    longest = -(-max(len(row.ids) for row in batch) // _LONG) * _LONG
    ids = torch.full((len(batch), longest), pad)
    weights = torch.zeros((len(batch), longest))
    for at, row in enumerate(batch):
        ids[at, : len(row.ids)] = torch.from_numpy(row.ids.astype("int64"))
        weights[at, : len(row.ids)] = torch.from_numpy(row.weights) / WHOLE
    return ids, weights


class Team(Struct, frozen=True):
    """The processes that share each batch, with a `torch.distributed` group where they are several."""

    rank: int = 0
    size: int = 1

    def add(self, parts: list[torch.Tensor]) -> None:
        """Make each tensor the sum over all processes."""
        if self.size > 1:
            flat = torch.cat([each.flatten() for each in parts])
            torch.distributed.all_reduce(flat)
            for part, summed in zip(parts, flat.split([each.numel() for each in parts]), strict=True):
                part.copy_(summed.view_as(part))


ALONE = Team()


class Course:
    """One training run in a folder: the model, its average, the optimizers, and where in the data it is."""

    def __init__(
        self, folder: Path, tokenizer: Tokenizer, plan: Plan, device: str = "cpu", team: Team = ALONE, **shape: int
    ) -> None:
        self._folder, self._plan, self.device, self._team = folder, plan, device, team
        found = self._found()
        self._shape = shape or found.get("shape", {})
        torch.manual_seed(plan.seed)
        self.model: CwmForCausalLM = make_model(tokenizer, **self._shape).to(device)
        self.average = [each.detach().clone() for each in self.model.parameters()]
        self.step = self.tokens = self.learnt = self.shard = self.batch = 0
        self.seconds = 0.0
        self.cooling: Cooling | None = None
        self.losses: list[tuple[int, int, float, float]] = []
        matrices = [each for name, each in self.model.named_parameters() if each.dim() > 1 and "embed" not in name]
        chosen = {id(each) for each in matrices}
        others = [each for each in self.model.parameters() if id(each) not in chosen]
        self._matrix = torch.optim.Muon(
            matrices, lr=plan.matrix_rate, weight_decay=plan.decay, adjust_lr_fn="match_rms_adamw"
        )
        self._other = torch.optim.AdamW(others, lr=plan.rate, betas=(0.9, 0.95), weight_decay=0.0)
        self._forward: Any = torch.compile(hidden, dynamic=True) if device == "cuda" else hidden
        if found:
            self._load(found)

    def _found(self) -> dict[str, Any]:
        """The state in the folder, where there is one."""
        if not (self._folder / STATE).exists():
            return {}
        return dict(torch.load(self._folder / STATE, map_location=self.device, weights_only=True))

    def save(self, name: str = STATE) -> None:
        """Write the state, whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        state = {
            "model": self.model.state_dict(), "average": self.average, "matrix": self._matrix.state_dict(),
            "other": self._other.state_dict(), "step": self.step, "tokens": self.tokens, "learnt": self.learnt,
            "shard": self.shard, "batch": self.batch, "seconds": self.seconds, "losses": self.losses,
            "shape": self._shape,
            "cooling": None if self.cooling is None else [self.cooling.first, self.cooling.steps],
        }  # fmt: skip
        unfinished = self._folder / f"{name}.part"
        torch.save(state, unfinished)
        unfinished.replace(self._folder / name)

    def _load(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.average = list(state["average"])
        self._matrix.load_state_dict(state["matrix"])
        self._other.load_state_dict(state["other"])
        for name in ("step", "tokens", "learnt", "shard", "batch", "seconds"):
            setattr(self, name, state[name])
        self.losses = [tuple(each) for each in state["losses"]]
        self.cooling = None if state["cooling"] is None else Cooling(*state["cooling"])

    def cool(self, steps: int) -> None:
        """Let the rate fall to nothing over the next steps; the state as it is now is kept beside."""
        if self._team.rank == 0:
            self.save(TRUNK)
        self.cooling = Cooling(self.step, steps)

    def stream(self, kitchen: Kitchen) -> Iterator[list[Row]]:
        """The batches from where the state stands; the position is that after the batch in hand."""
        while True:
            found = read_shard(kitchen.take(self.shard))
            made = batches(found, self._plan.batch, random.Random(f"{self._plan.seed} {self.shard}"))
            while self.batch < len(made):
                self.batch += 1
                yield made[self.batch - 1]
            self.shard, self.batch = self.shard + 1, 0

    @property
    def over(self) -> bool:
        """Whether the rate has fallen to nothing."""
        return self.cooling is not None and self.step >= self.cooling.first + self.cooling.steps

    def learn(self, batch: list[Row]) -> float:
        """One step; its loss per weight."""
        began = time.monotonic()
        share = rate(self.step, self._plan, self.cooling)
        for group in self._matrix.param_groups:
            group["lr"] = share * self._plan.matrix_rate
        for group in self._other.param_groups:
            group["lr"] = share * self._plan.rate
        total = sum(int(row.weights.sum(dtype="int64")) for row in batch) / WHOLE
        mine = batch[self._team.rank :: self._team.size]
        loss = torch.zeros(1, device=self.device)
        if mine:
            ids, weights = (each.to(self.device) for each in tensors(mine, self.model.config.pad_token_id))
            part = self.loss(ids, weights) / total
            part.backward()
            loss += part.detach()
        for each in self.model.parameters():
            if each.grad is None:
                each.grad = torch.zeros_like(each)
        self._team.add([loss, *(each.grad for each in self.model.parameters())])
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in (self._matrix, self._other):
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        kept = min(_EMA, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(self.average, [each.data for each in self.model.parameters()], 1 - kept)
        self.tokens += sum(len(row.ids) for row in batch)
        self.learnt += sum(int((row.weights > 0).sum()) for row in batch)
        self.seconds += time.monotonic() - began
        return float(loss)

    def loss(self, ids: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """The weighted sum of the losses; only tokens that count are given logits."""
        counts = weights[:, 1:] > 0
        with torch.autocast(self.device, dtype=torch.bfloat16):
            logits = self.model.lm_head(self._hidden(ids)[:, :-1][counts])
        each = torch.nn.functional.cross_entropy(logits.float(), ids[:, 1:][counts], reduction="none")
        return (each * weights[:, 1:][counts]).sum()

    def _hidden(self, ids: torch.Tensor) -> torch.Tensor:
        return self._forward(self.model, ids, torch.bfloat16)
