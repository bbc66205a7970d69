"""How the full screen feels: from a key to the screen while text streams in, long sessions, an idle hour, a long day.

Each program runs in a pseudo-terminal; what it paints is read as a terminal would read it.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import re
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.screens import DAY, LINE, TOKENS_A_SECOND, long_story, write_story
from benchmarks.startup import first_paint
from benchmarks.table import machine, write

COLUMNS, ROWS = 120, 36
KEYS = 200
PAUSE = 0.06
LONGEST = 60.0
TURNS, ACTIONS = 500, 10
LETTERS = [chr(code) for code in (*range(0x391, 0x3A2), *range(0x3B1, 0x3CA), *range(0x410, 0x450))]
"""Letters of one cell that no story has: each is looked for in what is painted after it was typed."""
PAINT_GOAL, KEY_GOAL, OPEN_GOAL = 0.6, 0.030, 1.5
TICK = os.sysconf("SC_CLK_TCK")
Row = tuple[str, str, str, str]


class Screen:
    """One program in one pseudo-terminal. Leaving the context ends it."""

    def __init__(self, *arguments: str, module: str = "benchmarks.screens") -> None:
        self.began = time.perf_counter()
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
            os.environ.pop("NO_COLOR", None)
            os.execv(sys.executable, [sys.executable, "-m", module, *arguments])
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._terminal)

    def send(self, text: str) -> None:
        """Type."""
        os.write(self._terminal, text.encode())

    def read(self, seconds: float) -> bytes:
        """What is painted next, if anything is in this time."""
        ready, _, _ = select.select([self._terminal], [], [], max(0.0, seconds))
        return os.read(self._terminal, 1 << 16) if ready else b""

    def drain(self, seconds: float) -> bytes:
        """All that is painted in this time."""
        until = time.perf_counter() + seconds
        seen = b""
        while (left := until - time.perf_counter()) > 0:
            seen += self.read(left)
        return seen

    def wait_for(self, pattern: bytes, seconds: float = 120.0) -> re.Match[bytes]:
        """What is painted of it, when it is."""
        started, seen = time.perf_counter(), b""
        while (found := re.search(pattern, seen)) is None:
            if time.perf_counter() - started > seconds:
                raise SystemExit(f"{pattern!r} was not painted in {seconds} s.")
            seen = seen[-400:] + self.read(0.5)
        return found

    def key(self, letter: str) -> float:
        """Seconds from a key to its letter on the screen."""
        wanted = letter.encode()
        self.read(0)
        pressed = time.perf_counter()
        self.send(letter)
        seen = b""
        while wanted not in seen:
            if time.perf_counter() - pressed > 30:
                return 30.0
            seen = seen[-8:] + self.read(1.0)
        return time.perf_counter() - pressed

    @property
    def cpu(self) -> float:
        """Seconds of processor time so far."""
        user, system = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / TICK

    @property
    def resident(self) -> float:
        """Megabytes of memory."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        return int(found[1]) / 1024 if found else 0.0


def typed(screen: Screen, keys: int) -> tuple[list[float], list[bytes]]:
    """The times of so many keys, typed as fast as people do, and what was painted between them; the first ones
    where the program is so slow that all would take more than a minute."""
    times, seen = [], []
    until = time.perf_counter() + LONGEST
    for number in range(keys):
        if time.perf_counter() > until:
            break
        letter = LETTERS[number % len(LETTERS)]
        if number and number % len(LETTERS) == 0:
            screen.send("\x03\x15")  # ours clears the input, and an Input its line
            seen.append(screen.drain(0.5))
        times.append(screen.key(letter))
        seen.append(screen.drain(PAUSE))
    return times, seen


def told(times: list[float]) -> str:
    """Median and 95th percentile."""
    ordered = sorted(times)
    return f"{1000 * statistics.median(ordered):.0f} / {1000 * ordered[int(0.95 * len(ordered))]:.0f} ms"


