"""Writes the tables of docs/serving.md from the arithmetic and the presets; `--check` says whether they are so."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from cwm_agent.models.serving.checkpoint import Checkpoint, checkpoint
from cwm_agent.models.serving.choice import Choice, Machine, choose
from cwm_agent.models.serving.gpus import Gpu
from cwm_agent.models.serving.memory import CWM, GIB, Weights, cache_bytes, weight_bytes
from cwm_agent.models.serving.presets import PRESETS

TARGET = Path(__file__).parents[1] / "docs" / "serving.md"
MIB = 1024**2
CARDS = (
    (1, "RTX 4090", 24_564), (2, "RTX 4090", 24_564), (4, "RTX 4090", 24_564), (1, "RTX 5090", 32_607),
    (1, "L40S", 46_068), (2, "L40S", 46_068), (1, "H100", 81_559), (2, "A100 80 GB", 81_920), (8, "H100", 81_559),
    (1, "H200", 143_771),
)  # fmt: skip
KEPT: tuple[tuple[Weights, str], ...] = (
    ("bf16", "as published"), ("fp8", "8-bit layers"), ("int4", "4-bit layers, groups of 128"),
)  # fmt: skip


def weights() -> str:
    rows = [f"| {name} | {meaning} | {weight_bytes(CWM, name) / GIB:.1f} |" for name, meaning in KEPT]
    return "\n".join(("| weights | | GiB |", "|---|---|---|", *rows))


def cache() -> str:
    lines = ["| tokens of context | GiB | without the hybrid cache manager |", "|---|---|---|"]
    for context in (8_192, 16_384, 32_768, 65_536, 131_072):
        sizes = (cache_bytes(CWM, context, hybrid=hybrid) / GIB for hybrid in (True, False))
        lines.append("| " + " | ".join((f"{context:,}", *(f"{size:.1f}" for size in sizes))) + " |")
    return "\n".join(lines)


def presets() -> str:
    rows = [f"| `{preset.name}` | {preset.meaning} |" for preset in PRESETS]
    return "\n".join(("| preset | what it is |", "|---|---|", *rows))


def chosen(count: int, mib: int, wish: Checkpoint) -> Choice:
    gpus = tuple(Gpu(index, "Card", mib * MIB) for index in range(count))
    return choose(Machine(gpus, 0), wish, context=CWM.context)


def choices() -> str:
    lines = ["| cards | facebook/cwm | a 4-bit checkpoint |", "|---|---|---|"]
    for count, name, mib in CARDS:
        cells = []
        for wish in (checkpoint(None), checkpoint("cwm-awq")):
            found = chosen(count, mib, wish)
            cells.append("—" if found.obstacles else f"`{found.preset.name}`, {found.context:,} tokens")
        lines.append(f"| {count} × {name} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def page(text: str) -> str:
    """The page with each table between its two marks written anew."""
    for name, table in (("weights", weights()), ("cache", cache()), ("presets", presets()), ("choices", choices())):
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        text, count = re.subn(
            pattern, lambda found, table=table: f"{found[1]}{table}\n{found[2]}", text, flags=re.DOTALL
        )
        assert count == 1, f"docs/serving.md has no place for {name}"
    return text


if __name__ == "__main__":
    old = TARGET.read_text(encoding="utf-8")
    if "--check" in sys.argv:
        sys.exit(0 if old == page(old) else f"{TARGET} is out of date: run {sys.argv[0]}")
    TARGET.write_text(page(old), encoding="utf-8")
