"""Runs every benchmark, one after the other, each in a process of its own. Those that take long are named instead."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NOT_BENCHMARKS = {"__init__", "__main__", "conversation", "screens", "table"}
LONG = {
    "embedded": "it installs vLLM",
    "prefix_cache": "it installs vLLM",
    "imagination": "it installs vLLM and trains a small model, which takes the better part of an hour",
}


def main() -> int:
    names = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in NOT_BENCHMARKS)
    for name in sorted(LONG):
        print(f"Left out: {name}; {LONG[name]}. Run it with `python -m benchmarks.{name}`.\n")
    failed = [
        name
        for name in names
        if name not in LONG and subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
    ]
    if failed:
        print(f"These benchmarks failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
