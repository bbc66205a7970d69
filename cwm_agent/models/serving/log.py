"""What vLLM writes: read as it grows, and told in plain words where it says how far the start has come."""

from __future__ import annotations

import re
from collections import deque
from pathlib import Path

_KEPT = 4_000
_LONGEST = 2_000
_ENDS = re.compile(rb"[\r\n]+")

_STAGES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"Loading (?:safetensors|pt) checkpoint shards[^:]*:\s+(\d+)% Completed \| (\d+)/(\d+)",
         "loading weights: {1} of {2} files ({0} %)"),
        (r"Starting to load model", "loading weights"),
        (r"Fetching (\d+) files:\s+(\d+)%", "downloading {0} files: {1} %"),
        (r"Loading weights took ([\d.]+)", "weights loaded in {0} s"),
        (r"torch\.compile takes ([\d.]+)", "compiled in {0} s"),
        (r"Capturing CUDA graphs?[^:]*:\s+(\d+)%", "capturing CUDA graphs: {0} %"),
        (r"KV cache size: ([\d,]+) tokens", "room for {0} tokens of context in all"),
        (r"Waiting for creating a placement group of specs for (\d+)", "waiting for the other machines ({0} s)"),
        (r"Warming up model", "warming up"),
    )
)  # fmt: skip


def stage(line: str) -> str | None:
    """How far the start has come, where the line tells it."""
    for pattern, words in _STAGES:
        if found := pattern.search(line):
            return words.format(*found.groups())
    return None


class Log:
    """A file that a process writes; its last lines stay at hand. Progress bars overwrite a line: each state is one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._begun = b""
        self._lines: deque[str] = deque(maxlen=_KEPT)
        self._at = path.stat().st_size if path.exists() else 0

    def fresh(self) -> list[str]:
        """The lines that were finished since the last call."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._at)
                new = file.read()
        except OSError:  # somebody took it away: the server writes on, and says nothing to us
            return []
        self._at += len(new)
        *whole, self._begun = _ENDS.split(self._begun + new)
        lines = [line[:_LONGEST].decode("utf-8", "replace") for line in whole if line.strip()]
        self._lines.extend(lines)
        return lines

    def text(self) -> str:
        """The last lines that the process wrote, the unfinished one included."""
        self.fresh()
        return "\n".join([*self._lines, self._begun.decode("utf-8", "replace")])
