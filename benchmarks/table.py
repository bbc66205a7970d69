"""Writes a result table to `results/`, so that a number in a document can be traced to the script that measured it."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def machine() -> str:
    """The machine in generic words."""
    cores = os.cpu_count() or 1
    return (
        f"Measured on {cores} {'core' if cores == 1 else 'cores'} ({platform.machine()}), {platform.system()}, "
        f"Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}."
    )


def write(name: str, title: str, note: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write and print one table as Markdown."""
    lines = [
        f"# {title}",
        "",
        f"{note} Written by `python -m benchmarks.{name}`.",
        "",
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines) + "\n")
