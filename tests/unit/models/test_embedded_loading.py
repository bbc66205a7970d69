"""What stands in the folder of an embedded model: what is missing or does not fit is told, with what to do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from cwm_agent.errors import ModelUnavailable
from cwm_agent.models import weights
from cwm_agent.models.embedded import EmbeddedModel
from cwm_agent.traces.grammar import TRACE_SPECIALS, Special
from tests.unit.models import tiny


async def failure(folder: Path) -> str:
    with pytest.raises(ModelUnavailable) as caught:
        await EmbeddedModel.load(folder)
    assert caught.value.remedy
    return caught.value.message


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny.write(tmp_path)
    return tmp_path


async def test_a_missing_folder(tmp_path: Path) -> None:
    assert "there is no such folder" in await failure(tmp_path / "none")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
async def test_a_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert f"no {name}" in await failure(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff" * 40])
async def test_a_file_that_is_something_else(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    assert name in await failure(folder)


async def test_weights_that_break_off(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    assert "model.safetensors cannot be read" in await failure(folder)


CONFIGS: dict[str, tuple[dict[str, Any], str]] = {
    "architecture": ({"architectures": ["GPT2LMHeadModel"]}, "GPT2LMHeadModel"),
    "no architecture": ({"architectures": None}, "its architecture is None"),
    "activation": ({"hidden_act": "gelu"}, "activation"),
    "biases": ({"mlp_bias": True}, "biases"),
    "nothing said": ({"hidden_size": None}, "hidden_size"),
    "a word": ({"intermediate_size": "many"}, "many"),
    "a list": ({"num_attention_heads": [4]}, "lacks a value, or has one that cannot be"),
    "no heads": ({"num_attention_heads": 0}, "below 1"),
    "no layers": ({"num_hidden_layers": 0, "layer_types": []}, "below 1"),
    "groups": ({"num_key_value_heads": 3}, "cannot be in 3 groups"),
    "odd heads": ({"head_dim": 7}, "7 numbers"),
    "layer types": ({"layer_types": ["full_attention"]}, "layer_types"),
    "kind of layer": ({"layer_types": ["mamba"] * 3}, "mamba"),
    "positions": ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1.0}}, "yarn"),
    "half a rule": ({"rope_parameters": {"rope_type": "llama3", "rope_theta": 1.0}}, "factor"),
    "no rule": ({"rope_parameters": [1]}, "lacks a value, or has one that cannot be"),
    "context": ({"max_position_embeddings": "long"}, "max_position_embeddings"),
    "shapes": ({"hidden_size": 32}, "model.embed_tokens.weight has the shape (281, 24), not (281, 32)"),
    "more layers": ({"num_hidden_layers": 4, "layer_types": None}, "lack model.layers.3"),
    "fewer layers": ({"num_hidden_layers": 2, "layer_types": None}, "model.layers.2"),
    "no head": ({"tie_word_embeddings": False}, "lm_head.weight"),
}


@pytest.mark.parametrize("case", CONFIGS)
async def test_a_configuration_that_is_not_this_models(folder: Path, case: str) -> None:
    changes, said = CONFIGS[case]
    config = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps({name: each for name, each in config.items() if each is not None}))
    assert said in await failure(folder)


async def test_weights_of_another_type_or_without_numbers(folder: Path) -> None:
    file = folder / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b'"F32"', b'"I32"'))
    assert "I32" in await failure(folder)
    config = json.loads((folder / "config.json").read_text())
    tiny.save(file, tiny.weights(config) | {"model.norm.weight": np.full(24, np.nan, np.float32)})
    assert "model.norm.weight has values that are no numbers" in await failure(folder)


async def test_a_head_that_is_stored_though_it_is_shared(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    named = tiny.weights(config)
    tiny.save(folder / "model.safetensors", named | {"lm_head.weight": named["model.embed_tokens.weight"]})
    model = await EmbeddedModel.load(folder)
    await model.aclose()


async def test_a_model_that_is_too_large(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "LARGEST", 1000)
    assert "too large" in await failure(folder)


async def test_a_tokenizer_without_separators(tmp_path: Path) -> None:
    tiny.write(tmp_path, made=tiny.tokenizer([each for each in Special if each is not Special.ARGUMENT]))
    assert await failure(tmp_path) == "The model has no token for <|arg_sep|>."


async def test_separators_that_a_trace_does_not_need_may_be_missing(tmp_path: Path) -> None:
    tiny.write(tmp_path, made=tiny.tokenizer(sorted(TRACE_SPECIALS, key=lambda each: each.value)))
    model = await EmbeddedModel.load(tmp_path)
    assert Special.HEADER not in model.vocabulary.ids
    await model.aclose()


async def test_a_tokenizer_that_makes_separators_of_text(tmp_path: Path) -> None:
    made = tiny.tokenizer([each for each in Special if each is not Special.FRAME])
    made.add_tokens([Special.FRAME.value])
    tiny.write(tmp_path, made=made)
    assert "makes separators of text: <|frame_sep|>" in await failure(tmp_path)


async def test_a_tokenizer_that_is_not_of_bytes(tmp_path: Path) -> None:
    made = Tokenizer(models.WordLevel({"word one": 0, "?": 1}, "?"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.add_special_tokens([each.value for each in Special])
    tiny.write(tmp_path, made=made)
    assert "not byte-level: it has a token 'word one'" in await failure(tmp_path)


async def test_more_tokens_than_weights(tmp_path: Path) -> None:
    tiny.write(tmp_path, vocab_size=200)
    assert "its tokenizer has 278 tokens, and its weights have 200" in await failure(tmp_path)


@pytest.mark.parametrize("package", ["numpy", "tokenizers", "safetensors", "threadpoolctl"])
def test_without_the_extra_it_says_what_to_install(package: str) -> None:
    assert f"takes the package {package}." in _alone(f"sys.modules[{package!r}] = None", load=True)


def test_it_costs_nothing_until_it_is_loaded() -> None:
    said = _alone("import cwm_agent.compose", load=False)
    assert said.splitlines()[-1] == "[]"


def _alone(first: str, *, load: bool) -> str:
    """What a fresh process says that does this first, then loads a model, or tells what was imported."""
    then = "asyncio.run(EmbeddedModel.load('none'))" if load else "pass"
    code = f"""
import asyncio, sys
{first}
from cwm_agent.models.embedded import EmbeddedModel
try:
    {then}
except Exception as error:
    print(error)
print([each for each in ("numpy", "tokenizers", "safetensors", "torch", "transformers") if sys.modules.get(each)])
"""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
