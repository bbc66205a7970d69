"""The model in this process writes what transformers and vLLM write with the same weights, token by token."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cwm_agent.models.embedded import EmbeddedModel
from cwm_agent.nano.dataset import HELD_OUT
from cwm_agent.nano.programs import program
from cwm_agent.protocols import Sampling
from cwm_agent.resources import shipped_model
from cwm_agent.traces.encode import prompt_segments
from cwm_agent.traces.entry import wrap
from cwm_agent.traces.grammar import Special
from tests.contract.vllm_server import ROOT, vllm_python

PEER = Path(__file__).parent / "peer_tokens.py"
COUNT = 48
TIE = 1e-3
"""Two tokens whose log-probabilities are nearer than this may change places by the order of additions."""


@pytest.fixture
async def model() -> AsyncIterator[EmbeddedModel]:
    made = await EmbeddedModel.load(shipped_model())
    yield made
    await made.aclose()


async def prompt(model: EmbeddedModel, seed: int) -> tuple[int, ...]:
    """A program and the call frame of its entry, as the program asks for a trace."""
    made = program(HELD_OUT + seed, seed % 3)
    ids: list[int] = []
    for part in [*prompt_segments(wrap(made.source, made.call).text), Special.CALL]:
        ids += (model.vocabulary.id(part),) if isinstance(part, Special) else await model.encode(part)
    return tuple(ids)


@pytest.mark.parametrize("engine", ["transformers", "vllm"])
async def test_the_same_tokens_greedily(engine: str, model: EmbeddedModel, tmp_path: Path) -> None:
    prompts = [await prompt(model, seed) for seed in range(8)]
    (tmp_path / "prompts.json").write_text(json.dumps(prompts))
    command = [vllm_python(), str(PEER), engine, str(shipped_model())]
    command += [str(tmp_path / "prompts.json"), str(COUNT), str(tmp_path / "answers.json")]
    environment = {name: each for name, each in os.environ.items() if not name.startswith("VLLM_")}
    environment |= {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=400, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr[-3000:]
    theirs = [ids for ids, _ in json.loads((tmp_path / "answers.json").read_text())["answers"]]
    end = model.vocabulary.id(Special.END)
    for ids, their in zip(prompts, theirs, strict=True):
        ours = [token async for token in model.complete(ids, Sampling(max_tokens=COUNT))]
        told = their[: their.index(end) + 1] if end in their else their
        at = next((n for n, (a, b) in enumerate(zip(ours, told, strict=False)) if a.id != b), None)
        if at is None:
            assert len(ours) == len(told)
        else:  # only where the model itself cannot tell them apart
            assert await logprob(model, [*ids, *told[:at]], told[at]) == pytest.approx(ours[at].logprob, abs=TIE)


async def logprob(model: EmbeddedModel, ids: list[int], number: int) -> float:
    """Of a token that the model would not have written."""
    separators = {each: special.value for each, special in model.vocabulary.specials().items()}
    text = separators.get(number) or model._means.spelling.bytes_of[number].decode()
    grammar = f"root ::= {json.dumps(text)}"
    found = [token async for token in model.complete(ids, Sampling(max_tokens=1, grammar=grammar))]
    return found[0].logprob or 0.0
