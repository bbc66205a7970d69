"""Records the demo: the real program in a terminal, typed into, as an asciicast and as an animated picture.

`python scripts/recording.py` writes docs/images/demo.cast and docs/images/demo.svg.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from html import escape
from itertools import groupby, zip_longest
from pathlib import Path

from pyte.screens import Char

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.e2e.terminal import Terminal  # noqa: E402

IMAGES = ROOT / "docs" / "images"
COLUMNS, ROWS = 106, 30
PAUSE = 0.7
"""Seconds that nothing may happen for longer in the recording, save where it is to be read."""
FRAME = 0.2
COUNTS, SPEED = " candidates", 4
"""A row in which a number goes up, and how much faster it does so in the recording while nothing else happens."""
CELL, LINE, SIZE = 8.4, 18, 14
BACK, TEXT = "14171c", "d8dce4"
HOLD = 2.0
_STYLE = f"""\
text{{font:{SIZE}px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#{TEXT};
white-space:pre}}
.b{{font-weight:bold}}.i{{font-style:italic}}.u{{text-decoration:underline}}"""

QUIET = 0.03
"""Seconds without news after which a painting is taken for whole."""
WHOLE = 0.5
"""Seconds that one painting may take at most."""
Cells = tuple[Char, ...]
Screen = tuple[Cells, ...]


class Recorded(Terminal):
    """A terminal that remembers its screens and when they were; waits without news are cut short."""

    def __init__(self, command: list[str], environment: dict[str, str], folder: Path) -> None:
        super().__init__(command, environment, folder, columns=COLUMNS, rows=ROWS)
        self.frames: list[tuple[float, Screen]] = []
        self._cut = time.monotonic()
        self._last = self._kept = 0.0

    @property
    def now(self) -> float:
        """Seconds of the recording."""
        return time.monotonic() - self._cut

    def read(self, seconds: float = 0.05) -> None:
        """Take in what is painted, to the end of each painting: half of one is no screen."""
        before = len(self.raw)
        super().read(seconds)
        if len(self.raw) > before:
            latest = time.monotonic() + WHOLE
            while len(self.raw) > before and time.monotonic() < latest:
                before = len(self.raw)
                super().read(QUIET)
            self._cut += max(0.0, self.now - self._last - PAUSE)
            self._last = self.now
            if time.monotonic() - self._kept >= FRAME:
                self._kept = time.monotonic()
                self._keep()

    def _keep(self) -> None:
        screen = self.screen
        shown = tuple(tuple(screen.buffer[y][x] for x in range(COLUMNS)) for y in range(ROWS))
        if self.frames:
            at, before = self.frames[-1]
            changed = [row for row, old in zip(shown, before, strict=True) if row != old]
            if not changed:
                return
            if len(changed) == 1 and COUNTS in "".join(char.data for char in changed[0]):
                real = self.now - at
                if real < SPEED * FRAME:
                    return
                self._cut += real - FRAME
        self.frames.append((self.now, shown))

    def rest(self, seconds: float) -> None:
        """Let the reader read."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.read(0.05)
        self._keep()
        self._last = self.now


def drive(terminal: Recorded) -> None:
    """What a user of the demo does."""
    terminal.wait_for(r"opening the sandbox|box ●", seconds=300)
    terminal.frames.clear()
    terminal.wait_for(r"box ●", seconds=300)
    terminal.rest(2)
    terminal.press("enter")
    terminal.wait_for(r"A patch is ready", seconds=300)
    terminal.rest(3)
    terminal.press("ctrl+r")
    terminal.wait_for(r"undecided")
    terminal.rest(2.5)
    terminal.press("a")
    terminal.rest(1.2)
    terminal.press("enter")
    terminal.rest(2)
    terminal.press("enter")
    terminal.wait_for(r"Applied to ")
    terminal.rest(2)
    terminal.press("escape")
    terminal.rest(3)


def cast(frames: list[tuple[float, Screen]]) -> str:
    """The recording as asciicast, version 2: of each frame the rows that changed."""
    header = {"version": 2, "width": COLUMNS, "height": ROWS, "title": "cwm-agent demo"}
    lines = [json.dumps(header)]
    before: Screen = ()
    for at, shown in frames:
        news = [
            f"\x1b[{y};1H{''.join(map(''.join, _escaped(row)))}\x1b[0m"
            for y, (row, old) in enumerate(zip_longest(shown, before), 1)
            if row != old
        ]
        lines.append(json.dumps([round(at - frames[0][0], 2), "o", "\x1b[?25l" + "".join(news)], ensure_ascii=False))
        before = shown
    return "\n".join(lines) + "\n"


