"""The model in this process: loading, the first imagined frame, tokens a second, memory; beside transformers and vLLM.

    python -m benchmarks.embedded [MODEL]

Each in a process of its own, one text at a time, greedy, on the same prompts and the same weights. The peers run in
the environment that `scripts/setup-vllm.sh` makes.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.table import machine, write
from cwm_agent.models.embedded import EmbeddedModel
from cwm_agent.nano.dataset import HELD_OUT
from cwm_agent.nano.programs import Program, program
from cwm_agent.observations import FrameReached, Limits, TraceCall
from cwm_agent.protocols import Sampling
from cwm_agent.resources import shipped_model
from cwm_agent.traces.encode import prompt_segments
from cwm_agent.traces.entry import wrap
from cwm_agent.traces.grammar import Special
from cwm_agent.worlds.imagined import ImaginedWorld, Lead

ROOT = Path(__file__).parents[1]
PEER = ROOT / "tests" / "contract" / "peer_tokens.py"
PROMPTS, COUNT = 12, 128
FRAME_TOKENS = 256
LOAD_GOAL, FRAME_GOAL, SPEED_GOAL, MEMORY_GOAL = 2.0, 0.5, 150.0, 1024


def programs() -> list[Program]:
    return [program(HELD_OUT + seed, seed % 3) for seed in range(PROMPTS)]


async def prompt(model: EmbeddedModel, made: Program) -> list[int]:
    """What a trace begins with."""
    ids: list[int] = []
    for part in [*prompt_segments(wrap(made.source, made.call).text), Special.CALL]:
        ids += [model.vocabulary.id(part)] if isinstance(part, Special) else await model.encode(part)
    return ids


async def first_frame(model: EmbeddedModel, made: Program) -> float:
    """Seconds to the first frame that the model had a part in, or to the end where there is none; as it is shipped."""
    began = time.perf_counter()
    world = ImaginedWorld(model, frame_tokens=FRAME_TOKENS, lead=Lead())
    async for event in world.run(TraceCall(made.source, made.call, "program.py"), Limits()):
        if isinstance(event, FrameReached) and event.frame.logprobs:
            break
    return time.perf_counter() - began


async def ours(folder: Path, answers: Path, prompts: Path) -> None:
    """Measure this process from its first import of numpy on."""
    began = time.perf_counter()
    model = await EmbeddedModel.load(folder)
    loading = time.perf_counter() - began
    frames = [await first_frame(model, each) for each in programs()]
    texts = [await prompt(model, each) for each in programs()]
    prompts.write_text(json.dumps(texts))
    found = []
    for text in texts:
        began = time.perf_counter()
        ids = [token.id async for token in model.complete(text, Sampling(max_tokens=COUNT))]
        found.append((ids, time.perf_counter() - began))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answers.write_text(json.dumps({"loading": loading, "frame": median(frames), "memory": memory, "answers": found}))


def peer(engine: str, python: str, folder: Path, prompts: Path, answers: Path) -> None:
    """One of the others in its own process, held to as many cores."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}
    command = [python, str(PEER), engine, str(folder), str(prompts), str(COUNT), str(answers)]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def row(name: str, answers: Path) -> tuple[str, ...]:
    """A line of the table; the speed is that of the median answer, its prompt included."""
    found = json.loads(answers.read_text())
    speed = median(len(ids) / seconds for ids, seconds in found["answers"])
    frame = f"{found['frame']:.2f} s (≤ {FRAME_GOAL} s)" if "frame" in found else ""
    memory = f"{found['memory']:.0f} MB (≤ {MEMORY_GOAL} MB)" if "memory" in found else ""
    own = "frame" in found
    return (
        name,
        f"{found['loading']:.2f} s" + (f" (≤ {LOAD_GOAL:g} s)" if own else ""),
        frame,
        f"{speed:.0f}" + (f" (≥ {SPEED_GOAL:.0f})" if own else ""),
        memory,
    )


def main() -> None:
    folder = Path(sys.argv[1]).expanduser() if len(sys.argv) > 1 else shipped_model()
    setup = subprocess.run(["sh", str(ROOT / "scripts" / "setup-vllm.sh")], capture_output=True, text=True, check=True)
    python, load = setup.stdout.strip(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        prompts = Path(scratch, "prompts.json")
        files = {name: Path(scratch, f"{name}.json") for name in ("ours", "transformers", "vllm")}
        command = [sys.executable, "-c", "import sys; from benchmarks.embedded import own; own(*sys.argv[1:])"]
        subprocess.run([*command, str(folder), str(files["ours"]), str(prompts)], check=True, cwd=ROOT)
        for engine in ("transformers", "vllm"):
            peer(engine, python, folder, prompts, files[engine])
        rows = [
            row("in this process", files["ours"]),
            row("transformers, `generate`", files["transformers"]),
            row("vLLM on the processor", files["vllm"]),
        ]
    notes = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    note = (
        f"A model of {notes['parameters'] / 1e6:.1f} M parameters, {PROMPTS} held-out programs, up to {COUNT} tokens "
        f"each, one text at a time, greedy, 32-bit. Goals in brackets. {machine()} Load average before: {load:.1f}; "
        "above zero, something else had a part of the processors."
    )
    header = ("engine", "load", "first imagined frame, median", "tokens / s, median answer", "peak memory")
    write("embedded", "The model in this process", note, header, rows)


def own(folder: str, answers: str, prompts: str) -> None:
    """The process that measures ours."""
    asyncio.run(ours(Path(folder), Path(answers), Path(prompts)))


if __name__ == "__main__":
    main()
