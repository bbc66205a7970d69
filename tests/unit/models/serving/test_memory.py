from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_agent.models.serving.memory import CWM, GIB, Shape, cache_bytes, needed_bytes, shape_of, weight_bytes

CONTEXTS = st.integers(1, CWM.context)


def test_the_weights_of_cwm() -> None:
    assert weight_bytes(CWM, "bf16") / GIB == pytest.approx(60.7, abs=0.05)
    assert weight_bytes(CWM, "fp8") / GIB == pytest.approx(31.8, abs=0.05)
    assert weight_bytes(CWM, "int4") / GIB == pytest.approx(17.9, abs=0.05)


def test_the_cache_of_a_whole_context_of_cwm() -> None:
    assert cache_bytes(CWM, CWM.context, hybrid=False) == 32 * GIB
    assert cache_bytes(CWM, CWM.context) / GIB == pytest.approx(9.9, abs=0.05)


def test_up_to_its_window_a_sliding_layer_keeps_everything() -> None:
    assert cache_bytes(CWM, 8192) == cache_bytes(CWM, 8192, hybrid=False) == 2 * GIB


@given(CONTEXTS, CONTEXTS)
def test_a_longer_context_never_takes_less(one: int, other: int) -> None:
    short, long = sorted((one, other))
    assert cache_bytes(CWM, short) <= cache_bytes(CWM, long)
    assert cache_bytes(CWM, long) <= cache_bytes(CWM, long, hybrid=False)


@given(CONTEXTS, st.sampled_from((1, 2, 4, 8)))
def test_more_cards_share_the_load(context: int, cards: int) -> None:
    one = needed_bytes(CWM, "bf16", context, cards=cards)
    assert needed_bytes(CWM, "bf16", context, cards=2 * cards) < one
    assert needed_bytes(CWM, "bf16", context, cards=cards, sequences=1) < one


def test_weights_that_shrink_on_the_card_lie_there_whole_at_first() -> None:
    running, loading = (needed_bytes(CWM, "fp8", 8192, on_load=on_load) for on_load in (False, True))
    assert running < weight_bytes(CWM, "bf16") < loading


def test_a_shape_is_read_from_a_configuration() -> None:
    config = {
        "hidden_size": 192, "num_attention_heads": 6, "num_hidden_layers": 4, "num_key_value_heads": 2, "head_dim": 32,
        "intermediate_size": 512, "vocab_size": 624, "max_position_embeddings": 2048, "sliding_window": 512,
        "layer_types": ["full_attention", "sliding_attention", "sliding_attention", "full_attention"],
        "tie_word_embeddings": True,
    }  # fmt: skip
    assert shape_of(config) == Shape(
        layers=4, hidden=192, intermediate=512, heads=6, kv_heads=2, head_dim=32, vocabulary=624, window=512,
        sliding_layers=2, context=2048, tied=True,
    )  # fmt: skip
    assert weight_bytes(shape_of(config), "bf16") == 2 * (4 * (192 * 32 * 16 + 3 * 192 * 512) + 624 * 192)


@pytest.mark.parametrize("config", [{}, {"hidden_size": None}, {"hidden_size": 0, "num_attention_heads": 1}])
def test_a_configuration_that_tells_no_shape_is_an_error(config: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        shape_of(config)
