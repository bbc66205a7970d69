"""The source text that is stepped through: which lines can be reached, and what a listing shows."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping, Sequence
from types import CodeType

from msgspec import Struct

from cwm_agent.traces.code import SourceIndex
from cwm_agent.traces.entry import source_lines
from cwm_agent.traces.frames import Frame

AROUND = 5
"""Lines that a listing shows before and after the current one."""


class Listed(Struct, frozen=True):
    """A line of a listing, its number from 1."""

    number: int
    text: str
    current: bool = False
    breakpoint: bool = False


class Text:
    """One file's source. `reachable` are the lines of functions at which a frame can stand.

    `whole`: it is all of the file; else it is what the frames tell of it, and nothing is known to be unreachable.
    """

    def __init__(self, path: str, source: str, *, whole: bool = True) -> None:
        self.whole = whole
        self.path = path
        self.lines = source_lines(source)
        if len(self.lines) > 1 and not self.lines[-1]:
            self.lines.pop()
        self.index = SourceIndex(source)
        self.reachable = _reachable(source, path) if whole else frozenset()

    def function_around(self, line: int) -> tuple[int, int] | None:
        """The first and last line of the innermost function that holds a line."""
        spans = [
            (min(code.lines), max(code.lines)) for code in self.index.codes if code.starts and code.name != "<module>"
        ]
        around = [(first, last) for first, last in spans if first <= line <= last]
        return min(around, key=lambda span: span[1] - span[0], default=None)

    def starts_of(self, function: str) -> tuple[int, ...]:
        """The `def` lines of the functions of this name."""
        return tuple(code.starts[-1] for code in self.index.codes if code.name == function and function != "<module>")

    def listing(self, first: int, last: int, current: int | None, breakpoints: frozenset[int]) -> tuple[Listed, ...]:
        """The lines from first to last, as far as there are any."""
        span = range(max(first, 1), min(last, len(self.lines)) + 1)
        return tuple(Listed(n, self.lines[n - 1], n == current, n in breakpoints) for n in span)


def same_file(one: str, other: str) -> bool:
    """Whether two names can mean one file: equal, or one the end of the other."""
    if not one or not other or one == other:
        return True
    one, other = one.removeprefix("./"), other.removeprefix("./")
    return one == other or one.endswith("/" + other) or other.endswith("/" + one)


def seen(path: str, frames: Sequence[Frame]) -> Text:
    """What the frames tell of a file that is not at hand: the lines that ran."""
    found = {frame.line: frame.source for frame in frames if frame.line and frame.file == path}
    return Text(path, "\n".join(found.get(number, "") for number in range(1, max(found, default=0) + 1)), whole=False)


def text_of(path: str, texts: Mapping[str, Text], frames: Sequence[Frame]) -> Text:
    """The text of a file by the name that a frame gives it."""
    for name, text in texts.items():
        if same_file(name, path):
            return text
    return seen(path, frames)


def _reachable(source: str, path: str) -> frozenset[int]:
    """From the line tables of the compiled functions; nothing is run. Empty where the text does not compile."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = compile(source, path or "<source>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    return frozenset(line for code in _inside(module) for _, _, line in code.co_lines() if line)


def _inside(code: CodeType, *, called: bool = False) -> Iterator[CodeType]:
    """The code that a call can reach: functions, and the bodies of classes that stand in one."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            reached = called or bool(constant.co_flags & inspect.CO_OPTIMIZED)
            if reached:
                yield constant
            yield from _inside(constant, called=reached)