def streaming(what: str, keys: int) -> list[str]:
    """Keys while a thousand tokens a second come in."""
    with Screen(what) as screen:
        mark = screen.wait_for(rb"\[(\d+)\]")
        first = time.perf_counter() - int(mark[1]) / TOKENS_A_SECOND
        screen.drain(2)
        began, cpu = time.perf_counter(), screen.cpu
        times, _ = typed(screen, keys)
        took = time.perf_counter() - began
        share = (screen.cpu - cpu) / took
        marks = [int(mark) for mark in re.findall(rb"\[(\d+)\]", screen.drain(3))]
        behind = time.perf_counter() - first - max(marks, default=0) / TOKENS_A_SECOND
        return [told(times), f"{100 * share:.0f} %", f"{max(0.0, behind):.1f} s"]


def opening(folder: Path, runs: int) -> tuple[list[float], list[float]]:
    """Wall and processor seconds from the start of the process until the end of a recorded session is on the screen."""
    wall, cpu = [], []
    for _ in range(runs):
        with Screen("record", str(folder)) as screen:
            screen.wait_for(f"answer {TURNS}".encode())
            wall.append(time.perf_counter() - screen.began)
            cpu.append(screen.cpu)
    return wall, cpu


def standing(folder: Path, keys: int) -> tuple[str, str, str]:
    """Keys, processor share while nobody does anything, and memory, in the long session."""
    with Screen("record", str(folder)) as screen:
        screen.wait_for(f"answer {TURNS}".encode())
        screen.drain(2)
        times, _ = typed(screen, keys)
        screen.drain(1)
        cpu = screen.cpu
        screen.drain(20)
        return told(times), f"{100 * (screen.cpu - cpu) / 20:.2f} %", f"{screen.resident:.0f} MB"


def day() -> list[float]:
    """Memory at the start and after each quarter of a day's events."""
    with Screen("day") as screen:
        screen.wait_for(rb"piece \d+")
        found = [screen.resident]
        for quarter in range(1, 5):
            screen.wait_for(f"quarter {quarter} is over".encode())
            screen.drain(1.5)
            found.append(screen.resident)
        return found


def in_stream(keys: int) -> list[Row]:
    """Our screen and two that one would write first, on the same stream."""
    rows = []
    goal = f"p95 ≤ {1000 * KEY_GOAL:.0f} ms"
    for what, title in (("stream", "ours"), ("rich_log", "a RichLog"), ("markdown", "a Markdown widget")):
        latency, share, behind = streaming(what, keys)
        detail = f"processor {share}, shows what came {behind} ago"
        rows.append((f"key to screen, {TOKENS_A_SECOND:,} tokens/s, {title}", latency, detail, goal))
    return rows


def in_long_session(folder: Path, keys: int, runs: int) -> list[Row]:
    """A long record: opened, typed into, left alone."""
    size = write_story(folder, long_story(TURNS, ACTIONS, LINE * 160))
    printed = TURNS * ACTIONS * 160 * len(LINE) / 1e6
    wall, cpu = opening(folder, runs)
    latency, idle, resident = standing(folder, keys)
    found = f"{TURNS} turns, {printed:.0f} MB of output"
    return [
        (f"open {found}", f"{min(wall):.2f} s", f"processor {min(cpu):.2f} s, {size / 1e6:.0f} MB", f"≤ {OPEN_GOAL} s"),
        ("key to screen in it", latency, f"{resident} resident", f"p95 ≤ {1000 * KEY_GOAL:.0f} ms"),
        ("processor while idle in it", idle, "of one core, over 20 s", "≈ 0"),
    ]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--keys", type=int, default=KEYS)
    arguments.add_argument("--runs", type=int, default=5)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(["git", "init", "-q", name], check=True)
        painted = min(first_paint([sys.executable, "-m", "cwm_agent"], folder) for _ in range(given.runs))
        rows: list[Row] = [("first paint", f"{painted:.2f} s", f"the best of {given.runs}", f"≤ {PAINT_GOAL} s")]
        rows += in_stream(given.keys)
        rows += in_long_session(folder / "long", given.keys, given.runs)
    sizes = ", ".join(f"{size:.0f}" for size in day())
    rows.append((f"memory over {DAY:,} events", f"{sizes} MB", "at the start and each quarter", "flat"))
    note = (
        f"In a pseudo-terminal of {COLUMNS} × {ROWS}. Keys: median / 95th percentile of {given.keys}. A busy machine "
        f"makes them later: the load average was {os.getloadavg()[0]:.1f}. {machine()}"
    )
    write("tui", "The full screen", note, ("what", "measured", "with it", "goal"), rows)


if __name__ == "__main__":
    main()
