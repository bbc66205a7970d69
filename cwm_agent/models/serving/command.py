"""The command line that starts vLLM for traces and for the agent, and what must stand in its environment."""

from __future__ import annotations

import json
import math
import shlex

from msgspec import Struct

from cwm_agent.models.serving.checkpoint import OFFICIAL, Checkpoint
from cwm_agent.models.serving.choice import Choice, Machine, shrinks
from cwm_agent.models.serving.memory import BATCH, GIB, SEQUENCES, USABLE, cache_bytes

_MODULE = "vllm.entrypoints.openai.api_server"
"""Not the `vllm` script: it asks for a package of that name, which the one for processors does not have."""
_AT_ONCE = 32  # requests at once: one user's, and the calls that are imagined beside each other
_RAY_PORT = 6379
_PAIR = 2
_N_GRAM = {"method": "ngram", "num_speculative_tokens": 6, "prompt_lookup_max": 4, "prompt_lookup_min": 2}
"""Most of a trace is copied from its context, so what follows the same words there is a good guess."""


class Command(Struct, frozen=True):
    """Words to run, and the variables to set for them."""

    words: tuple[str, ...]
    environment: dict[str, str]

    def __str__(self) -> str:
        """As a shell would take it: the variables first, one option a line."""
        lines = [f"{name}={shlex.quote(value)}" for name, value in self.environment.items()]
        at = next((place for place, word in enumerate(self.words) if word.startswith("--")), len(self.words))
        lines.append(shlex.join(self.words[:at]))
        for word in self.words[at:]:
            lines.append(word) if word.startswith("--") else lines.append(f"{lines.pop()} {shlex.quote(word)}")
        return " \\\n  ".join(lines)


def command(choice: Choice, wish: Checkpoint, machine: Machine, *, python: str, host: str, port: int) -> Command:
    """What to run for a choice."""
    words = [python, "-m", _MODULE, "--model", wish.model, "--served-model-name", OFFICIAL]
    words += ["--host", host, "--port", str(port), "--max-model-len", str(choice.context)]
    words += ["--max-num-seqs", str(_AT_ONCE), "--max-num-batched-tokens", str(BATCH), "--enable-prefix-caching"]
    if choice.preset.nodes == 1:  # a pipeline and speculation do not go together in vLLM
        words += ["--speculative-config", json.dumps(_N_GRAM, separators=(",", ":"))]
    if choice.preset.where == "cpu":
        words.append("--enforce-eager")
        space = math.ceil(SEQUENCES * cache_bytes(wish.shape, choice.context) / GIB)
        return Command(tuple(words), {"VLLM_NO_USAGE_STATS": "1", "VLLM_CPU_KVCACHE_SPACE": str(max(1, space))})
    words += ["--gpu-memory-utilization", str(USABLE), *_weights(choice, wish), *_parallel(choice)]
    return Command(tuple(words), {"VLLM_NO_USAGE_STATS": "1", **_cards(choice, machine)})


def ray_commands(choice: Choice) -> tuple[str, ...]:
    """What starts the Ray cluster that a pipeline over machines runs on; none for the other presets."""
    if choice.preset.nodes == 1:
        return ()
    cards = f"--num-gpus={choice.preset.cards}"
    others = "the other machine" if choice.preset.nodes == _PAIR else f"{choice.preset.nodes - 1} other machines"
    return (
        f"ray start --head --port={_RAY_PORT} {cards}    # here",
        f"ray start --address=ADDRESS_OF_THIS_MACHINE:{_RAY_PORT} {cards}    # on {others}",
    )


def _weights(choice: Choice, wish: Checkpoint) -> list[str]:
    if shrinks(choice.preset, wish):
        return ["--dtype", "bfloat16", "--quantization", "fp8"]
    return ["--dtype", "auto" if choice.preset.quantized or wish.weights != "bf16" else "bfloat16"]


def _parallel(choice: Choice) -> list[str]:
    words = []
    if choice.preset.cards > 1 or choice.preset.nodes > 1:
        words += ["--tensor-parallel-size", str(choice.preset.cards)]
    if choice.preset.nodes > 1:
        words += ["--pipeline-parallel-size", str(choice.preset.nodes), "--distributed-executor-backend", "ray"]
    return words


def _cards(choice: Choice, machine: Machine) -> dict[str, str]:
    """The cards to show to the server where it does not take all; Ray shares them out itself."""
    if choice.preset.nodes > 1 or len(choice.gpus) in (0, len(machine.gpus)):
        return {}
    shown = ",".join(str(gpu.index) for gpu in choice.gpus)
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": shown}  # the order in which they were numbered
