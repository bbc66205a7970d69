"""How long until `cwm-agent --help` has answered and until the TUI has painted, beside a bare interpreter."""

from __future__ import annotations

import os
import pty
import select
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.table import machine, write

RUNS = 15
HELP_GOAL, PAINT_GOAL = 0.25, 0.6


def seconds_of(command: list[str]) -> float:
    """Wall-clock seconds of one process, from start to exit."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return time.perf_counter() - started


def first_paint(command: list[str], folder: Path) -> float:
    """Seconds from the start of the process until the frame of the screen stands in a pseudo-terminal."""
    started = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="120", LINES="36")
        os.chdir(folder)
        os.execv(command[0], command)
    seen = b""
    try:
        while b"cwm-agent" not in seen:
            ready, _, _ = select.select([terminal], [], [], 20)
            if not ready:
                raise SystemExit("The TUI painted nothing in 20 s.")
            seen += os.read(terminal, 65536)
        return time.perf_counter() - started
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(terminal)


def main() -> None:
    program = [sys.executable, "-m", "cwm_agent"]
    bare = statistics.median(seconds_of([sys.executable, "-c", "pass"]) for _ in range(RUNS))
    textual = statistics.median(seconds_of([sys.executable, "-c", "import textual.app"]) for _ in range(RUNS))
    helped = statistics.median(seconds_of([*program, "--help"]) for _ in range(RUNS))
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "init", "-q", folder], check=True)
        painted = statistics.median(first_paint(program, Path(folder)) for _ in range(RUNS))
    rows = [
        ("a bare interpreter", f"{bare:.3f} s", "1×", ""),
        ("`import textual.app`", f"{textual:.3f} s", f"{textual / bare:.1f}×", ""),
        ("`cwm-agent --help`", f"{helped:.3f} s", f"{helped / bare:.1f}×", f"≤ {HELP_GOAL} s"),
        ("TUI, first paint", f"{painted:.3f} s", f"{painted / bare:.1f}×", f"≤ {PAINT_GOAL} s"),
    ]
    write("startup", "Start-up", f"Medians of {RUNS}. {machine()}", ("what", "time", "of bare", "goal"), rows)


if __name__ == "__main__":
    main()
