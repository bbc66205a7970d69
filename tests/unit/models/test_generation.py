"""How the next token is chosen of what a model expects."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_agent.models.generation import choose, logprob
from cwm_agent.protocols import Sampling


@given(st.lists(st.floats(-8, 8, width=32), min_size=1, max_size=20), st.floats(0.01, 1), st.floats(0.2, 3))
def test_only_the_likeliest_are_drawn(values: list[float], top_p: float, temperature: float) -> None:
    logits = np.array(values, np.float32)
    shares = np.exp((logits - logits.max()) / temperature)
    shares /= shares.sum()
    sampling = Sampling(temperature=temperature, top_p=top_p)
    for seed in range(3):
        number = choose(logits, sampling, np.random.default_rng(seed))
        assert shares[shares > shares[number]].sum() < top_p + 1e-6


def test_draws_come_as_often_as_they_are_likely() -> None:
    logits, random = np.log(np.array([0.5, 0.3, 0.2], np.float32)), np.random.default_rng(0)
    plain, cut = Sampling(temperature=1.0), Sampling(temperature=1.0, top_p=0.6)
    drawn = [choose(logits, plain, random) for _ in range(2000)]
    assert np.bincount(drawn) / 2000 == pytest.approx([0.5, 0.3, 0.2], abs=0.03)
    assert np.mean([choose(logits, cut, random) for _ in range(2000)]) == pytest.approx(0.375, abs=0.03)
    assert {choose(logits, plain, random, [1, 2]) for _ in range(50)} == {1, 2}
    assert choose(logits, Sampling(), random, [2, 1]) == 1
    assert sum(math.exp(logprob(logits, number)) for number in range(3)) == pytest.approx(1)