def _escaped(row: Cells) -> Iterator[tuple[str, str]]:
    """Runs of one style: how a terminal is told of it, and the text."""
    for (fore, back, bold, italic, under), run in groupby(row, _style):
        codes = [code for code, on in (("1", bold), ("3", italic), ("4", under)) if on]
        codes += [
            f"{kind};2;{int(c[:2], 16)};{int(c[2:4], 16)};{int(c[4:], 16)}" for kind, c in ((38, fore), (48, back))
        ]
        yield f"\x1b[0;{';'.join(codes)}m", "".join(char.data for char in run)


def _style(char: Char) -> tuple[str, str, bool, bool, bool]:
    return (*colours(char), char.bold, char.italics, char.underscore)


def colours(char: Char) -> tuple[str, str]:
    """Foreground and background, as six hexadecimal digits."""
    fore = TEXT if char.fg == "default" else pyte_colour(char.fg)
    back = BACK if char.bg == "default" else pyte_colour(char.bg)
    return (back, fore) if char.reverse else (fore, back)


def pyte_colour(name: str) -> str:
    """What pyte calls a colour: digits, or one of the sixteen names."""
    named = {"black": "000000", "red": "c8534f", "green": "6aa84f", "blue": "608ab1", "cyan": "68a1af", "white": TEXT}
    return name if len(name) == 6 and all(digit in "0123456789abcdef" for digit in name) else named.get(name, TEXT)


def drawn(row: Cells) -> str:
    """One row: a rectangle where the background is another, and a text for each run of one style."""
    parts, x = [], 0
    for (fore, back, bold, italic, under), run in groupby(row, _style):
        text = "".join(char.data for char in run)
        width, at = len(text) * CELL, x * CELL
        x += len(text)
        if back != BACK:
            parts.append(f'<rect x="{at:.4g}" width="{width:.4g}" height="{LINE}" fill="#{back}"/>')
        if stripped := text.rstrip():
            lead = len(stripped) - len(stripped.lstrip())
            body = stripped.lstrip()
            marks = "".join(mark for mark, on in (("b", bold), ("i", italic), ("u", under)) if on)
            names = f' class="{" ".join(marks)}"' if marks else ""
            fill = f' style="fill:#{fore}"' if fore != TEXT else ""
            parts.append(
                f'<text x="{at + lead * CELL:.4g}" y="{SIZE}" textLength="{len(body) * CELL:.4g}"{names}{fill}>'
                f"{escape(body)}</text>"
            )
    return "".join(parts)


def animated(frames: list[tuple[float, Screen]]) -> str:
    """The frames one below the other behind a window that jumps from one to the next; a row is drawn once."""
    rows: dict[Cells, int] = {}
    strips = []
    height, width = ROWS * LINE, COLUMNS * CELL
    for number, (_, shown) in enumerate(frames):
        uses = [
            f'<use href="#r{rows.setdefault(row, len(rows))}" y="{number * height + y * LINE}"/>'
            for y, row in enumerate(shown)
            if drawn(row)
        ]
        strips.append("".join(uses))
    began, total = frames[0][0], frames[-1][0] - frames[0][0] + HOLD
    steps = "".join(
        f"{100 * (at - began) / total:.3f}%{{transform:translateY(-{number * height}px)}}"
        for number, (at, _) in enumerate(frames)
    )
    defined = "".join(f'<g id="r{number}">{drawn(row)}</g>' for row, number in rows.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-12 -12 {width + 24:.0f} {height + 24}">'
        f"<style>{_STYLE}@keyframes k{{{steps}}}.k{{animation:k {total:.2f}s step-end infinite}}</style>"
        f'<rect x="-12" y="-12" width="100%" height="100%" rx="8" fill="#{BACK}"/>'
        f"<defs>{defined}</defs>"
        f'<svg width="{width:.0f}" height="{height}" viewBox="0 0 {width:.0f} {height}">'
        f'<g class="k">{"".join(strips)}</g></svg></svg>\n'
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        (home / "state").mkdir(parents=True)
        (home / "state" / "welcomed").touch()
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith("CWM_AGENT") and key != "NO_COLOR"
        }
        environment = kept | {"CWM_AGENT_HOME": str(home), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        command = [sys.executable, "-m", "cwm_agent", "demo"]
        with Recorded(command, environment, Path(name)) as terminal:
            drive(terminal)
    IMAGES.mkdir(parents=True, exist_ok=True)
    (IMAGES / "demo.cast").write_text(cast(terminal.frames), encoding="utf-8")
    (IMAGES / "demo.svg").write_text(animated(terminal.frames), encoding="utf-8")
    for made in ("demo.cast", "demo.svg"):
        print(f"{made}: {(IMAGES / made).stat().st_size / 1000:.0f} kB")
    print(f"{terminal.now:.0f} s, {len(terminal.frames)} frames")


if __name__ == "__main__":
    main()
