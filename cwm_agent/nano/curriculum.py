"""Which programs each shard of the training data holds: easy ones first, then all kinds. A shard stays what it is."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from tokenizers import Tokenizer

from cwm_agent.nano.dataset import HELD_OUT, Example, examples
from cwm_agent.nano.programs import DRILLED, HARVESTED, MUTATED, WIDER
from cwm_agent.nano.shards import Row, row
from cwm_agent.nano.tokenizer import ids, weighed_ids
from cwm_agent.nano.weighing import weighed
from cwm_agent.traces.locals import shorten

SHARD = 4000
"""Programs of one shard."""


class Stage(Struct, frozen=True):
    """The shards before `end`: the share of each level among the programs, and the longest trace in tokens."""

    end: int
    shares: dict[int, float]
    longest: int


STAGES = (
    Stage(3, {0: 0.6, 1: 0.4}, 1408),
    Stage(5, {0: 0.25, 1: 0.4, WIDER: 0.25, MUTATED: 0.1}, 640),
    Stage(16, {0: 0.12, 1: 0.33, 2: 0.1, WIDER: 0.3, MUTATED: 0.1, HARVESTED: 0.05}, 768),
    Stage(21, {0: 0.05, 1: 0.3, 2: 0.15, 3: 0.05, WIDER: 0.25, MUTATED: 0.1, HARVESTED: 0.1}, 1408),
    Stage(
        10**9,
        {0: 0.05, 1: 0.27, 2: 0.1, 3: 0.03, WIDER: 0.22, MUTATED: 0.05, HARVESTED: 0.08, DRILLED: 0.2},
        1408,
    ),
)


def _stage(number: int) -> Stage:
    return next(each for each in STAGES if number < each.end)


def plan(number: int, programs: int = SHARD) -> list[tuple[int, range]]:
    """The levels and seeds of this shard's programs, or of fewer of them."""
    made = []
    for level, share in _stage(number).shares.items():
        first = number * SHARD
        assert first + SHARD < HELD_OUT
        made.append((level, range(first, first + round(share * programs))))
    return made


def as_row(tokenizer: Tokenizer, example: Example) -> Row:
    """The tokens and weights of an example; nothing in its prompt counts."""
    prompt = ids(tokenizer, example.prompt)
    frames, weights = weighed_ids(tokenizer, weighed(shorten(example.trace.frames)))
    return row([*prompt, *frames], [*[0] * len(prompt), *weights])


def rows(tokenizer: Tokenizer, number: int, programs: int = SHARD) -> Iterator[Row]:
    """The rows of this shard, or of fewer of its programs."""
    for level, seeds in plan(number, programs):
        for each in examples(seeds, level, withheld=False):
            made = as_row(tokenizer, each)
            if len(made.ids) <= _stage(number).longest:
                yield made
