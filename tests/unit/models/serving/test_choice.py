from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from cwm_agent.errors import ModelUnavailable, UsageError
from cwm_agent.models.serving.checkpoint import Checkpoint, checkpoint
from cwm_agent.models.serving.choice import SHORTEST, Choice, Fit, Machine, choose, fits
from cwm_agent.models.serving.command import Command, command, ray_commands
from cwm_agent.models.serving.gpus import Gpu
from cwm_agent.models.serving.memory import CWM, GIB, Shape
from cwm_agent.models.serving.presets import PRESETS

MIB = 1024**2
AWQ = "somebody/cwm-awq"
TINY = Shape(
    layers=4, hidden=192, intermediate=512, heads=6, kv_heads=2, head_dim=32, vocabulary=624, window=0,
    sliding_layers=0, context=2048, tied=True,
)  # fmt: skip


def machine(count: int = 0, mib: int = 0, *, memory: int = 24 * GIB) -> Machine:
    return Machine(tuple(Gpu(index, "Card", mib * MIB) for index in range(count)), memory)


def chosen(found: Machine, model: str | None = None, preset: str | None = None, context: int = 131_072) -> Choice:
    return choose(found, checkpoint(model), context=context, preset=preset)


def line(found: Machine, model: str | None = None, preset: str | None = None) -> Command:
    wish = checkpoint(model)
    choice = choose(found, wish, context=131_072, preset=preset)
    return command(choice, wish, found, python="/usr/bin/python", host="127.0.0.1", port=8000)


def option(made: Command, name: str) -> str | None:
    return made.words[made.words.index(name) + 1] if name in made.words else None


@pytest.mark.parametrize(
    ("count", "mib", "preset", "context"),
    [
        (1, 143_771, "bf16", 131_072),  # H200
        (2, 143_771, "tp2", 131_072),
        (1, 81_559, "fp8", 131_072),  # H100
        (2, 81_920, "tp2", 131_072),  # A100
        (3, 81_920, "tp2", 131_072),
        (4, 81_559, "tp4", 131_072),
        (8, 81_559, "tp8", 131_072),
        (2, 46_068, "tp2", 65_536),  # L40S
        (4, 24_564, "tp4", 65_536),  # RTX 4090
        (8, 24_564, "tp8", 131_072),
    ],
)
def test_cwm_itself_where_the_cards_hold_it(count: int, mib: int, preset: str, context: int) -> None:
    found = chosen(machine(count, mib))
    assert (found.preset.name, found.context, found.obstacles) == (preset, context, ())
    assert (f"instead of {131_072:,}" in " ".join(found.reason)) == (context < 131_072)


@pytest.mark.parametrize(
    ("count", "mib", "preset", "context"),
    [
        (1, 24_564, "awq", 8_192),
        (1, 32_607, "awq", 32_768),
        (1, 46_068, "awq", 131_072),
        (2, 24_564, "awq-tp2", 131_072),
    ],
)
def test_smaller_cards_take_a_four_bit_checkpoint_that_is_named(
    count: int, mib: int, preset: str, context: int
) -> None:
    found = chosen(machine(count, mib), AWQ)
    assert (found.preset.name, found.context, found.obstacles) == (preset, context, ())
    unnamed = chosen(machine(count, mib))
    assert unnamed.preset.name == preset
    assert "only as a 4-bit checkpoint" in unnamed.obstacles[0].message
    assert "--model" in unnamed.obstacles[0].remedy


def test_cards_that_hold_nothing_are_told_with_their_numbers() -> None:
    found = chosen(machine(1, 8_192))
    assert "which may use 7.4" in found.obstacles[0].message


def test_without_a_card_a_small_model_is_wanted() -> None:
    found = chosen(machine())
    assert found.preset.name == "vllm-cpu"
    assert "61 GiB" in found.obstacles[0].message
    small = Checkpoint("/models/tiny", TINY, folder=True)
    assert choose(machine(), small, context=131_072).obstacles == ()
    assert choose(machine(), small, context=131_072).context == 2048
    short = choose(machine(memory=GIB), small, context=131_072)
    assert "this machine has 1.0" in short.obstacles[0].message


def test_a_small_model_is_not_spread_over_cards() -> None:
    assert choose(machine(8, 24_564), Checkpoint("tiny", TINY, folder=True), context=4096).preset.name == "bf16"


@pytest.mark.parametrize("preset", [preset.name for preset in PRESETS])
@pytest.mark.parametrize("found", [machine(), machine(1, 24_564), machine(8, 81_559)])
def test_a_named_preset_is_kept(preset: str, found: Machine) -> None:
    assert chosen(found, preset=preset).preset.name == preset


def test_a_preset_that_wants_more_cards_is_told() -> None:
    assert "takes 4 cards, and 1 × Card (80 GiB)" in chosen(machine(1, 81_559), preset="tp4").obstacles[0].message
    assert "4-bit" in chosen(machine(1, 81_559), preset="awq").obstacles[0].message
    assert chosen(machine(1, 81_559), "somebody/cwm-small", "awq").obstacles == ()
    tiny = Checkpoint("tiny", TINY, folder=True)
    assert "6 attention heads" in choose(machine(4, 24_564), tiny, context=99, preset="tp4").obstacles[0].message


def test_an_unknown_preset_names_those_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        chosen(machine(), preset="tp3")
    assert all(preset.name in caught.value.remedy for preset in PRESETS)


