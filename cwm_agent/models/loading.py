"""A folder made into all that an embedded model works with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from cwm_agent.models.generation import Means
from cwm_agent.models.slots import Slots
from cwm_agent.models.spelling import Spelling
from cwm_agent.models.weights import broken, read_config, read_network


def load(folder: Path, seed: int, slots: int) -> tuple[str, Means, int]:
    """The model's name, what its answers share, and the length of its context."""
    folder = folder.expanduser().resolve()
    config = read_config(folder)
    context = config.get("max_position_embeddings")
    if not isinstance(context, int) or context < 1:
        raise broken(folder, f"config.json has {context!r} as max_position_embeddings")
    network = read_network(folder, config)
    spelling = Spelling.load(folder)
    size = network.shape.vocabulary
    if spelling.size > size:
        raise broken(folder, f"its tokenizer has {spelling.size} tokens, and its weights have {size}")
    # Threads that share so little work wait for each other longer than they compute.
    threadpool_limits(1, user_api="blas")
    unspelt = np.setdiff1d(np.arange(size), list(spelling.bytes_of))
    means = Means(network, size, Slots(network, slots), spelling, np.random.default_rng(seed), unspelt)
    return folder.name, means, context
