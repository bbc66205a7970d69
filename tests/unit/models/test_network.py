"""The network in numpy against the plainest computation of the same, however the text is cut and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_agent.models.network import Network, Rotary
from cwm_agent.models.weights import read_network
from tests.unit.models import tiny

IDS = [int(each) for each in np.random.default_rng(5).integers(0, 278, 24)]
VARIANTS: dict[str, dict[str, Any]] = {
    "tied": {},
    "own head": {"tie_word_embeddings": False},
    "llama 3": {"rope_parameters": tiny.LLAMA3},
    "one group": {"num_key_value_heads": 1},
    "as many groups as heads": {"num_key_value_heads": 4},
    "window of one": {"sliding_window": 1},
    "window as long as the text": {"sliding_window": 24},
    "all windows": {"layer_types": ["sliding_attention"] * 3},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("model")


@pytest.fixture(scope="module")
def network(folder: Path) -> Network:
    return read_network(folder, tiny.write(folder))


def near(found: Any, expected: Any) -> bool:
    return bool(np.allclose(found, expected, rtol=1e-3, atol=2e-3))


@pytest.mark.parametrize("variant", VARIANTS)
def test_logits_are_those_of_the_plain_computation(tmp_path: Path, variant: str) -> None:
    config = tiny.write(tmp_path, **VARIANTS[variant])
    network = read_network(tmp_path, config)
    expected = tiny.reference(config, tiny.weights(config), IDS)
    memory = network.memory()
    assert near(network.read(IDS[:9], memory), expected[8])
    for at in range(9, 15):
        assert near(network.read(IDS[at : at + 1], memory), expected[at])
    assert near(network.read(IDS[15:], memory), expected[-1])
    assert memory.length == len(IDS)


def test_the_variants_differ(tmp_path: Path) -> None:
    """A comparison with a reference that ignores an entry as the network does would say nothing."""
    found = []
    for name in ("tied", "llama 3", "window of one", "window as long as the text", "all windows"):
        config = tiny.write(tmp_path / name, **VARIANTS[name])
        found.append(read_network(tmp_path / name, config).read(IDS, read_network(tmp_path / name, config).memory()))
    assert all(np.abs(one - other).max() > 0.1 for at, one in enumerate(found) for other in found[:at])


def test_older_entries_for_positions_mean_the_same(tmp_path: Path, network: Network) -> None:
    config = tiny.write(tmp_path, rope_parameters=None, rope_theta=100.0)
    assert read_network(tmp_path, config).shape == network.shape
    config = tiny.write(tmp_path, rope_parameters=None, rope_theta=100.0, rope_scaling=tiny.LLAMA3)
    assert read_network(tmp_path, config).shape.rotary == Rotary(theta=100.0, factor=8.0, trained=32)


def test_without_entries_positions_and_layers_are_cwms(tmp_path: Path) -> None:
    shape = read_network(tmp_path, tiny.write(tmp_path, rope_parameters=None, layer_types=None)).shape
    assert shape.rotary == Rotary(theta=1_000_000.0, factor=16.0, low=1.0, high=4.0, trained=8192)
    assert shape.windows == (0, 5, 5)


def test_half_the_bits_are_read(tmp_path: Path, network: Network) -> None:
    half = read_network(tmp_path, tiny.write(tmp_path, half=True)).read(IDS[:5], network.memory())
    whole = network.read(IDS[:5], network.memory())
    assert 0 < np.abs(half - whole).max() < 0.5


def test_weights_may_lie_in_several_files(tmp_path: Path, network: Network) -> None:
    config = tiny.write(tmp_path)
    named = tiny.weights(config)
    names = sorted(named)
    (tmp_path / "model.safetensors").unlink()
    tiny.save(tmp_path / "model-00001-of-00002.safetensors", {name: named[name] for name in names[:7]})
    tiny.save(tmp_path / "model-00002-of-00002.safetensors", {name: named[name] for name in names[7:]})
    split = read_network(tmp_path, config)
    assert np.array_equal(split.read(IDS, split.memory()), network.read(IDS, network.memory()))


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(1, 23), max_size=4, unique=True).map(sorted), back=st.integers(0, 24))
def test_what_is_kept_changes_nothing(network: Network, cuts: list[int], back: int) -> None:
    whole = network.read(IDS, network.memory())
    memory, other = network.memory(), network.memory()
    for start, end in zip([0, *cuts], [*cuts, len(IDS)], strict=True):
        found = network.read(IDS[start:end], memory)
    assert near(found, whole)
    other.take(memory, back)
    memory.cut(back)
    network.read([1, 2, 3], memory)
    if back < len(IDS):
        assert near(network.read(IDS[back:], other), whole)


def test_memory_grows_past_its_first_room(network: Network) -> None:
    ids = IDS * 20
    memory = network.memory()
    for number in ids[:-1]:
        network.read([number], memory)
    assert near(network.read(ids[-1:], memory), network.read(ids, network.memory()))


def test_a_shut_gate_warns_of_nothing(tmp_path: Path) -> None:
    config = tiny.write(tmp_path)
    named = {name: each * (1e4 if "gate" in name else 1) for name, each in tiny.weights(config).items()}
    tiny.save(tmp_path / "model.safetensors", named)
    network = read_network(tmp_path, config)
    with np.errstate(all="raise", under="ignore"):
        assert np.isfinite(network.read(IDS, network.memory())).all()