def test_ray_takes_the_cards_of_a_machine_and_as_many_machines_as_hold_the_model() -> None:
    found = chosen(machine(3, 24_564), preset="ray")
    assert (found.preset.cards, found.preset.nodes) == (2, 3)
    made = line(machine(3, 24_564), preset="ray")
    assert option(made, "--tensor-parallel-size") == "2"
    assert option(made, "--pipeline-parallel-size") == "3"
    assert option(made, "--distributed-executor-backend") == "ray"
    assert option(made, "--speculative-config") is None
    assert "CUDA_VISIBLE_DEVICES" not in made.environment
    head, workers = ray_commands(found)
    assert head.startswith("ray start --head")
    assert "on 2 other machines" in workers
    assert ray_commands(chosen(machine(2, 81_559))) == ()


def test_the_command_line_suits_the_work() -> None:
    made = line(machine(1, 81_559))
    assert made.words[:3] == ("/usr/bin/python", "-m", "vllm.entrypoints.openai.api_server")
    assert option(made, "--model") == option(made, "--served-model-name") == "facebook/cwm"
    assert option(made, "--max-model-len") == "131072"
    assert option(made, "--quantization") == "fp8"
    assert "--enable-prefix-caching" in made.words
    assert "--enforce-eager" not in made.words
    assert json.loads(option(made, "--speculative-config") or "")["method"] == "ngram"
    assert "VLLM_CPU_KVCACHE_SPACE" not in made.environment


def test_a_four_bit_checkpoint_keeps_its_own_numbers() -> None:
    made = line(machine(1, 81_559), AWQ)
    assert option(made, "--quantization") is None
    assert option(made, "--dtype") == "auto"
    assert option(made, "--served-model-name") == "facebook/cwm"


def test_on_a_processor_the_cache_has_a_size_and_nothing_is_compiled() -> None:
    made = line(machine())
    assert "--enforce-eager" in made.words
    assert made.environment["VLLM_CPU_KVCACHE_SPACE"] == "20"
    assert option(made, "--gpu-memory-utilization") is None


def test_the_largest_cards_are_taken_and_the_others_hidden() -> None:
    gpus = tuple(Gpu(index, "Card", mib * MIB) for index, mib in enumerate((8_192, 81_559, 8_192, 81_559)))
    made = line(Machine(gpus, GIB))
    assert option(made, "--tensor-parallel-size") == "2"
    assert made.environment["CUDA_VISIBLE_DEVICES"] == "1,3"
    assert made.environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


@pytest.mark.parametrize("model", ["it's", "a b", "$(id)", 'say "so"', "back\\slash", "é\t*", "-x"])
def test_a_shell_reads_the_command_as_it_is_meant(model: str) -> None:
    found, wish = machine(8, 143_771), Checkpoint(model)
    made = command(choose(found, wish, context=4096), wish, found, python="printf", host="::1", port=1)
    made = Command(("printf", r"%s\0", *made.words), {"NAME": "a b", **made.environment})
    said = subprocess.run(["sh", "-c", str(made)], capture_output=True, check=True).stdout
    assert said.decode().split("\0")[:-1] == list(made.words[2:])


@given(
    st.lists(st.integers(4_000, 200_000), max_size=9),
    st.integers(1, 200_000),
    st.sampled_from(("bf16", "fp8", "int4")),
)
def test_what_is_chosen_without_an_obstacle_fits(sizes: list[int], context: int, weights: str) -> None:
    gpus = tuple(Gpu(index, "Card", mib * MIB) for index, mib in enumerate(sizes))
    wish = structs.replace(Checkpoint("model"), weights=weights)
    found = choose(Machine(gpus, 0), wish, context=context)
    assert found.context <= min(context, CWM.context)
    assert found.context >= min(context, SHORTEST)
    if not found.obstacles:
        assert len(found.gpus) == found.preset.cards
        assert fits(gpus, wish, Fit(found.preset, found.context, 1))


def test_a_folder_tells_its_own_shape_and_weights(tmp_path: Path) -> None:
    config = {
        "hidden_size": 6144, "num_attention_heads": 48, "num_hidden_layers": 64, "num_key_value_heads": 8,
        "head_dim": 128, "intermediate_size": 21_504, "vocab_size": 128_256, "max_position_embeddings": 131_072,
        "sliding_window": 8192, "layer_types": (["full_attention"] + ["sliding_attention"] * 3) * 16,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert checkpoint(str(tmp_path)) == Checkpoint(str(tmp_path), CWM, folder=True)
    for told, weights in (
        ({"quant_method": "awq", "bits": 4}, "int4"),
        ({"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 8}}}}, "fp8"),
        ({"quant_method": "fp8"}, "fp8"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "int4"),
    ):
        (tmp_path / "config.json").write_text(json.dumps({**config, "quantization_config": told}))
        assert checkpoint(str(tmp_path)).weights == weights, told


@pytest.mark.parametrize("content", [None, "{", "[]", '{"hidden_size": "many"}', "\udcff"])
def test_a_folder_without_a_model_is_one_clear_error(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ModelUnavailable, match="does not describe a model"):
        checkpoint(str(tmp_path))


@pytest.mark.parametrize("model", ["/nowhere/model", "./model", "~/no-such-model", "a/b/c"])
def test_a_folder_that_is_not_there_is_one_clear_error(model: str) -> None:
    with pytest.raises(ModelUnavailable, match="no model folder"):
        checkpoint(model)
