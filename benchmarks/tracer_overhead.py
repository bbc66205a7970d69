"""What tracing costs: our tracer beside an empty trace function, hunter, PySnooper and snoop, on the same programs.

Each run is a process of its own, which times its own work; every tool follows calls to any depth and writes to a file.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.table import machine, write

TRACER = Path(__file__).parents[1] / "sandbox" / "tracer" / "trace.py"
GOAL = 5.0

PROGRAMS = {
    "numeric loop": """
        def work():
            total = 0
            for number in range(3000):
                square = number * number % 97
                if square % 3 == 0:
                    total += square
                else:
                    total -= 1
            return total
        """,
    "strings and a dict": """
        WORDS = "the quick brown fox jumps over the lazy dog and runs far away".split()

        def work():
            counts = {}
            longest = ""
            for turn in range(1200):
                word = WORDS[turn * 7 % len(WORDS)]
                counts[word] = counts.get(word, 0) + 1
                if len(word) > len(longest):
                    longest = word.upper()
            return ", ".join(f"{word}={count}" for word, count in sorted(counts.items()))
        """,
    "a dict of 84 entries": """
        WORDS = "the quick brown fox jumps over the lazy dog and runs far away".split()

        def work():
            counts = {}
            lines = []
            for turn in range(1200):
                word = WORDS[turn % len(WORDS)]
                key = word[::-1] + str(turn % 7)
                counts[key] = counts.get(key, 0) + len(word)
                if turn % 50 == 0:
                    lines.append(f"{key}={counts[key]}")
            return ", ".join(lines)
        """,
    "recursion": """
        def fib(n):
            if n < 2:
                return n
            left = fib(n - 1)
            return left + fib(n - 2)

        def work():
            return fib(15)
        """,
    "classes": """
        class Point:
            def __init__(self, x, y):
                self.x = x
                self.y = y

            def __repr__(self):
                return f"Point({self.x}, {self.y})"

            def moved(self, dx, dy):
                return Point(self.x + dx, self.y + dy)

        class Walk:
            def __init__(self):
                self.at = Point(0, 0)
                self.steps = 0

            def step(self, direction):
                dx, dy = direction
                self.at = self.at.moved(dx, dy)
                self.steps += 1

        def work():
            walk = Walk()
            for turn in range(400):
                walk.step([(1, 0), (0, 1), (-1, 0), (0, -1)][turn % 4])
            return walk.at.x
        """,
}

HEADER = (
    *("program", "frames", "untraced", "empty settrace", "cwm-agent", "hunter", "PySnooper", "snoop"),
    *("hunter ÷ ours", "PySnooper ÷ ours", "snoop ÷ ours"),
)

TIMED = """

import time as _time

def timed():
    began = _time.process_time()
    work()
    print(_time.process_time() - began)
"""

TOOLS = {
    "nothing": "timed()",
    "an empty trace function": """
        import sys
        def callback(frame, event, argument):
            return callback
        sys.settrace(callback)
        timed()
        """,
    "hunter": """
        import hunter
        stream = open(OUT, "w")
        hunter.trace(filename=__file__, action=hunter.VarsSnooper(stream=stream))
        timed()
        hunter.stop()
        """,
    "PySnooper": """
        import pysnooper
        work = pysnooper.snoop(OUT, depth=1000, color=False)(work)
        timed()
        """,
    "snoop": """
        import snoop
        stream = open(OUT, "w")
        snoop.install(out=stream, color=False)
        work = snoop.snoop(depth=1000)(work)
        timed()
        """,
}
OURS = "cwm-agent"


def dedented(text: str) -> str:
    import textwrap

    return textwrap.dedent(text)


def seconds_of(tool: str, program: str, folder: Path) -> tuple[float, int]:
    """How long the work took under a tool, and how many lines the tool wrote."""
    script, out = folder / "program.py", folder / "out"
    out.unlink(missing_ok=True)
    text = dedented(PROGRAMS[program]) + TIMED
    if tool == OURS:
        options = ["--root", str(folder), "--out", str(out), "--frames", "100000000", "--bytes", str(1 << 30)]
        command = [sys.executable, str(TRACER), *options, "--call", "timed()", str(script)]
    else:
        text += f"\nOUT = {str(out)!r}\n" + dedented(TOOLS[tool])
        command = [sys.executable, str(script)]
    script.write_text(text, encoding="utf-8")
    run = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
    lines = out.read_bytes().count(b"\n") if out.exists() else 0
    return float(run.stdout.split()[-1]), lines


def measured(program: str, runs: int, folder: Path) -> tuple[dict[str, float], int]:
    """The least processor seconds under each tool, taken in turns so that all meet busy moments; our frames."""
    found: dict[str, list[float]] = {}
    frames = 0
    for _ in range(runs):
        for tool in (*TOOLS, OURS):
            seconds, lines = seconds_of(tool, program, folder)
            found.setdefault(tool, []).append(seconds)
            frames = lines if tool == OURS else frames
    return {tool: min(seconds) for tool, seconds in found.items()}, frames


def row(program: str, seconds: dict[str, float], frames: int) -> tuple[str, ...]:
    bare = seconds["nothing"]
    cost = {tool: (taken - bare) / frames * 1e6 for tool, taken in seconds.items()}
    ratio = {tool: cost[tool] / cost[OURS] for tool in ("hunter", "PySnooper", "snoop")}
    return (
        program,
        f"{frames:,}",
        f"{bare * 1e3:.1f} ms",
        *(f"{cost[tool]:.1f}" for tool in ("an empty trace function", OURS, "hunter", "PySnooper", "snoop")),
        *(f"{ratio[tool]:.1f}×" for tool in ("hunter", "PySnooper", "snoop")),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    memory = Path("/dev/shm")  # as /tmp is in a sandbox
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        rows = [row(program, *measured(program, runs, Path(folder))) for program in PROGRAMS]
    write(
        "tracer_overhead",
        "What tracing costs",
        f"Added microseconds a frame of ours, the least of {runs} runs in processor time, each tool's against ours; "
        f"goal: PySnooper and snoop at least {GOAL:.0f}×. {machine()}",
        HEADER,
        rows,
    )


if __name__ == "__main__":
    main()
